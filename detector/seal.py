"""The seal: a model file's own digest, and who signed it, at the end of the file itself.

An ONNX file is a protocol-buffer message whose fields may come in any order, so a last metadata entry can be appended
to a finished file without touching a byte of it:

    file = body + entry(SEAL_KEY → "sha256:<64 hex>" [";ed25519:<64 hex public key>:<128 hex signature>"])

The digest is that of the body, everything before the entry; the signature is of SIGNED_AS + digest. So a lone file,
copied anywhere, shows damage to any of its bits. Against a forger, who would write a new digest, only the signature
helps, and only for whoever knows the public key from elsewhere. Tools that rewrite the file lose the seal, and should.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

SEAL_KEY = "parcelsight.seal"
SIGNED_AS = b"parcelsight model 1\n"
"""Told apart from signatures of anything else made with the same key."""

_UNSIGNED = re.compile(rb"sha256:([0-9a-f]{64})")
_SIGNED = re.compile(rb"sha256:([0-9a-f]{64});ed25519:([0-9a-f]{64}):([0-9a-f]{128})")
_UNSIGNED_BYTES, _SIGNED_BYTES = 71, 273


@dataclass(frozen=True, slots=True)
class Signature:
    """An Ed25519 signature with the public key it claims to be of."""

    public_key: bytes
    """(32,)"""
    value: bytes
    """(64,)"""


@dataclass(frozen=True, slots=True)
class Seal:
    """What the end of a file says about the rest."""

    body_bytes: int
    sha256: str
    """Of the body, as the seal states it."""
    signature: Signature | None

    @property
    def statement(self) -> bytes:
        """What is signed."""
        return SIGNED_AS + bytes.fromhex(self.sha256)


def read_seal(content: bytes) -> Seal | None:
    """The seal at the end of a model file; None where there is none, or one of another form."""
    for value_bytes, form in ((_UNSIGNED_BYTES, _UNSIGNED), (_SIGNED_BYTES, _SIGNED)):
        head = _entry_head(value_bytes)
        body_bytes = len(content) - len(head) - value_bytes
        if body_bytes >= 0 and content[body_bytes : body_bytes + len(head)] == head:
            match = form.fullmatch(content, body_bytes + len(head))
            if match is None:
                return None
            signature = None
            if form is _SIGNED:
                signature = Signature(bytes.fromhex(match[2].decode()), bytes.fromhex(match[3].decode()))
            return Seal(body_bytes, match[1].decode(), signature)
    return None


def sealed(body: bytes, sign: Callable[[bytes], Signature] | None = None) -> bytes:
    """A model file with its seal.

    Args:
        body: a finished ONNX file; an older seal at its end is replaced.
        sign: makes the signature of a statement; None leaves the file unsigned.
    """
    older = read_seal(body)
    if older is not None:
        body = body[: older.body_bytes]
    seal = Seal(len(body), hashlib.sha256(body).hexdigest(), None)
    value = f"sha256:{seal.sha256}"
    if sign is not None:
        signature = sign(seal.statement)
        value += f";ed25519:{signature.public_key.hex()}:{signature.value.hex()}"
    return body + _entry_head(len(value)) + value.encode()


def _entry_head(value_bytes: int) -> bytes:
    """Of a ModelProto's metadata_props entry (field 14: key = 1, value = 2), up to the value."""
    entry = b"\x0a" + _varint(len(SEAL_KEY)) + SEAL_KEY.encode() + b"\x12" + _varint(value_bytes)
    return b"\x72" + _varint(len(entry) + value_bytes) + entry


def _varint(number: int) -> bytes:
    """Base 128, least significant group first."""
    groups = []
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
