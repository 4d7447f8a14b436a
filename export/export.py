"""A trained network written as a contract-1 file, with the proof that it is the same network; or no file at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..datasets.files import written_whole
from ..detector.card import ModelCard
from ..detector.errors import RunError, ScanError
from ..detector.network import Network
from .contract_file import contract_bytes, load_raw, weights_sha256
from .parity import ParityReport, Picture, prove_parity
from .reference import ReferenceDetector

OPSET = 17


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written."""

    model: Path
    parity_file: Path
    card: ModelCard
    parity: ParityReport


def export_model(
    network: Network, card_of: Callable[[str], ModelCard], input_px: int, out: Path, pictures: Sequence[Picture]
) -> Exported:
    """Write a network as contract-1 ONNX and prove that it says what the network says.

    Args:
        network: the trained network.
        card_of: makes the card, given the weights' sha256.
        input_px: side of the square input.
        out: the ONNX file to write; an existing one is replaced only after the proof.
        pictures: for the proof, at least 20 (parity.py).

    Raises:
        ModelError: if the network cannot be exported as contract 1.
        RunError: if the proof fails or the file cannot be written; no file is left then.
    """
    with TemporaryDirectory(prefix="parcelsight-export-") as folder:
        raw = Path(folder) / "raw.onnx"
        network.export_raw_onnx(raw, input_px, dynamic_batch=True, opset=OPSET)
        graph = load_raw(raw)
        card = card_of(weights_sha256(graph))
        content = contract_bytes(graph, card)
        candidate = Path(folder) / out.name
        candidate.write_bytes(content)
        reference = ReferenceDetector(network, input_px, [spec.temperature for spec in card.classes])
        report = prove_parity(candidate, hashlib.sha256(content).hexdigest(), reference, pictures)
    parity_file = out.with_suffix(".parity.json")
    _write(out, content)
    _write(parity_file, (report.model_dump_json(indent=1) + "\n").encode())
    return Exported(out, parity_file, card, report)


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:
            part.write_bytes(content)
    except (OSError, ScanError) as error:
        raise RunError(f"{path} cannot be written ({error})", "give a place you may write to with --out") from error
