"""Render the threat images that every console has, so that a demonstration can project without the renderer.

    python -m benchmarks.starter_threats

Writes screening/tutor/starter_threats: two articles of each class, coarse (1 mm), about a megabyte.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from parcelsight.datasets.files import DEFAULT_LIMITS, read_bytes
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.screening.tutor.library_building import build_threats
from parcelsight.screening.tutor.library_folder import THREATS, read_manifest
from parcelsight.screening.tutor.tip_library import STARTER, TipLibrary

EACH, SEED, PITCH_MM = 2, 20, 1.0
MOMENT = datetime(2026, 11, 29, tzinfo=UTC)


def main() -> None:
    """Write them anew."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "library"
        build_threats(folder, EACH * len(TAXONOMY.classes), SEED, "duo140", MOMENT, pitch_mm=PITCH_MM)
        shutil.rmtree(STARTER, ignore_errors=True)
        library = TipLibrary(STARTER)
        entries = read_manifest(folder).threats
        for entry in entries:
            library.add(entry, read_bytes(folder / THREATS / entry.file, DEFAULT_LIMITS))
        library.keep(entries)
    size = sum(path.stat().st_size for path in STARTER.iterdir())
    print(f"{STARTER}: {len(entries)} threat images, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
