"""A contract-1 file quantised to eight bits by NNCF, in OpenVINO's own format (needs the extra [openvino]).

NNCF reports its use over the network unless it believes to be in continuous integration, which it is told here.
"""

from __future__ import annotations

import io
import logging
import os
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ModelCard
from ..detector.errors import MissingExtra, ModelError
from ..inference.openvino_session import compiled
from .calibration_scans import CalibrationScans
from .contract_file import read_contract_file
from .matching import Run
from .network_parts import kept_in_float, named
from .precisions import matched_card
from .reference import letterboxed

_MOST_PICTURES = 128


@dataclass(frozen=True, slots=True, eq=False)
class OpenVinoNetwork:
    """A quantised network in OpenVINO's format; input and output are those of contract 1."""

    xml: bytes
    weights: bytes
    """Of the ``.bin`` file."""
    card: ModelCard
    """With thresholds of its own."""


def openvino_eight_bits(contract_file: bytes, scans: CalibrationScans) -> OpenVinoNetwork:
    """Quantise by NNCF, asymmetric activations and symmetric weights; large maps and the head stay in floating point.

    Args:
        contract_file: the float32 file.
        scans: to calibrate on.

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
    model, card = read_contract_file(contract_file)
    model = named(model)
    logging.getLogger("nncf").setLevel(logging.ERROR)
    try:
        network = openvino.Core().read_model(io.BytesIO(model.SerializeToString()))
        kept = kept_in_float(model)
        pictures = scans.for_ranges(_MOST_PICTURES)
        # The importer makes several operations of a node, named NODE/…; those it names otherwise hold no weights.
        apart = [
            name
            for name in (operation.get_friendly_name() for operation in network.get_ordered_ops())
            if name in kept or name.rsplit("/", 1)[0] in kept
        ]
        with redirect_stdout(io.StringIO()):  # it draws progress bars
            quantised = nncf.quantize(
                network,
                nncf.Dataset(pictures, lambda rgb: letterboxed(rgb, card.input_px)[None]),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(pictures),
                ignored_scope=nncf.IgnoredScope(names=apart, validate=False),
            )
        run = openvino_network(quantised, card.input_px)
        with TemporaryDirectory(prefix="parcelsight-openvino-") as folder:
            openvino.save_model(quantised, Path(folder) / "model.xml", compress_to_fp16=False)
            xml, weights = ((Path(folder) / f"model.{suffix}").read_bytes() for suffix in ("xml", "bin"))
    except Exception as error:  # neither library's exceptions have a public base class
        raise ModelError(f"the network cannot be quantised for OpenVINO ({error})", "use the float32 file") from error
    return OpenVinoNetwork(xml, weights, matched_card(contract_file, run, scans))


def openvino_network(network: Any, side_px: int, threads: int = 1) -> Run:
    """A network of OpenVINO's, loaded, with what is not quantised in float32."""
    request = compiled(network.clone(), side_px, threads, "f32")

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        request.infer({0: images}, share_inputs=True)
        return np.array(request.get_output_tensor(0).data[0], np.float32)

    return run
