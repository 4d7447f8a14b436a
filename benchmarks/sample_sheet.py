"""Draw docs/images/samples.jpg, the sample parcels as the shipped model sees them: python benchmarks/sample_sheet.py"""

from __future__ import annotations

from pathlib import Path

from parcelsight.datasets.annotations import Annotations, Record
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.contact_sheet import contact_sheet, tile
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.writers import write_picture
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.inference.detector import Detector

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("01", "03", "05", "06", "07", "09", "10", "11", "12")


def main() -> None:
    """One tile a sample, its alarms drawn in."""
    detector = Detector(SHIPPED_MODEL)
    tiles = []
    for number in SHOWN:
        (path,) = (ROOT / "datasets" / "samples").glob(f"parcel-{number}.*")
        rgb = canonical_rgb(read_scan(path))
        found = detector.detect(rgb)
        alarms = Annotations.of(found.xyxy_px.tolist(), [detector.card.classes[c].name for c in found.class_id])
        tiles.append(tile(Record(path.name, (path,), rgb.shape[1], rgb.shape[0], alarms, path.stem)))
    write_picture(ROOT / "docs" / "images" / "samples.jpg", contact_sheet(tiles))


if __name__ == "__main__":
    main()
