"""A torch network written as ONNX with the input and output of contract 1.

Traced directly rather than through the training engine's exporter, whose defaults (head, simplifier, free sides,
installing at run time) change between its releases.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import onnx
import torch

from .contract import INPUT_NAME, OUTPUT_NAME
from .errors import ModelError

OPSETS = range(11, 19)
"""The tracing exporter writes none above 18 well."""


def write_raw_onnx(model: Any, source: str, path: Path, input_px: int, dynamic_batch: bool, opset: int) -> None:
    """Write a network that maps (N, 3, S, S) to NMS-free (N, K, 6).

    Raises:
        ModelError: if it has another output, or cannot be traced or written.
    """
    if opset not in OPSETS:
        raise ModelError(f"cannot export with opset {opset}", f"use {OPSETS.start} to {OPSETS.stop - 1}")
    # Two pictures: in places a batch of one would be traced as a constant.
    example = torch.zeros(2 if dynamic_batch else 1, 3, input_px, input_px)
    try:
        with torch.inference_mode():
            shape = tuple(model(example).shape)  # also lays the grid of this size, which tracing then finds fixed
        if len(shape) != 3 or shape[2] != 6:
            raise ModelError(f"{source} gives {shape}, not NMS-free (N, K, 6)", "train a YOLO26 network")
        with warnings.catch_warnings():
            # It warns that the tracing exporter is the old one, and of sizes becoming constants, which is wanted.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                (example,),
                str(path),
                dynamo=False,
                opset_version=opset,
                do_constant_folding=True,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_axes={INPUT_NAME: {0: "N"}, OUTPUT_NAME: {0: "N"}} if dynamic_batch else None,
            )
        _state_output_shape(path, shape[1:])
    except (RuntimeError, OSError, torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{source} cannot be exported ({error})", "check the disk and the weights") from error


def _state_output_shape(path: Path, shape: tuple[int, ...]) -> None:
    """Write K and 6 into the graph, which tracing leaves open, and check that they hold there."""
    graph_file = onnx.load(str(path))
    dims = graph_file.graph.output[0].type.tensor_type.shape.dim
    for dim, size in zip(dims[1:], shape, strict=True):
        dim.dim_value = size
    onnx.checker.check_model(graph_file, full_check=True)
    onnx.save(graph_file, str(path))
