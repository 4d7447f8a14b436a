"""A contract-1 file in another precision: same contract, card and decoding, so that the runtime takes it as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import helper

from .. import __version__
from ..detector.card import ModelCard
from ..detector.contract import from_metadata, to_metadata
from ..detector.errors import ModelError
from ..detector.seal import sealed
from ..inference.model_file import check_content
from ..inference.session import OnnxSession
from .calibration_scans import CalibrationScans
from .contract_file import read_contract_file
from .half import in_half_precision
from .matching import Run, claims_of, matched
from .quantise import Range, in_eight_bits

VARIANT_KEY = "parcelsight.variant"
"""Metadata that says how a variant was made, as JSON. The weights' digest on its card is the float32 network's."""


def half_bytes(contract_file: bytes) -> bytes:
    """A contract-1 file in half precision (half.py), sealed.

    Raises:
        ModelError: if it is no contract-1 file in float32, or cannot be converted.
    """
    return _converted(contract_file, lambda model, _: in_half_precision(model), {"precision": "fp16"})


def eight_bit_bytes(contract_file: bytes, scans: CalibrationScans, rule: Range = Range.PERCENTILE) -> bytes:
    """A contract-1 file in eight bits for onnxruntime (quantise.py), with thresholds of its own (matching.py), sealed.

    Raises:
        ModelError: if it is no contract-1 file in float32, or cannot be converted.
    """
    pictures = scans.for_ranges(rule.most_pictures)
    about: dict[str, str | int] = {"precision": "int8", "ranges": rule.value, "calibration_pictures": len(pictures)}
    made = _converted(contract_file, lambda model, card: in_eight_bits(model, pictures, card.input_px, rule), about)
    return with_card(made, matched_card(contract_file, network_of(made), scans))


def network_of(contract_file: bytes) -> Run:
    """A contract-1 file of any precision, loaded by onnxruntime.

    Raises:
        ModelError: if it cannot be.
    """
    file = check_content(Path("the variant"), contract_file, None)
    return OnnxSession(file, from_metadata(file.metadata, "the variant").input_px, device="cpu").run


def matched_card(contract_file: bytes, variant: Run, scans: CalibrationScans) -> ModelCard:
    """The card of a variant: the float32 file's, with thresholds and temperatures of the variant's own.

    Raises:
        ModelError: if a network fails to run.
    """
    _, card = read_contract_file(contract_file)
    exact, other = claims_of((network_of(sealed(contract_file)), variant), scans.for_thresholds(), card.input_px)
    return matched(card, exact, other, scans.told())


def with_card(contract_file: bytes, card: ModelCard) -> bytes:
    """The same network with another card, sealed anew."""
    model = onnx.load_from_string(contract_file)
    about = {entry.key: entry.value for entry in model.metadata_props if entry.key == VARIANT_KEY}
    del model.metadata_props[:]
    helper.set_model_props(model, to_metadata(card) | about)
    return sealed(bytes(model.SerializeToString(deterministic=True)))


def _converted(
    contract_file: bytes,
    convert: Callable[[onnx.ModelProto, ModelCard], onnx.ModelProto],
    about: dict[str, str | int],
) -> bytes:
    """Convert, remove what converters leave behind, and tell how it was made."""
    model, card = read_contract_file(contract_file)
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    made = convert(model, card)
    foreign = sorted({node.op_type for node in made.graph.node if node.domain})
    if foreign:
        raise ModelError(f"the variant needs operators outside the standard: {', '.join(foreign)}", "report this")
    del made.opset_import[:], made.metadata_props[:]
    made.opset_import.extend(standard)
    made.ir_version = model.ir_version
    made.graph.name = "parcelsight"
    made.producer_name, made.producer_version = "parcelsight", __version__
    for part in (made, made.graph, *made.graph.node):
        part.ClearField("doc_string")
    helper.set_model_props(made, {**to_metadata(card), VARIANT_KEY: json.dumps(about, sort_keys=True)})
    try:
        onnx.checker.check_model(made, full_check=True)
    except Exception as error:  # onnx raises its checker's and its inference's own errors
        raise ModelError(f"the converted network is not valid ({error})", "report this with the model") from error
    return sealed(bytes(made.SerializeToString(deterministic=True)))
