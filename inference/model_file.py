"""A model file as the runtime takes it: read once, whole, unaltered, signed by the pinned key, and closed in itself.

Every check is made on the bytes that will run, before any engine parses them:

1. a regular file of bounded size, and no PyTorch checkpoint under another name;
2. its seal (detector/seal.py): the digest at its end is that of everything before it, so no bit has changed;
3. its signature, where it has one, and always where a key is pinned;
4. nothing outside itself: no external data, no custom operators, no EPContext (inspection.py).

What its metadata promises, contract and card, is checked by verification.py and the detector.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..detector.errors import ModelError
from ..detector.seal import Seal, read_seal
from .inspection import Declared, Malformed, inspect_model
from .keys import KEY_VARIABLE, PublicKey, pinned_key

MAX_MODEL_BYTES = 200_000_000

_ZIP_MAGIC = b"PK\x03\x04"
_PICKLE_MAGIC = b"\x80\x02"
"""Of checkpoints before torch 1.6."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model that was read once and looked through; what runs is exactly these bytes."""

    path: Path
    content: bytes
    declared: Declared
    sha256: str
    """Of the body, everything before the seal: what the seal states and a signature is of."""
    signed_by: PublicKey | None
    """Whose valid signature it carries. Proves who made it only where this is a key one trusts."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The file's metadata."""
        return self.declared.metadata


def read_model(path: Path, key: PublicKey | None = None) -> ModelFile:
    """Read an ONNX file and refuse what must not run.

    Args:
        path: the file.
        key: it must be signed with this key; None takes the one pinned by the environment, if any.

    Raises:
        ModelError: if the file is missing, too large, not ONNX, altered, not signed as it must be, or reaches outside
            itself.
        UsageError: if the pinned key cannot be read.
    """
    return check_content(path, read_content(path), key or pinned_key())


def check_content(path: Path, content: bytes, key: PublicKey | None) -> ModelFile:
    """Make every check on bytes that are, or will be, a model file.

    Args:
        path: where they come from, for messages.
        content: the bytes.
        key: they must be signed with this key; None asks for none.

    Raises:
        ModelError: as ``read_model``.
    """
    if content.startswith((_ZIP_MAGIC, _PICKLE_MAGIC)):
        raise ModelError(f"{path} is a PyTorch checkpoint, not an ONNX model", "export it with: parcelsight export RUN")
    seal = check_seal(path, content)
    signed_by = _check_signature(path, seal, key)
    try:
        declared = inspect_model(content, str(path))
    except Malformed as error:
        raise _no_model(path, str(error)) from error
    return ModelFile(path, content, declared, seal.sha256, signed_by)


def read_content(path: Path) -> bytes:
    """The file's bytes, no more of them than allowed.

    Raises:
        ModelError: if it is missing, not a file, unreadable or too large.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ModelError(f"{path} is not a regular file", "give an ONNX file with --model")
        with path.open("rb") as file:
            # Asked for as much as there is: a buffer for the most that is allowed would cost more than reading.
            content = file.read(min(os.fstat(file.fileno()).st_size, MAX_MODEL_BYTES) + 1)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file", "give an ONNX file with --model") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror})", "give a readable ONNX file") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ModelError(
            f"{path} is larger than {MAX_MODEL_BYTES // 1_000_000} MB", "give a model exported by ParcelSight"
        )
    return content


def check_seal(path: Path, content: bytes) -> Seal:
    """The seal of a file that is, bit by bit, what was sealed.

    Raises:
        ModelError: if it is not, or has no seal.
    """
    seal = read_seal(content)
    if seal is None:
        # Something that is no ONNX at all is better told so than told that it lacks a seal.
        try:
            inspect_model(content, str(path))
        except Malformed as error:
            raise _no_model(path, str(error)) from error
        raise ModelError(
            f"{path} has no seal at its end: it was cut short, rewritten by another tool, or never sealed",
            "get the file again from where it was exported; or, if you trust it, seal it with: parcelsight sign FILE",
        )
    # The digest is taken without copying the body.
    if hashlib.sha256(memoryview(content)[: seal.body_bytes]).hexdigest() != seal.sha256:
        raise ModelError(
            f"{path} is damaged or altered: its bytes do not have the sha256 that its seal states",
            "get the file again from where it was exported",
        )
    return seal


def _check_signature(path: Path, seal: Seal, key: PublicKey | None) -> PublicKey | None:
    """Who signed the file; refuses a signature that does not hold, and any but the pinned key's."""
    if seal.signature is None:
        if key is not None:
            raise ModelError(
                f"{path} is not signed, and only models signed with key {key.name} are trusted here",
                f"get a signed model, sign it after review with: parcelsight sign FILE --key PRIVATE, or unset "
                f"{KEY_VARIABLE}",
            )
        return None
    signer = PublicKey(seal.signature.public_key)
    if key is not None and signer != key:
        raise ModelError(
            f"{path} is signed with key {signer.name}, and only key {key.name} is trusted here",
            "get a model signed with that key, or pin the other one if you know whose it is",
        )
    if not signer.has_signed(seal.statement, seal.signature.value):
        raise ModelError(
            f"{path} carries a signature that is not of this file", "get the file again from where it was exported"
        )
    return signer


def _no_model(path: Path, why: str) -> ModelError:
    return ModelError(
        f"{path} is not an ONNX model, or is damaged ({why})", "give a file written by: parcelsight export RUN"
    )
