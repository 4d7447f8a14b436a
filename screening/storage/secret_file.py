"""Secrets of a site: made once, kept in the console's folder, readable by the console alone, in no backup."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ...detector.errors import StorageError

_BYTES = 32


def load_or_make_secret(path: Path, *, anew: str) -> bytes:
    """A secret of 32 bytes, made at the first call.

    Args:
        path: of its file.
        anew: what it means to delete it, for the message about a damaged one.

    Raises:
        StorageError: if it cannot be made or read, or is cut short.
    """
    try:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        found = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "give the console the right to read and write there") from error
    if len(found) != _BYTES:
        raise StorageError(f"{path} is no secret of {_BYTES} bytes", f"delete it; {anew}")
    return found
