"""A contract-1 file in eight bits for onnxruntime on CPUs: unsigned activations, signed weights with a scale a channel.

Quantise and dequantise nodes of the standard stand around every layer but the head and the few that see the picture at
a large size (network_parts.py). Where a CPU has no VNNI instructions, eight-bit products may
overflow in onnxruntime and scores suffer: measure there, or stay with float32.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from ..detector.contract import INPUT_NAME
from ..detector.errors import ModelError
from .network_parts import kept_in_float, named
from .reference import letterboxed


class Range(StrEnum):
    """How the range of an activation is chosen from what the calibration pictures give."""

    MINMAX = "minmax"
    """The smallest and the largest value."""
    PERCENTILE = "percentile"
    """The central 99.99 %: what a few pixels reach does not coarsen all others."""
    ENTROPY = "entropy"
    """What keeps the distribution best (Kullback–Leibler)."""

    @property
    def most_pictures(self) -> int:
        """How many pictures it can use: where whole distributions are kept, each takes a second or more."""
        return 128 if self is Range.MINMAX else 32


@dataclass(slots=True)
class _Pictures:
    """The calibration pictures as onnxruntime's quantiser asks for them: in ranges, one at a time."""

    pictures: Sequence[NDArray[np.uint8]]
    side_px: int
    next_index: int = 0
    end_index: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def set_range(self, start_index: int, end_index: int) -> None:
        """What to give next."""
        self.next_index, self.end_index = start_index, end_index

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, or None after the last of the range."""
        if self.next_index == self.end_index:
            return None
        rgb = self.pictures[self.next_index]
        self.next_index += 1
        return {INPUT_NAME: letterboxed(rgb, self.side_px)[None]}


def in_eight_bits(
    model: onnx.ModelProto, pictures: Sequence[NDArray[np.uint8]], side_px: int, rule: Range = Range.PERCENTILE
) -> onnx.ModelProto:
    """The same network with eight-bit weights and activations.

    Args:
        model: a contract-1 model in float32; left unchanged.
        pictures: canonical pictures (H, W, 3) of scans such as it will see, for the ranges of activations.
        side_px: S of the network.
        rule: how ranges are chosen.

    Raises:
        ModelError: if it cannot be quantised.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    method = {
        Range.MINMAX: CalibrationMethod.MinMax,
        Range.PERCENTILE: CalibrationMethod.Percentile,
        Range.ENTROPY: CalibrationMethod.Entropy,
    }[rule]
    logging.getLogger().addFilter(_no_quantiser_advice)
    with TemporaryDirectory(prefix="parcelsight-quantise-") as folder:
        source, simple, out = (Path(folder) / name for name in ("in.onnx", "simple.onnx", "out.onnx"))
        onnx.save(named(model), source)
        try:
            quant_pre_process(str(source), str(simple), skip_symbolic_shape=True)
            with redirect_stdout(io.StringIO()):  # it prints a line a picture
                quantize_static(
                    str(simple),
                    str(out),
                    _Pictures(pictures, side_px),
                    quant_format=QuantFormat.QDQ,
                    per_channel=True,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    nodes_to_exclude=sorted(kept_in_float(onnx.load(str(simple)))),
                    calibrate_method=method,
                    # All activations of all pictures at once would take gigabytes.
                    extra_options={
                        "CalibStridedMinMax": 1,
                        "CalibTensorRangeSymmetric": False,  # activations have a zero point of their own
                        **({"CalibPercentile": 99.99} if rule is Range.PERCENTILE else {}),
                    },
                )
            return onnx.load(str(out))
        except Exception as error:  # the quantiser raises whatever fits its many steps
            raise ModelError(f"the network cannot be quantised ({error})", "use the float32 file") from error
        finally:
            logging.getLogger().removeFilter(_no_quantiser_advice)


def _no_quantiser_advice(record: logging.LogRecord) -> bool:
    """False for its advice to do what has just been done."""
    return "pre-processing" not in record.getMessage()
