"""The manifest of a bundle: what every file in the folder is, and the proof that it is still that.

``manifest.json`` is written in one canonical form and carries a digest of itself, so a changed character shows;
``manifest.sig``, where there is one, is the plain Ed25519 signature (64 bytes) of manifest.json, which OpenSSL can
check as well. A digest proves nothing against a forger, who writes a new one; a signature by a key one knows does.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..detector.card import ModelCard
from ..detector.errors import ModelError
from .files_within import read_within
from .keys import PublicKey, pinned_key, read_public_key

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.sig"
MAX_MANIFEST_BYTES = 4_000_000
SIGNATURE_BYTES = 64

_SAFE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*){0,7}")
_DIGEST_KEY = "sha256_of_the_rest"
_REMEDY = "get the bundle again from where it was exported"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Kind = Literal["model", "server configuration", "bill of materials", "proof", "text"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorEntry(_Frozen):
    """An input or output of a model."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    """None for a free side."""


class FileEntry(_Frozen):
    """One file of a bundle."""

    path: str = Field(max_length=200)
    """Relative to the folder, with forward slashes."""
    kind: Kind
    size_bytes: int = Field(ge=0)
    sha256: Sha256
    contract: str | None = None
    """Of models: ``1``, ``embed-1`` …"""
    precision: str | None = None
    inputs: tuple[TensorEntry, ...] = ()
    outputs: tuple[TensorEntry, ...] = ()

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        if not _SAFE_PATH.fullmatch(path) or path in (MANIFEST_NAME, SIGNATURE_NAME):
            raise ValueError("is no plain path inside the folder")
        return path


class Manifest(_Frozen):
    """What a bundle holds."""

    format: Literal[1] = 1
    name: str
    version: str
    toolkit_version: str
    taxonomy: str
    licence: str
    card: ModelCard
    """Classes, thresholds, training data and every measured figure."""
    signed_by: str | None = Field(default=None, pattern="^ed25519:[A-Za-z0-9+/]{43}=$")
    """The public key, as ``ed25519:<base64>``; None where the bundle is not signed."""
    files: tuple[FileEntry, ...] = Field(min_length=1, max_length=1000)

    @field_validator("files")
    @classmethod
    def _names_are_unique(cls, files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        if len({entry.path.casefold() for entry in files}) != len(files):
            raise ValueError("a path is listed twice")
        return files


def manifest_bytes(manifest: Manifest) -> bytes:
    """The canonical form, with the digest of everything else in it."""
    return with_digest(manifest.model_dump(mode="json"))


def with_digest(document: dict[str, Any]) -> bytes:
    """The canonical form of a document and of its digest."""
    return _canonical(document | {_DIGEST_KEY: hashlib.sha256(_canonical(document)).hexdigest()})


def read_manifest(folder: Path, key: PublicKey | None = None) -> tuple[Manifest, PublicKey | None]:
    """The manifest of a bundle, intact, and who signed it.

    Args:
        folder: the bundle.
        key: it must be signed with this key; None takes the one pinned by the environment, if any.

    Raises:
        ModelError: if it is missing, altered, unsafe, or not signed as it must be.
        UsageError: if the pinned key cannot be read.
    """
    key = key or pinned_key()
    content = read_within(folder, MANIFEST_NAME, MAX_MANIFEST_BYTES)
    source = folder / MANIFEST_NAME
    manifest = _parsed(content, source)
    signer = _check_signature(folder, content, manifest, key)
    return manifest, signer


def _parsed(content: bytes, source: Path) -> Manifest:
    """The manifest in these bytes, which must be exactly as it was written."""
    try:
        document = json.loads(content)
        del document[_DIGEST_KEY]
        intact = content == with_digest(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{source} is no manifest, or is damaged", _REMEDY) from error
    if not intact:
        raise ModelError(f"{source} is damaged or altered: it does not have the digest that it states", _REMEDY)
    try:
        return Manifest.model_validate_json(_canonical(document))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        shown = str(first.get("input"))[:80]
        raise ModelError(f"{source}: {where} is refused ({shown!r}: {first['msg']})", _REMEDY) from error


def _check_signature(folder: Path, content: bytes, manifest: Manifest, key: PublicKey | None) -> PublicKey | None:
    """Who signed the manifest; refuses a signature that is missing, wrong, or of another key than the pinned one."""
    source = folder / MANIFEST_NAME
    if manifest.signed_by is None:
        if key is not None:
            raise ModelError(
                f"{source} is not signed, and only bundles signed with key {key.name} are trusted here",
                "get a signed bundle, or export it again with --sign PRIVATE",
            )
        return None
    signer = read_public_key(manifest.signed_by)
    if key is not None and signer != key:
        raise ModelError(
            f"{source} is signed with key {signer.name}, and only key {key.name} is trusted here",
            "get a bundle signed with that key, or pin the other one if you know whose it is",
        )
    signature = read_within(folder, SIGNATURE_NAME, SIGNATURE_BYTES)
    if not signer.has_signed(content, signature):
        raise ModelError(f"{folder / SIGNATURE_NAME} is not the signature of {MANIFEST_NAME}", _REMEDY)
    return signer


def _canonical(document: dict[str, Any]) -> bytes:
    """Keys sorted, ASCII only, one space of indentation: the same content gives the same bytes."""
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode("ascii")
