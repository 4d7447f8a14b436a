"""The training engine's surroundings: set before it is imported, so that it stays offline, quiet and in its own folder.

Ultralytics decides at import whether it may install packages, send analytics, fetch files and unpickle code, and where
it keeps its settings. All of that is decided here instead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .errors import RunError

ENGINE_ENVIRONMENT: Mapping[str, str] = {
    "YOLO_AUTOINSTALL": "false",  # never pip-install at run time
    "YOLO_OFFLINE": "true",  # no connection test, hence no analytics, fonts or check models
    "YOLO_VERBOSE": "false",  # its log is ours to show (--verbose)
    "ULTRALYTICS_SAFE_LOAD": "true",  # a .pt file is data: nothing in it is executed
    "NO_ALBUMENTATIONS_UPDATE": "1",  # no version check over the network
    "WANDB_MODE": "disabled",
}


def engine_home() -> Path:
    """The private folder of the engine's settings and caches, under the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "parcelsight" / "engine"


def isolate_engine() -> Path:
    """Prepare the process for importing the engine; returns its private folder.

    Raises:
        RunError: if the folder cannot be made.
    """
    home = engine_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{home} cannot be made ({error.strerror}): the training engine needs a folder for its settings",
            "set XDG_CACHE_HOME to a folder you may write to",
        ) from error
    os.environ.update(ENGINE_ENVIRONMENT)
    os.environ["YOLO_CONFIG_DIR"] = str(home)
    # Waiting threads sleep: on two cores with another process busy, spinning ones made a step four times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("MPLCONFIGDIR", str(home / "matplotlib"))
    return home
