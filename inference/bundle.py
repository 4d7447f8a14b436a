"""A bundle, the folder that ``parcelsight export --bundle`` writes: checked as a whole and file by file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..detector.card import ModelCard
from ..detector.declared import ELEMENT_TYPES, DeclaredTensor, Tensors
from ..detector.errors import ModelError
from .files_within import digest_within, names_within
from .keys import PublicKey
from .manifest import MANIFEST_NAME, SIGNATURE_NAME, FileEntry, Manifest, TensorEntry, read_manifest
from .model_file import MAX_MODEL_BYTES
from .verification import VerifiedModel, verify_model

_REMEDY = "get the bundle again from where it was exported"


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedBundle:
    """A bundle that passed every check."""

    folder: Path
    manifest: Manifest
    signed_by: PublicKey | None
    models: tuple[VerifiedModel, ...]


def verify_bundle(folder: Path, key: PublicKey | None = None) -> VerifiedBundle:
    """Check a bundle: manifest, signature, every file, and every ONNX model in it as a model.

    Raises:
        ModelError: saying which check failed.
        UsageError: if the pinned key cannot be read.
    """
    manifest, signer = read_manifest(folder, key)
    signature = {SIGNATURE_NAME} if signer else set()
    strangers = set(names_within(folder)) - {MANIFEST_NAME, *signature, *(entry.path for entry in manifest.files)}
    if strangers:
        raise ModelError(f"{folder / min(strangers)} is in the folder and not in its manifest", _REMEDY)
    models: list[VerifiedModel] = []
    for entry in manifest.files:
        _check_file(folder, entry)
        if entry.path.endswith(".onnx"):
            models.append(_check_model(folder, entry, manifest, key or signer))
    return VerifiedBundle(folder, manifest, signer, tuple(models))


def tensor_entries(tensors: tuple[DeclaredTensor, ...]) -> tuple[TensorEntry, ...]:
    """Inputs or outputs as a manifest lists them."""
    return tuple(TensorEntry(name=t.name, type=ELEMENT_TYPES[t.element_type], shape=t.shape) for t in tensors)


def _check_file(folder: Path, entry: FileEntry) -> None:
    if entry.size_bytes > MAX_MODEL_BYTES:
        raise ModelError(f"{folder / entry.path} is larger than {MAX_MODEL_BYTES // 1_000_000} MB", _REMEDY)
    if digest_within(folder, entry.path, entry.size_bytes) != entry.sha256:
        raise ModelError(f"{folder / entry.path} is damaged or altered: another sha256 than the manifest says", _REMEDY)


def _check_model(folder: Path, entry: FileEntry, manifest: Manifest, key: PublicKey | None) -> VerifiedModel:
    """A model by its own checks, and as the manifest describes it."""
    path = folder / entry.path
    model = verify_model(path, key)
    if model.contract != entry.contract or _told(model.file.declared.tensors) != (entry.inputs, entry.outputs):
        raise ModelError(f"{path} has another contract or other inputs and outputs than the manifest says", _REMEDY)
    if _identity(model.card) != _identity(manifest.card):
        raise ModelError(f"{path} is another model than the manifest says: its card differs", _REMEDY)
    return model


def _identity(card: ModelCard) -> tuple[str | tuple[str, ...], ...]:
    """What all variants share; thresholds may differ with the precision."""
    return card.name, card.version, card.taxonomy, card.licence, tuple(spec.name for spec in card.classes)


def _told(tensors: Tensors) -> tuple[tuple[TensorEntry, ...], tuple[TensorEntry, ...]]:
    return tensor_entries(tensors.inputs), tensor_entries(tensors.outputs)
