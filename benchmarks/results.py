"""What a benchmark found, for people and for docs/results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def tell(result: Mapping[str, Any], file: Path | None) -> None:
    """Print a result as JSON and, where a file is named, write it there; its folder is made."""
    text = json.dumps(result, indent=1)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    print(text)
