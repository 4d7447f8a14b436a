"""Checkpoints: the head of the audit record, signed, in a file that is kept elsewhere.

A checkpoint is one line of JSON: number, digest, moment, and an Ed25519 signature (RFC 8032) over the three. Whoever
can write the database but not the checkpoints cannot cut the record or write it anew without being found out. Keep the
file on another machine or medium; the key signs only and can be kept by the console.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ...detector.errors import ParcelSightError, StorageError
from ...inference.key_pairs import PrivateKey, make_key_pair, read_private_key
from ...inference.keys import PublicKey
from ..storage.times import now
from .chain import Head

_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed head."""

    head: Head
    at: str


def load_or_make_key(path: Path) -> PrivateKey:
    """The signing key of a console; made on first use, readable by its owner alone, with ``.pub`` beside it.

    Raises:
        StorageError: if it cannot be read, made, or is no Ed25519 key.
    """
    try:
        return read_private_key(path) if path.exists() else make_key_pair(path)
    except ParcelSightError as error:
        raise StorageError(error.message, error.remedy) from error


def write_checkpoint(file: Path, key: PrivateKey, head: Head) -> None:
    """Add a checkpoint, and wait until it is on the medium. Raises StorageError."""
    at = now().isoformat(timespec="microseconds")
    line = {"number": head.number, "digest": head.digest.hex(), "at": at}
    signature = key.sign(_signed(head, at)).value.hex()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="ascii") as stream:
            stream.write(json.dumps(line | {"signature": signature}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(f"{file}: no checkpoint can be written ({error.strerror})", "free or mount it") from error


def read_checkpoints(file: Path, key: PublicKey) -> list[Checkpoint]:
    """All checkpoints of a file, oldest first.

    Raises:
        StorageError: naming the line that is damaged, unsigned, or out of order.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise StorageError(f"{file}: larger than {_MAX_BYTES} bytes", "give a file of checkpoints")
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: cannot be read ({error})", "give the file that the console writes") from error
    found = [_checkpoint(file, number, line, key) for number, line in enumerate(lines, start=1)]
    if any(later.head.number < earlier.head.number for earlier, later in zip(found, found[1:], strict=False)):
        raise StorageError(f"{file}: its checkpoints are out of order", "take the file as the console wrote it")
    return found


def _checkpoint(file: Path, number: int, line: str, key: PublicKey) -> Checkpoint:
    try:
        told = json.loads(line)
        head, at = Head(int(told["number"]), bytes.fromhex(told["digest"])), str(told["at"])
        is_signed = key.has_signed(_signed(head, at), bytes.fromhex(told["signature"]))
    except (ValueError, KeyError, TypeError):
        is_signed = False
    if not is_signed:
        raise StorageError(
            f"{file} line {number}: not signed by this console, or altered", "take the file as the console wrote it"
        )
    return Checkpoint(head, at)


def _signed(head: Head, at: str) -> bytes:
    return f"parcelsight audit checkpoint\n{head.number}\n{head.digest.hex()}\n{at}".encode()
