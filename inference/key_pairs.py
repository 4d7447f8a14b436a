"""Key pairs: what an organisation signs models with, and a console its audit checkpoints.

A private key is an Ed25519 key (RFC 8032) in the PEM that OpenSSL writes (PKCS #8, RFC 8410), unencrypted, for its
owner's eyes only: mode 0600, never overwritten, refused where others may read it.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey

from ..detector.errors import RunError, UsageError
from ..detector.seal import Signature
from .keys import MAX_KEY_FILE_BYTES, PublicKey

_PEM_BEGIN, _PEM_END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
_PKCS8_HEAD = bytes.fromhex("302e020100300506032b657004220420")
"""DER of a PrivateKeyInfo with the algorithm Ed25519, up to the 32 bytes of the seed (RFC 8410, section 7)."""
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """An Ed25519 private key; never printed."""

    seed: bytes
    """(32,)"""

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return PublicKey(bytes(SigningKey(self.seed).verify_key))

    def sign(self, statement: bytes) -> Signature:
        """The signature of a statement."""
        return Signature(self.public.raw, SigningKey(self.seed).sign(statement).signature)


def make_key_pair(path: Path) -> PrivateKey:
    """Write a new private key (mode 0600) and, beside it with ``.pub`` added to the name, its public key.

    Raises:
        UsageError: if either file exists: a key that is overwritten is lost, and with it every signature's worth.
        RunError: if they cannot be written.
    """
    public_path = public_half(path)
    for each in (path, public_path):
        if os.path.lexists(each):
            raise UsageError(f"{each} exists and is not overwritten", "choose another name, or move the old key away")
    key = PrivateKey(os.urandom(_SEED_BYTES))
    body = base64.b64encode(_PKCS8_HEAD + key.seed).decode()
    _write_new(path, f"{_PEM_BEGIN}\n{body}\n{_PEM_END}\n", 0o600)
    _write_new(public_path, key.public.pem, 0o644)
    return key


def public_half(path: Path) -> Path:
    """Where the public key of a private key file lies."""
    return path.with_name(path.name + ".pub")


def read_private_key(path: Path) -> PrivateKey:
    """A private key from its file.

    Raises:
        UsageError: if there is none, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(MAX_KEY_FILE_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise UsageError(
            f"{path}: no private key can be read there ({error.strerror})", "make one: parcelsight keys FILE"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{path} may be read by others than its owner", f"keep it secret: chmod 600 {path}")
    try:
        raw = base64.b64decode("".join(text.removeprefix(_PEM_BEGIN).removesuffix(_PEM_END).split()), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != len(_PKCS8_HEAD) + _SEED_BYTES or not raw.startswith(_PKCS8_HEAD):
        raise UsageError(
            f"{path} is no Ed25519 private key",
            "give one that parcelsight keys wrote, or openssl genpkey -algorithm ed25519, without a password",
        )
    return PrivateKey(raw[len(_PKCS8_HEAD) :])


def _write_new(path: Path, text: str, mode: int) -> None:
    """Create a file with these rights from its first moment on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists and is not overwritten", "choose another name") from error
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror})", "give a place you may write to") from error
