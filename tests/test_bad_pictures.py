"""Whatever a file holds, it ends in a scan or in one clear line, with memory bounded; half a picture is no scan."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.readers import ReadLimits, decode_scan, read_scan
from parcelsight.datasets.writers import write_dual_energy, write_picture
from parcelsight.detector.errors import ScanError

PIXELS = np.random.default_rng(0).integers(0, 60_000, (64, 80, 2)).astype(np.uint16)
PICTURE = cv2.resize((PIXELS[:8, :8, 0] >> 8).astype(np.uint8), (80, 64))
COLOUR = np.dstack([PICTURE, PICTURE // 2, 255 - PICTURE])


def encoded(suffix: str, *options: int) -> bytes:
    data: bytes = cv2.imencode(suffix, COLOUR, list(options))[1].tobytes()
    return data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    write_dual_energy(folder / "plain.tif", PIXELS, 1.5)
    write_dual_energy(folder / "deflate.tif", PIXELS, compression="zlib")
    return {
        "JPEG": encoded(".jpg"),
        "progressive JPEG": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "PNG": encoded(".png"),
        "BMP": encoded(".bmp"),
        "TIFF": (folder / "plain.tif").read_bytes(),
        "deflated TIFF": (folder / "deflate.tif").read_bytes(),
        "LZW TIFF": encoded(".tif", cv2.IMWRITE_TIFF_COMPRESSION, 5),
    }


KINDS = ["JPEG", "progressive JPEG", "PNG", "BMP", "TIFF", "deflated TIFF", "LZW TIFF"]


def refused(data: bytes) -> ScanError:
    with pytest.raises(ScanError) as caught:
        decode_scan(data, "belt/x.bin")
    assert "belt/x.bin" in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_refused(whole: dict[str, bytes], kind: str) -> None:
    data = whole[kind]
    assert decode_scan(data, "x").height_px == 64
    for keep in {1, 2, 4, 8, 20, 30, 100, *range(0, len(data), max(1, len(data) // 60)), len(data) - 1} - {0}:
        refused(data[:keep])


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "PNG", "deflated TIFF"])
def test_half_written_into_a_reserved_file_is_refused(whole: dict[str, bytes], kind: str) -> None:
    # Some copiers reserve the full length first, so the tail is zeros and the size is right.
    data = whole[kind]
    refused(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


@pytest.mark.parametrize("kind", KINDS)
@given(damage=st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=6)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_damage_ends_in_a_scan_or_one_line(whole: dict[str, bytes], kind: str, damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(whole[kind])
    for where, what in damage:
        # Half of the damage goes to the first bytes, where the headers are.
        at = where // 2 % (len(data) if where % 2 else min(300, len(data)))
        data[at : at + len(what)] = what
    try:
        decode_scan(bytes(data), "x.bin", limits=ReadLimits(max_pixels=1_000_000))
    except ScanError as error:
        assert "x.bin" in error.message and error.remedy


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def huge_tile(folder: Path) -> bytes:
    tifffile.imwrite(folder / "tiled.tif", PIXELS[:, :, 0], tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(folder / "tiled.tif", mode="r+b") as file:
        for tag in ("TileWidth", "TileLength"):
            file.pages.first.tags[tag].overwrite(60_000)
    return (folder / "tiled.tif").read_bytes()


def jpeg(width: int, height: int) -> bytes:
    data = encoded(".jpg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def bmp(width: int, height: int) -> bytes:
    data = encoded(".bmp")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def tiff(folder: Path, *, width: int = 80, deflated: bytes = b"") -> bytes:
    """A TIFF whose width tag, or whose only strip, is not what it should be."""
    path = folder / "made.tif"
    options = {"compression": "zlib"} if deflated else {}
    tifffile.imwrite(path, PIXELS[:, :, 0], **options)
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        page.tags["ImageWidth"].overwrite(width)
        if deflated:
            page.tags["StripOffsets"].overwrite(path.stat().st_size)
            page.tags["StripByteCounts"].overwrite(len(deflated))
    return path.read_bytes() + deflated


SAYS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "PNG bomb": (lambda _: png(30_000, 30_000), "declares 30000×30000 pixels"),
    "too wide": (lambda _: png(70_000, 1), "declares 70000×1 pixels"),
    "JPEG bomb": (lambda _: jpeg(65_500, 65_500), "declares 65500×65500"),
    "BMP bomb": (lambda _: bmp(40_000, 40_000), "declares 40000×40000"),
    "TIFF bomb": (lambda f: tiff(f, width=50_000_000), "declares 50000000×64"),
    "TIFF deflate bomb": (lambda f: tiff(f, deflated=zlib.compress(bytes(1 << 28))), "does not hold what it should"),
    "TIFF tile bomb": (huge_tile, "tiles are larger"),
    "TIFF strip too short": (lambda f: tiff(f, deflated=zlib.compress(bytes(1_000))), "does not hold what it should"),
    "TIFF wider than its pixels": (lambda f: tiff(f, width=800), "does not hold what it should"),
    "PNG of no width": (lambda _: png(0, 5), "0×5 pixels: empty"),
    "JPEG of no height": (lambda _: jpeg(5, 0), "5×0 pixels: empty"),
    "PNG with too few pixels": (lambda _: png(300, 300, bytes(1_000)), "cannot be decoded"),
    "text": (lambda _: b"hello, I am a picture", "not a picture (text)"),
    "rubbish": (lambda _: bytes(range(256)), "not a picture (an unknown format)"),
    "GIF": (lambda _: b"GIF89a" + bytes(100), "not a picture"),
    "only the magic": (lambda _: b"\x89PNG\r\n\x1a\n", "truncated"),
}


@pytest.mark.parametrize("case", SAYS)
def test_message_says_what_is_wrong(tmp_path: Path, case: str) -> None:
    make, says = SAYS[case]
    assert says in refused(make(tmp_path)).message


def saved(folder: Path, pixels: NDArray[Any], **options: Any) -> bytes:
    path = folder / "made.tif"
    tifffile.imwrite(path, pixels, **({"photometric": "minisblack"} | options))
    return path.read_bytes()


FLOATS = np.ones((8, 9, 2), np.float32)
NO_SCANS: dict[str, tuple[NDArray[Any], dict[str, str], str]] = {
    "NaN": (np.where(np.arange(9)[:, None] == 4, np.nan, FLOATS), {"planarconfig": "contig"}, "not finite"),
    "infinity": (FLOATS * np.inf, {"planarconfig": "contig"}, "not finite"),
    "float counts": (FLOATS * 4_000, {"planarconfig": "contig"}, "up to 4000, which are no transmissions"),
    "32-bit counts": (np.ones((8, 9), np.uint32), {}, "type uint32"),
    "complex": (np.ones((8, 9), np.complex64), {}, "type complex64"),
    "one bit": (np.ones((8, 16), bool), {}, "type bool"),
    "numpy's (H, W, 2) as pages": (np.ones((8, 9, 2), np.uint16), {}, "holds several pictures"),
    "five channels": (np.ones((8, 9, 5), np.uint8), {"planarconfig": "contig"}, "5 channels"),
    "a stack": (np.ones((4, 8, 9), np.uint16), {}, "holds several pictures"),
    "float colours": (
        np.random.default_rng(0).random((8, 9, 3), np.float32),
        {"photometric": "rgb"},
        "colours of type",
    ),
}


@pytest.mark.parametrize("case", NO_SCANS)
def test_tiff_that_is_no_scan(tmp_path: Path, case: str) -> None:
    pixels, options, says = NO_SCANS[case]
    assert says in refused(saved(tmp_path, pixels, **options)).message


def pages(*parts: tuple[NDArray[Any], dict[str, Any]]) -> bytes:
    """A TIFF of several pictures."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for pixels, options in parts:
            writer.write(pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack", **options)
    return stream.getvalue()


def animated_png() -> bytes:
    """Two frames declared; a reader that knows no animation shows the first."""
    data = encoded(".png")
    body = b"acTL" + struct.pack(">II", 2, 0)
    return data[:33] + struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]


PREVIEW = {"subfiletype": 1}
SEVERAL: dict[str, Callable[[], bytes]] = {
    "pages of two sizes": lambda: pages((COLOUR, {}), (COLOUR[:50], {})),
    "grey page, colour page": lambda: pages((PICTURE, {}), (COLOUR, {})),
    "pages of 8 and 16 bit": lambda: pages((PICTURE, {}), (PIXELS[:, :, 0], {})),
    "preview, then another": lambda: pages((COLOUR, {}), (COLOUR[::2, ::2], PREVIEW), (COLOUR, {})),
    "preview first": lambda: pages((COLOUR[::2, ::2], PREVIEW), (COLOUR, {})),
    "preview as large as the scan": lambda: pages((COLOUR, {}), (COLOUR, PREVIEW)),
    "a page below the first": lambda: pages((COLOUR, {"subifds": 1}), (COLOUR, {})),
    "endless previews": lambda: pages((COLOUR, {}), *[(COLOUR[:8, :8], PREVIEW)] * 70, (COLOUR[:50], {})),
    "animated PNG": animated_png,
    "multi-picture JPEG": lambda: encoded(".jpg") + bytes(3) + encoded(".jpg"),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_no_picture_of_several_is_passed_over(case: str) -> None:
    assert "holds several pictures" in refused(SEVERAL[case]()).message


def test_previews_are_no_further_scans() -> None:
    scan = decode_scan(pages((COLOUR, {}), (COLOUR[::2, ::2], PREVIEW), (COLOUR[::4, ::4], PREVIEW)), "x")
    np.testing.assert_array_equal(scan.pixels, COLOUR)
    thumbnail = encoded(".jpg")
    data = encoded(".jpg")
    in_exif = data[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + data[2:]
    assert decode_scan(in_exif, "x").height_px == 64


@pytest.mark.parametrize("colours", ["separated", "cielab"])
def test_tiff_colours_that_are_no_rgb_are_refused(tmp_path: Path, colours: str) -> None:
    pixels = np.dstack([COLOUR, PICTURE]) if colours == "separated" else COLOUR
    assert f"holds {colours.upper()} colours" in refused(saved(tmp_path, pixels, photometric=colours)).message


def unread(path: Path, says: str) -> None:
    with pytest.raises(ScanError, match=says) as caught:
        read_scan(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_what_is_no_file(tmp_path: Path) -> None:
    unread(tmp_path / "missing.png", "no such file")
    unread(tmp_path / "missing_low.png", "no such file")
    unread(tmp_path, "is a folder")
    unread(Path("/dev/zero"), "no regular file")
    os.mkfifo(tmp_path / "pipe.png")
    unread(tmp_path / "pipe.png", "no regular file")
    (tmp_path / "empty.png").touch()
    unread(tmp_path / "empty.png", "is empty")
    (tmp_path / "loop.png").symlink_to("loop.png")
    unread(tmp_path / "loop.png", "cannot be read")
    unread(tmp_path / "a\0b.png", "cannot be read")
    unread(tmp_path / ("x" * 300), "cannot be read")


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read everything; then the check needs another user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_permission_denied(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(".png"))
    path.chmod(0)
    with ordinary_user():
        unread(path, "permission denied")


def test_file_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.bmp"
    write_picture(path.with_suffix(".png"), COLOUR)
    path.write_bytes(encoded(".bmp"))
    with pytest.raises(ScanError, match="more than the limit of 0 MB"):
        read_scan(path, limits=ReadLimits(max_bytes=1_000))


READ_WITH_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from parcelsight.datasets.readers import read_scan
from parcelsight.detector.errors import ScanError
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + 64_000_000,) * 2)
for name in sys.argv[1:]:
    try:
        print("READ", read_scan(Path(name)).pixels.shape)
    except ScanError as error:
        print("REFUSED", error)
"""


def test_bombs_do_not_cost_memory(tmp_path: Path) -> None:
    bombs = [case for case in SAYS if "bomb" in case]
    for case in bombs:
        (tmp_path / case).write_bytes(SAYS[case][0](tmp_path))
    paths = [str(tmp_path / case) for case in bombs]
    command = [sys.executable, "-c", READ_WITH_LITTLE_MEMORY, *paths]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["REFUSED"] * len(bombs)
    assert all(SAYS[case][1] in line for case, line in zip(bombs, lines, strict=True))
