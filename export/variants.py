"""The variants of one model: what an integrator may choose from, made out of its contract-1 file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..detector.contract import CONTRACT_VERSION
from ..detector.embed_contract import EmbedKind
from ..detector.errors import ModelError
from ..inference.verification import verify_model
from .bundle import Companion, Variant
from .calibration_scans import CalibrationScans
from .embed import embed_bytes
from .openvino_quantised import openvino_eight_bits
from .precisions import eight_bit_bytes, half_bytes

PROOF_SUFFIX = ".parity.json"
OPENVINO = ("openvino", "nncf")


@dataclass(frozen=True, slots=True, eq=False)
class Assortment:
    """Everything made of one model."""

    variants: tuple[Variant, ...]
    companions: tuple[Companion, ...]


def assortment(model: Path, scans: CalibrationScans | None) -> Assortment:
    """Every variant of a contract-1 file, the file itself first, and the proof of parity that lies beside it.

    Args:
        model: the file, in float32.
        scans: such as it will see, to fit INT8 variants to; None leaves those out. OpenVINO's is made where OpenVINO
            is installed.

    Raises:
        ModelError: if it is refused, or of another contract.
    """
    verified = verify_model(model)
    if verified.contract != str(CONTRACT_VERSION):
        raise ModelError(
            f"{model} is of contract {verified.contract}; variants are made from contract {CONTRACT_VERSION}",
            "give the file that parcelsight export wrote",
        )
    # A plain file name, whatever the card says.
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", verified.card.name).strip("-") or "model"
    content = verified.file.content
    return Assortment(tuple(_variants(content, name, scans)), (*_proof(model, name), *_openvino(content, name, scans)))


def has_openvino() -> bool:
    """True where the extra [openvino] is installed."""
    return all(find_spec(package) is not None for package in OPENVINO)


def _variants(content: bytes, name: str, scans: CalibrationScans | None) -> Iterator[Variant]:
    precisions = {"fp32": content, "fp16": half_bytes(content)}
    if scans:
        precisions["int8"] = eight_bit_bytes(content, scans)
    for precision, network in precisions.items():
        stem = name if precision == "fp32" else f"{name}-{precision}"
        yield Variant(f"{stem}.onnx", network, precision)
        yield Variant(f"{stem}{EmbedKind.SINGLE.suffix}", embed_bytes(network, EmbedKind.SINGLE), precision)
    for kind in (EmbedKind.BATCH, EmbedKind.DUAL):
        yield Variant(f"{name}{kind.suffix}", embed_bytes(content, kind), "fp32")


def _openvino(content: bytes, name: str, scans: CalibrationScans | None) -> Iterator[Companion]:
    if not scans or not has_openvino():
        return
    made = openvino_eight_bits(content, scans)
    stem = f"openvino/{name}-int8"
    yield Companion(f"{stem}.xml", made.xml, "model", "int8")
    yield Companion(f"{stem}.bin", made.weights, "model", "int8")
    # The format has no place for it, and its thresholds are its own.
    card = json.dumps(made.card.model_dump(mode="json"), indent=1) + "\n"
    yield Companion(f"{stem}.card.json", card.encode(), "text", "int8")


def _proof(model: Path, name: str) -> Iterator[Companion]:
    proof = model.with_suffix(PROOF_SUFFIX)
    if proof.is_file():
        yield Companion(f"{name}{PROOF_SUFFIX}", proof.read_bytes(), "proof")
