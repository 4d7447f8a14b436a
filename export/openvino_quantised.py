"""A contract-1 file quantised to eight bits by NNCF, in OpenVINO's own format (needs the extra [openvino]).

NNCF reports its use over the network unless it believes to be in continuous integration, which it is told here.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from ..detector.card import ModelCard
from ..detector.contract import from_metadata
from ..detector.errors import MissingExtra, ModelError
from .network_parts import head_nodes, named
from .reference import letterboxed


def openvino_eight_bits(contract_file: bytes, pictures: Sequence[NDArray[np.uint8]]) -> tuple[bytes, bytes]:
    """Quantise by NNCF, asymmetric activations and symmetric weights, the head left in floating point.

    Args:
        contract_file: the float32 file.
        pictures: canonical pictures (H, W, 3) to calibrate on.

    Returns:
        The bytes of the ``.xml`` and the ``.bin`` file; input and output are those of contract 1.

    Raises:
        MissingExtra: if OpenVINO or NNCF is not installed.
        ModelError: if the network cannot be quantised.
    """
    os.environ["NNCF_CI"] = "1"
    try:
        import nncf
        import openvino
    except ImportError as error:
        raise MissingExtra("the OpenVINO variant", "openvino") from error
    model = named(onnx.load_from_string(contract_file))
    card: ModelCard = from_metadata({entry.key: entry.value for entry in model.metadata_props}, "the model")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    try:
        network = openvino.Core().read_model(io.BytesIO(model.SerializeToString()))
        head = head_nodes(model.graph)
        # The importer makes several operations of a node, named NODE/…; those it names otherwise hold no weights.
        apart = [
            name
            for name in (operation.get_friendly_name() for operation in network.get_ordered_ops())
            if name in head or name.rsplit("/", 1)[0] in head
        ]
        with redirect_stdout(io.StringIO()):  # it draws progress bars
            quantised = nncf.quantize(
                network,
                nncf.Dataset(pictures, lambda rgb: letterboxed(rgb, card.input_px)[None]),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(pictures),
                ignored_scope=nncf.IgnoredScope(names=apart, validate=False),
            )
        with TemporaryDirectory(prefix="parcelsight-openvino-") as folder:
            openvino.save_model(quantised, Path(folder) / "model.xml", compress_to_fp16=False)
            return (Path(folder) / "model.xml").read_bytes(), (Path(folder) / "model.bin").read_bytes()
    except Exception as error:  # neither library's exceptions have a public base class
        raise ModelError(f"the network cannot be quantised for OpenVINO ({error})", "use the float32 file") from error
