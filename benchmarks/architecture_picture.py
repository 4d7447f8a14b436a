"""Draw docs/images/architecture.svg, the one picture of the program.

    python -m benchmarks.architecture_picture           # draw it
    python -m benchmarks.architecture_picture --check   # status 1 where the file is not what would be drawn

Boxes are rooms (folders), solid arrows data, dashed arrows files that are handed over.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "architecture.svg"
WIDTH, HEIGHT = 1180, 560
INK, PALE, ROOM, WORLD, PERSON = "#263238", "#90a4ae", "#e3f2fd", "#f5f5f5", "#fff3e0"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a title and lines below it; x, y, width, height in pixels."""

    name: str
    x: int
    y: int
    width: int
    height: int
    fill: str
    lines: tuple[str, ...] = ()

    def svg(self) -> str:
        """The drawing."""
        middle = self.x + self.width / 2
        texts = [f'<text x="{middle}" y="{self.y + 24}" class="title">{escape(self.name)}</text>']
        for number, line in enumerate(self.lines):
            texts.append(f'<text x="{middle}" y="{self.y + 46 + 18 * number}">{escape(line)}</text>')
        frame = (
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="6" fill="{self.fill}"/>'
        )
        return "\n".join((frame, *texts))


BOXES = (
    Box("scanner", 20, 60, 130, 96, WORLD, ("files, uploads,", "lines, display")),
    Box("inference/", 220, 40, 330, 136, ROOM,
        ("sources → ledger → workers → verdicts", "one verdict a scan, nothing lost", "HTTP, events, metrics, sinks",
         "no torch, ONNX alone")),
    Box("screening/", 640, 40, 300, 136, ROOM,
        ("queue, desk, viewer, openings", "people, roles, audit record", "operator training, its statistics",
         "SQLite or PostgreSQL")),
    Box("officers", 1020, 60, 140, 96, PERSON, ("decide; the model", "never clears a", "parcel")),
    Box("fleet/", 640, 214, 300, 62, ROOM, ("many lanes, sites and archives",)),
    Box("datasets/", 20, 330, 250, 118, ROOM,
        ("scans and labels of any layout", "the virtual scanner", "threat projection, splits")),
    Box("training/", 320, 330, 220, 118, ROOM,
        ("recipes, augmentation", "evaluation with intervals", "operating points")),
    Box("export/", 590, 330, 200, 118, ROOM,
        ("ONNX, proof of parity", "eight bits, raw pictures in", "seal, signature")),
    Box("detector/", 840, 330, 210, 118, ROOM, ("taxonomy, model card", "contract of the ONNX", "the shipped weights")),
    Box("your software", 1020, 214, 140, 62, WORLD, ("one ONNX file",)),
    Box("commands/", 20, 486, 520, 54, ROOM, ("the program parcelsight: one file a verb, the only room that prints",)),
    Box("configs/", 590, 486, 460, 54, ROOM, ("YAML of scanners, recipes, lanes, procedures; one strict reader",)),
)  # fmt: skip
ARROWS = (
    # points, label, label's place, dashed
    (((150, 92), (220, 92)), "scans", (185, 82), False),
    (((220, 132), (150, 132)), "belt stop", (185, 150), False),
    (((550, 108), (640, 108)), "verdicts", (595, 98), False),
    (((940, 92), (1020, 92)), "parcels", (980, 82), False),
    (((1020, 132), (940, 132)), "decisions", (980, 150), False),
    (((690, 214), (690, 176)), "", (0, 0), False),
    (((270, 388), (320, 388)), "", (0, 0), False),
    (((540, 388), (590, 388)), "run", (565, 378), False),
    (((790, 388), (840, 388)), "model", (815, 378), True),
    (((1000, 330), (1000, 300), (380, 300), (380, 176)), "the model, checked before it is loaded", (510, 292), True),
    (((1034, 330), (1034, 308), (1090, 308), (1090, 276)), "", (0, 0), True),
    (((660, 176), (660, 194), (610, 194), (610, 236), (140, 236), (140, 330)),
     "what officers judged, as a data set", (255, 228), True),
)  # fmt: skip


def picture() -> str:
    """The whole file."""
    arrows = []
    for points, label, (x, y), dashed in ARROWS:
        path = " ".join(f"{px},{py}" for px, py in points)
        style = ' stroke-dasharray="6 4"' if dashed else ""
        arrows.append(f'<polyline points="{path}" marker-end="url(#tip)"{style}/>')
        if label:
            arrows.append(f'<text x="{x}" y="{y}" class="arrow">{escape(label)}</text>')
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            'aria-label="Rooms of ParcelSight and what passes between them">',
            "<style>text{font:14px system-ui,sans-serif;text-anchor:middle;fill:#263238}.title{font-weight:600;"
            "font-size:16px}.arrow{font-size:12px;fill:#455a64}polyline{fill:none;stroke:#546e7a;stroke-width:1.6}"
            f"rect{{stroke:{PALE};stroke-width:1.2}}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white" stroke="none"/>',
            *arrows,
            *(box.svg() for box in BOXES),
            "</svg>\n",
        )
    )


def main() -> int:
    """Draw or check; the exit status."""
    wanted = picture()
    if "--check" in sys.argv[1:]:
        return int(not PICTURE.is_file() or PICTURE.read_text("utf-8") != wanted)
    PICTURE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
