"""Where the weights lie that a new network begins with. Looked up on this machine only; nothing is ever downloaded."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .errors import RunError

START_WEIGHTS_ENV = "PARCELSIGHT_START_WEIGHTS"
SHIPPED = "shipped"
SHIPPED_START_WEIGHTS = Path(__file__).parent / "weights" / "parcelsight-n.pt"
"""The shipped detector as start weights: it knows X-ray pictures and all twelve classes already."""


def find_start_weights(name_or_path: str) -> Path:
    """Start weights by path, or by a name such as ``yolo26n``.

    ``shipped`` is the shipped detector. Another name is looked up in the folder of PARCELSIGHT_START_WEIGHTS
    (``NAME.pt`` or ``NAME-*.pt``), then in the weights folder of the user's own Ultralytics settings.

    Raises:
        RunError: if there are none.
    """
    if name_or_path == SHIPPED:
        if SHIPPED_START_WEIGHTS.is_file():
            return SHIPPED_START_WEIGHTS
        raise RunError(
            f"start weights {SHIPPED!r}: this installation has no {SHIPPED_START_WEIGHTS.name}",
            "install ParcelSight again, or set start_weights: auto",
        )
    given = Path(name_or_path).expanduser()
    if given.suffix == ".pt":
        if given.is_file():
            return given.resolve()
        raise RunError(f"start weights {given}: no such file", "correct start_weights: in the recipe")
    folders = [Path(folder) for folder in (os.environ.get(START_WEIGHTS_ENV), _users_weights_folder()) if folder]
    for folder in folders:
        for found in (folder / f"{name_or_path}.pt", *sorted(folder.glob(f"{name_or_path}-*.pt"))):
            if found.is_file():
                return found.resolve()
    looked = f" (looked in {' and '.join(map(str, folders))})" if folders else ""
    raise RunError(
        f"start weights {name_or_path!r} are not on this machine{looked}, and nothing is downloaded",
        f"put {name_or_path}.pt into a folder and set {START_WEIGHTS_ENV} to it, or give its path as start_weights:",
    )


def _users_weights_folder() -> str | None:
    """Where the user's own Ultralytics, if any, keeps weights."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    try:
        settings = json.loads((Path(config) / "Ultralytics" / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    folder = settings.get("weights_dir") if isinstance(settings, dict) else None
    return folder if isinstance(folder, str) else None
