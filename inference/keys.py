"""Public keys: who signed a model, and which key this installation trusts.

Keys are Ed25519 (RFC 8032), stored as the PEM that OpenSSL writes and reads (RFC 8410), or as one line of text,
``ed25519:<base64>``, for environment variables.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..detector.errors import UsageError

KEY_VARIABLE = "PARCELSIGHT_MODEL_KEY"
"""Names the public key, or holds it; where it is set, every model must be signed with it."""
TEXT_PREFIX = "ed25519:"
KEY_BYTES = 32
MAX_KEY_FILE_BYTES = 4_000

_PEM_BEGIN, _PEM_END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_SPKI_HEAD = bytes.fromhex("302a300506032b6570032100")
"""DER of a SubjectPublicKeyInfo with the algorithm Ed25519, up to the 32 bytes of the key (RFC 8410, section 4)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key."""

    raw: bytes
    """(32,)"""

    @property
    def name(self) -> str:
        """Short enough to read out and compare: the first 16 hexadecimal digits of the key's sha256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """One line, as the environment variable takes it."""
        return TEXT_PREFIX + base64.b64encode(self.raw).decode()

    @property
    def pem(self) -> str:
        """As OpenSSL reads it."""
        body = base64.b64encode(_SPKI_HEAD + self.raw).decode()
        return f"{_PEM_BEGIN}\n{body}\n{_PEM_END}\n"

    def has_signed(self, statement: bytes, signature: bytes) -> bool:
        """True where the signature (64,) is this key's, of this statement."""
        # Imported here: most installations pin no key and meet no signature.
        from nacl.exceptions import BadSignatureError
        from nacl.signing import VerifyKey

        try:
            VerifyKey(self.raw).verify(statement, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


def read_public_key(source: str) -> PublicKey:
    """A public key from a PEM file, or from ``ed25519:<base64>`` itself.

    Raises:
        UsageError: if it is neither.
    """
    if source.startswith(TEXT_PREFIX):
        return _from_base64(source.removeprefix(TEXT_PREFIX), b"", "the key given as text")
    try:
        with Path(source).open("rb") as file:
            text = file.read(MAX_KEY_FILE_BYTES).decode("ascii", "replace").strip()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{source}: no public key can be read there ({error})",
            "give the .pub file that parcelsight keys wrote, or ed25519:BASE64",
        ) from error
    if "PRIVATE KEY" in text:
        raise UsageError(f"{source} is a private key", "give its public half, the .pub file, and keep this one secret")
    if text.startswith(TEXT_PREFIX):
        return _from_base64(text.removeprefix(TEXT_PREFIX), b"", source)
    body = text.removeprefix(_PEM_BEGIN).removesuffix(_PEM_END)
    return _from_base64("".join(body.split()), _SPKI_HEAD, source)


def pinned_key() -> PublicKey | None:
    """The key that the environment tells to trust; None where it names none.

    Raises:
        UsageError: if it names one that cannot be read: never quietly less safe than asked for.
    """
    source = os.environ.get(KEY_VARIABLE)
    if source is None:
        return None
    try:
        return read_public_key(source)
    except UsageError as error:
        raise UsageError(f"{KEY_VARIABLE}: {error.message}", error.remedy) from error


def _from_base64(text: str, head: bytes, source: str) -> PublicKey:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != len(head) + KEY_BYTES or not raw.startswith(head):
        raise UsageError(
            f"{source} is no Ed25519 public key", "give the .pub file that parcelsight keys wrote, or ed25519:BASE64"
        )
    return PublicKey(raw[len(head) :])
