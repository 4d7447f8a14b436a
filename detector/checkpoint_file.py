"""Look into a ``.pt`` archive before it is unpacked: torch writes its parts uncompressed, a bomb does not."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .errors import ModelError

MAX_CHECKPOINT_BYTES = 2_000_000_000
"""Weights, their average and the optimizer's state of the largest network here take a tenth."""


def check_checkpoint(path: Path) -> None:
    """Raises ModelError where the archive would unpack to more than it is, or to more than any network needs.

    What is no archive is left to the reader that comes next.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ModelError(f"{path} is damaged: its archive cannot be listed", "copy the file again") from error
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ModelError(f"{path} is compressed inside, as torch never writes it", "use a file that training wrote")
    if sum(part.file_size for part in parts) > MAX_CHECKPOINT_BYTES:
        raise ModelError(
            f"{path} would unpack to more than {MAX_CHECKPOINT_BYTES // 1_000_000} MB", "use a file that training wrote"
        )
