"""The variants of one model: what an integrator may choose from, made out of its contract-1 file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detector.contract import CONTRACT_VERSION
from ..detector.embed_contract import EmbedKind
from ..detector.errors import ModelError
from ..inference.verification import verify_model
from .bundle import Companion, Variant
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


def assortment(model: Path, pictures: Sequence[NDArray[np.uint8]]) -> Assortment:
    """Every variant of a contract-1 file, the file itself first, and the proof of parity that lies beside it.

    Args:
        model: the file, in float32.
        pictures: canonical pictures (H, W, 3) of scans such as it will see, to set the ranges of INT8 variants with;
            none leaves those out. OpenVINO's is made where OpenVINO is installed.

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
    return Assortment(
        tuple(_variants(content, name, pictures)), (*_proof(model, name), *_openvino(content, name, pictures))
    )


def has_openvino() -> bool:
    """True where the extra [openvino] is installed."""
    return all(find_spec(package) is not None for package in OPENVINO)


def _variants(content: bytes, name: str, pictures: Sequence[NDArray[np.uint8]]) -> Iterator[Variant]:
    precisions = {"fp32": content, "fp16": half_bytes(content)}
    if pictures:
        precisions["int8"] = eight_bit_bytes(content, pictures)
    for precision, network in precisions.items():
        stem = name if precision == "fp32" else f"{name}-{precision}"
        yield Variant(f"{stem}.onnx", network, precision)
        yield Variant(f"{stem}{EmbedKind.SINGLE.suffix}", embed_bytes(network, EmbedKind.SINGLE), precision)
    for kind in (EmbedKind.BATCH, EmbedKind.DUAL):
        yield Variant(f"{name}{kind.suffix}", embed_bytes(content, kind), "fp32")


def _openvino(content: bytes, name: str, pictures: Sequence[NDArray[np.uint8]]) -> Iterator[Companion]:
    if not pictures or not has_openvino():
        return
    for suffix, part in zip((".xml", ".bin"), openvino_eight_bits(content, pictures), strict=True):
        yield Companion(f"openvino/{name}-int8{suffix}", part, "model", "int8")


def _proof(model: Path, name: str) -> Iterator[Companion]:
    proof = model.with_suffix(PROOF_SUFFIX)
    if proof.is_file():
        yield Companion(f"{name}{PROOF_SUFFIX}", proof.read_bytes(), "proof")
