"""A bundle: every variant of one model in a folder, with its manifest, signature and bill of materials."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..detector.contract import CONTRACT_VERSION
from ..detector.embed_contract import EmbedKind
from ..detector.errors import RunError, UsageError
from ..inference.bundle import VerifiedBundle, tensor_entries, verify_bundle
from ..inference.key_pairs import PrivateKey
from ..inference.manifest import MANIFEST_NAME, SIGNATURE_NAME, FileEntry, Kind, Manifest, manifest_bytes
from ..inference.verification import VerifiedModel, verify_model
from .sbom import bill_of_materials
from .signing import sealed_by, write_file
from .triton import FOLDER, MODEL_FILE, batched_config, labels_text, single_config

SBOM_NAME = "sbom.cdx.json"
CARD_NAME = "card.json"
LABELS_NAME = "labels.txt"


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One model file to be."""

    path: str
    """In the bundle."""
    content: bytes
    """The file; its seal is renewed."""
    precision: str


@dataclass(frozen=True, slots=True, eq=False)
class Companion:
    """A file beside the models: proofs, and variants for engines with formats of their own."""

    path: str
    content: bytes
    kind: Kind
    precision: str | None = None


def write_bundle(
    folder: Path, variants: Sequence[Variant], companions: Sequence[Companion] = (), key: PrivateKey | None = None
) -> VerifiedBundle:
    """Write a bundle and verify what was written; the folder appears whole or not at all.

    Args:
        folder: must not exist, or be empty.
        variants: the models of one network; among them its contract-1 file in fp32.
        companions: what else belongs to them.
        key: signs every model and the manifest.

    Raises:
        UsageError: if there is something in the folder.
        ModelError: if a variant does not keep its contract.
        RunError: if the folder cannot be written.
    """
    check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror})", "give a place you may write to") from error
    try:
        made = _fill(work, variants, companions, key)
        work.chmod(0o755)
        os.replace(work, folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror})", "give a place you may write to") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return VerifiedBundle(folder, made.manifest, made.signed_by, made.models)


def check_free(folder: Path) -> None:
    """Raises UsageError where a bundle would be written over something."""
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder", "give a new folder for the bundle")


def _fill(
    work: Path, variants: Sequence[Variant], companions: Sequence[Companion], key: PrivateKey | None
) -> VerifiedBundle:
    """Write everything into an empty folder and verify it."""
    entries = [_write_model(work, variant, key) for variant in variants]
    models = {entry.path: verify_model(work / entry.path, key.public if key else None) for entry in entries}
    main = next(model for entry, model in zip(entries, models.values(), strict=True) if _is_network(entry))
    entries += _write_triton(work, entries, models)
    for companion in (*companions, *_texts(main, entries)):
        write_file(work / companion.path, companion.content)
        entries.append(_entry(companion.path, companion.content, companion.kind, precision=companion.precision))
    manifest = Manifest(
        name=main.card.name,
        version=main.card.version,
        toolkit_version=__version__,
        taxonomy=main.card.taxonomy,
        licence=main.card.licence,
        card=main.card,
        signed_by=key.public.text if key else None,
        files=tuple(sorted(entries, key=lambda entry: entry.path)),
    )
    content = manifest_bytes(manifest)
    write_file(work / MANIFEST_NAME, content)
    if key:
        write_file(work / SIGNATURE_NAME, key.sign(content).value)
    return verify_bundle(work, key.public if key else None)


def _is_network(entry: FileEntry) -> bool:
    return (entry.contract, entry.precision) == (str(CONTRACT_VERSION), "fp32")


def _write_model(work: Path, variant: Variant, key: PrivateKey | None) -> FileEntry:
    content = sealed_by(variant.content, key)
    write_file(work / variant.path, content)
    model = verify_model(work / variant.path, key.public if key else None)
    return _model_entry(variant.path, content, model, variant.precision)


def _model_entry(path: str, content: bytes, model: VerifiedModel, precision: str | None) -> FileEntry:
    tensors = model.file.declared.tensors
    return _entry(path, content, "model", precision=precision).model_copy(
        update={
            "contract": model.contract,
            "inputs": tensor_entries(tensors.inputs),
            "outputs": tensor_entries(tensors.outputs),
        }
    )


def _write_triton(work: Path, entries: Sequence[FileEntry], models: dict[str, VerifiedModel]) -> list[FileEntry]:
    """The model repository, out of the fp32 variants that it can serve."""
    written: list[FileEntry] = []
    for entry in entries:
        model = models[entry.path]
        # Triton names a model by its folder, and dots read badly in its addresses.
        name = entry.path.removesuffix(".onnx").replace(".", "-")
        if _is_network(entry):
            config = batched_config(name, model.file.declared.tensors)
        elif (entry.contract, entry.precision) == (EmbedKind.SINGLE.value, "fp32"):
            config = single_config(name, model.file.declared.tensors)
        else:
            continue
        path = f"{FOLDER}/{name}/{MODEL_FILE}"
        write_file(work / path, model.file.content)
        written.append(_model_entry(path, model.file.content, model, entry.precision))
        for beside, text in (("config.pbtxt", config), (LABELS_NAME, labels_text(model.card))):
            content = text.encode()
            write_file(work / FOLDER / name / beside, content)
            written.append(_entry(f"{FOLDER}/{name}/{beside}", content, "server configuration"))
    return written


def _texts(main: VerifiedModel, entries: Sequence[FileEntry]) -> list[Companion]:
    digests = {entry.path: entry.sha256 for entry in entries if entry.kind == "model"}
    card = json.dumps(main.card.model_dump(mode="json"), indent=1) + "\n"
    return [
        Companion(CARD_NAME, card.encode(), "text"),
        Companion(LABELS_NAME, labels_text(main.card).encode(), "text"),
        Companion(SBOM_NAME, bill_of_materials(main.card, digests), "bill of materials"),
    ]


def _entry(path: str, content: bytes, kind: Kind, *, precision: str | None = None) -> FileEntry:
    return FileEntry(
        path=path, kind=kind, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), precision=precision
    )
