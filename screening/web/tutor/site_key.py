"""The site's secret for pseudonyms: made once, kept in the console's folder, readable by nobody else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ....detector.errors import StorageError

_FILE, _BYTES = "pseudonyms.key", 32


def load_or_make_key(folder: Path) -> bytes:
    """The key. Raises StorageError where it cannot be read or made, or is none."""
    path = folder / _FILE
    try:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        key = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "give the console the right to write there") from error
    if len(key) != _BYTES:
        raise StorageError(f"{path} is no key of {_BYTES} bytes", "delete it; reports then carry new pseudonyms")
    return key
