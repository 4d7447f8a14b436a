"""Try the viewer: serve its demo page with the shipped sample parcels, or a data set and a recorded belt of your own.

python -m tests.viewer_server [--data FOLDER] [--belt FOLDER] [--port 8080]

For one person on this machine: loopback only, no accounts. The console serves the viewer to others.
"""

from __future__ import annotations

import argparse
import gzip
import json
import mimetypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcelsight.configs.loading import shipped
from parcelsight.datasets.annotations import Record
from parcelsight.datasets.belt import LineBlock
from parcelsight.datasets.belt_files import open_belt
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.datasets.synthetic.looks import KIND, load_look
from parcelsight.detector.errors import ParcelSightError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.dense import dense_areas
from parcelsight.inference.detector import Detector
from parcelsight.screening.viewer_format import MEDIA_TYPE, pack_lines, pack_scans

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "screening" / "static" / "viewer"
SAMPLES = ROOT / "datasets" / "samples"
MODEL = ROOT / "detector" / "weights" / "parcelsight-n.onnx"
BLOCK_LINES = 32
_GAP_LINES = 120
Body = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel of the demo: its scans are read, and its boxes found, when they are asked for."""

    name: str
    scans: Callable[[], list[Scan]]
    boxes: Callable[[], list[dict[str, Any]]]


def sample_parcels(folder: Path = SAMPLES) -> list[Parcel]:
    """The shipped samples, with boxes of the shipped model where it lies there."""
    files = sorted(path for path in folder.iterdir() if path.suffix in {".tif", ".jpg"})
    return [_sample(path) for path in files]


def _sample(path: Path) -> Parcel:
    @cache
    def scans() -> list[Scan]:
        return [read_scan(path)]

    return Parcel(path.stem, scans, lambda: _found(scans()))


@cache
def _detector() -> Detector | None:
    return Detector(MODEL) if MODEL.is_file() else None


def _found(scans: Sequence[Scan]) -> list[dict[str, Any]]:
    boxes: list[dict[str, Any]] = []
    detector = _detector()
    for scan in scans:
        if detector is not None:
            found = detector.detect(canonical_rgb(scan))
            for box, score, class_id in zip(found.xyxy_px.tolist(), found.score, found.class_id, strict=True):
                boxes.append(_box(len(boxes), scan.view, box, TAXONOMY.classes[int(class_id)], float(score)))
        for box in dense_areas(scan).tolist():
            boxes.append({"id": f"d{len(boxes)}", "view": scan.view, "box": box, "dense": True})
    return boxes


def _box(number: int, view: str, box: Sequence[float], label: str, score: float | None) -> dict[str, Any]:
    words = {} if score is None else {"words": "high" if score > 0.8 else "likely", "strength": score}
    shown = label.replace("_", " ")
    return {"id": f"a{number}", "view": view, "box": box, "label": shown, "group": TAXONOMY.group_of(label), **words}


def dataset_parcels(folder: Path) -> list[Parcel]:
    """Parcels of a native data set: scans PARCEL_VIEW are the views of PARCEL, the labels its boxes."""
    views: dict[str, list[Record]] = {}
    for record in sorted(open_dataset(folder), key=lambda record: record.scan_id.endswith("_side")):
        views.setdefault(record.scan_id.rpartition("_")[0] or record.scan_id, []).append(record)
    return [_labelled(name, records) for name, records in sorted(views.items())]


def _labelled(name: str, records: Sequence[Record]) -> Parcel:
    named = [(record, record.scan_id.rpartition("_")[2]) for record in records]

    def boxes() -> list[dict[str, Any]]:
        rows = [
            (view, box, label)
            for record, view in named
            for box, label in zip(record.annotations.xyxy_px.tolist(), record.annotations.labels, strict=True)
        ]
        return [_box(number, *row, None) for number, row in enumerate(rows)]

    return Parcel(name, lambda: [_viewed(read_scan(record.files[0]), view) for record, view in named], boxes)


def _viewed(scan: Scan, view: str) -> Scan:
    return Scan(scan.scan_id, scan.pixels, scan.kind, scan.pitch_mm, view, scan.meta)


def sample_belt(folder: Path = SAMPLES) -> list[LineBlock]:
    """The 16-bit samples one behind the other, with gaps, as lines of one view."""
    scans = [read_scan(path) for path in sorted(folder.glob("*.tif"))]
    wide = max(scan.width_px for scan in scans) + 40
    strips: list[NDArray[np.uint16]] = []
    for scan in scans:
        strip = np.full((scan.height_px + _GAP_LINES, wide, 2), AIR_LEVEL, np.uint16)
        left = (wide - scan.width_px) // 2
        strip[: scan.height_px, left : left + scan.width_px] = scan.pixels
        strips.append(strip)
    lines = np.concatenate(strips)
    return [LineBlock(at, {"top": lines[at : at + BLOCK_LINES]}) for at in range(0, len(lines), BLOCK_LINES)]


def tiled_scan(height: int, width: int, view: str = "top") -> Scan:
    """A dense, noisy dual-energy scan of any size: the samples tiled. For benchmarks."""
    tile = read_scan(SAMPLES / "parcel-01.tif").pixels
    repeats = (-(-height // tile.shape[0]), -(-width // tile.shape[1]), 1)
    return Scan(f"{width}x{height}", np.tile(tile, repeats)[:height, :width], ScanKind.DUAL_ENERGY, 0.8, view)


class Site:
    """What the server answers: path → body."""

    def __init__(self, parcels: Sequence[Parcel], blocks: Sequence[LineBlock], pitch_mm: float | None = 1.5) -> None:
        self._parcels = {parcel.name: parcel for parcel in parcels}
        self._blocks = blocks
        self._pitch_mm = pitch_mm

    def answer(self, path: str) -> Body | None:
        """Media type and body; None where there is nothing."""
        first, _, name = path.strip("/").partition("/")
        if first == "pictures.json":
            return _json({"parcels": list(self._parcels), "blocks": len(self._blocks), "blockLines": BLOCK_LINES})
        if first == "looks.json":
            return _json({name: load_look(name).model_dump(mode="json") for name in sorted(shipped(KIND))})
        if first == "pictures" and name in self._parcels:
            return MEDIA_TYPE, pack_scans(name, self._parcels[name].scans())
        if first == "boxes" and name in self._parcels:
            return _json(self._parcels[name].boxes())
        if first == "belt" and name.isdecimal() and self._blocks:
            return MEDIA_TYPE, self._block(int(name))
        return _file(path)

    def _block(self, number: int) -> bytes:
        """Block `number` of a belt that begins again at its end."""
        rounds, at = divmod(number, len(self._blocks))
        length = sum(len(block) for block in self._blocks)
        block = self._blocks[at]
        return pack_lines("demo", LineBlock(rounds * length + block.first_sequence, block.views), self._pitch_mm)


def _json(value: object) -> Body:
    return "application/json", json.dumps(value).encode()


def _file(path: str) -> Body | None:
    wanted = (STATIC / (path.strip("/") or "demo.html")).resolve()
    if not wanted.is_relative_to(STATIC) or not wanted.is_file():
        return None
    kind = "text/javascript" if wanted.suffix == ".js" else mimetypes.guess_type(wanted.name)[0]
    return kind or "application/octet-stream", wanted.read_bytes()


@contextmanager
def serve(site: Site, port: int = 0) -> Iterator[str]:
    """Serve a site on loopback until the block is left; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = ("image/x-icon", b"") if path == "/favicon.ico" else site.answer(path)
            if found is None:
                self.send_error(404)
                return
            kind, body = found
            zipped = kind == MEDIA_TYPE and "gzip" in self.headers.get("Accept-Encoding", "") and len(body) > 1 << 20
            body = gzip.compress(body, 1) if zipped else body
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'self'")
            self.send_header("X-Content-Type-Options", "nosniff")
            if zipped:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="native data set, its views and labels")
    parser.add_argument("--belt", type=Path, help="recorded belt")
    parser.add_argument("--port", type=int, default=8080)
    wishes = parser.parse_args()
    try:
        parcels = dataset_parcels(wishes.data) if wishes.data else sample_parcels()
        blocks = list(open_belt(wishes.belt).blocks(BLOCK_LINES)) if wishes.belt else sample_belt()
    except ParcelSightError as error:
        raise SystemExit(str(error)) from None
    with serve(Site(parcels, blocks), wishes.port) as address:
        print(f"{address}/ shows {len(parcels)} parcels; Ctrl-C ends")
        try:
            Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
