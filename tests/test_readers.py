"""Pictures of every kind come out as the right kind of scan, with air at our level."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from parcelsight.datasets.levels import estimate_air_level
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.pairs import find_scans
from parcelsight.datasets.readers import decode_scan, is_blank, read_pair, read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.errors import ScanError, UsageError

H, W = 40, 60
RNG = np.random.default_rng(1)
GREY8 = RNG.integers(0, 256, (H, W)).astype(np.uint8)
RGB8 = RNG.integers(0, 256, (H, W, 3)).astype(np.uint8)
GREY16 = np.full((H, W), AIR_LEVEL, np.uint16)
GREY16[5:20, 5:30] = RNG.integers(500, 50_000, (15, 25))
DUAL16 = np.stack([GREY16 - 400, GREY16], axis=-1)
FLOATS = (DUAL16 / AIR_LEVEL).astype(np.float32)
OPAQUE = np.full((H, W, 1), 255, np.uint8)


def opencv(suffix: str, rgb: NDArray[Any], *options: int) -> bytes:
    """Encoded by OpenCV, from RGB order."""
    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    pixels = cv2.cvtColor(rgb, swap[rgb.shape[2]]) if rgb.ndim == 3 else rgb
    encoded: bytes = cv2.imencode(suffix, pixels, list(options))[1].tobytes()
    return encoded


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    """Encoded by tifffile."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def two_pages() -> bytes:
    return tiff(np.ascontiguousarray(np.moveaxis(DUAL16, -1, 0)), photometric="minisblack")


LZW = (cv2.IMWRITE_TIFF_COMPRESSION, 5)
CONTIG = {"photometric": "minisblack", "planarconfig": "contig"}
PLANAR = {"photometric": "minisblack", "planarconfig": "separate"}
LOSSLESS: dict[str, tuple[bytes, ScanKind, NDArray[Any]]] = {
    "grey PNG": (opencv(".png", GREY8), ScanKind.GREY, GREY8),
    "grey BMP": (opencv(".bmp", GREY8), ScanKind.GREY, GREY8),
    "grey TIFF": (tiff(GREY8), ScanKind.GREY, GREY8),
    "grey TIFF, white is zero": (tiff(255 - GREY8, photometric="miniswhite"), ScanKind.GREY, GREY8),
    "grey saved in colour": (opencv(".png", np.dstack([GREY8] * 3)), ScanKind.GREY, GREY8),
    "grey with opaque alpha": (opencv(".png", np.dstack([GREY8] * 3 + [OPAQUE])), ScanKind.GREY, GREY8),
    "16-bit grey PNG": (opencv(".png", GREY16), ScanKind.GREY, GREY16),
    "16-bit grey TIFF": (tiff(GREY16), ScanKind.GREY, GREY16),
    "16-bit grey TIFF, big-endian": (tiff(GREY16, byteorder=">"), ScanKind.GREY, GREY16),
    "16-bit grey TIFF, BigTIFF": (tiff(GREY16, bigtiff=True), ScanKind.GREY, GREY16),
    "16-bit grey TIFF, LZW": (opencv(".tif", GREY16, *LZW), ScanKind.GREY, GREY16),
    "16-bit grey TIFF, tiled": (tiff(GREY16, tile=(16, 16)), ScanKind.GREY, GREY16),
    "float grey TIFF": (tiff(FLOATS[:, :, 1]), ScanKind.GREY, GREY16),
    "colour PNG": (opencv(".png", RGB8), ScanKind.PSEUDO_COLOUR, RGB8),
    "colour BMP": (opencv(".bmp", RGB8), ScanKind.PSEUDO_COLOUR, RGB8),
    "colour TIFF": (tiff(RGB8, photometric="rgb"), ScanKind.PSEUDO_COLOUR, RGB8),
    "colour TIFF, planes": (
        tiff(np.moveaxis(RGB8, -1, 0), photometric="rgb", planarconfig="separate"),
        ScanKind.PSEUDO_COLOUR,
        RGB8,
    ),
    "colour TIFF, LZW": (opencv(".tif", RGB8, *LZW), ScanKind.PSEUDO_COLOUR, RGB8),
    "16-bit colour PNG": (opencv(".png", RGB8.astype(np.uint16) * 257), ScanKind.PSEUDO_COLOUR, RGB8),
    "two-channel TIFF": (tiff(DUAL16, **CONTIG), ScanKind.DUAL_ENERGY, DUAL16),
    "two-channel TIFF, planes": (tiff(np.moveaxis(DUAL16, -1, 0), **PLANAR), ScanKind.DUAL_ENERGY, DUAL16),
    "two-channel TIFF, two pages": (two_pages(), ScanKind.DUAL_ENERGY, DUAL16),
    "two-channel TIFF, deflate": (
        tiff(DUAL16, compression="zlib", rowsperstrip=7, **CONTIG),
        ScanKind.DUAL_ENERGY,
        DUAL16,
    ),
    "two-channel TIFF, deflate and predictor": (
        tiff(DUAL16, compression="zlib", predictor=True, **CONTIG),
        ScanKind.DUAL_ENERGY,
        DUAL16,
    ),
    "two-channel float TIFF": (tiff(FLOATS, **CONTIG), ScanKind.DUAL_ENERGY, FLOATS),
    "two-channel double TIFF": (tiff(FLOATS.astype(np.float64), **CONTIG), ScanKind.DUAL_ENERGY, FLOATS),
}


@pytest.mark.parametrize("case", LOSSLESS)
def test_formats(case: str) -> None:
    data, kind, pixels = LOSSLESS[case]
    scan = decode_scan(data, "lane/x")
    assert (scan.scan_id, scan.kind, scan.pixels.dtype) == ("lane/x", kind, pixels.dtype)
    np.testing.assert_array_equal(scan.pixels, pixels)


def test_jpeg_is_rgb_and_never_rotated() -> None:
    picture = np.full((H, W, 3), 250, np.uint8)
    picture[:, :20] = (220, 120, 20)
    scan = decode_scan(opencv(".jpg", picture), "x.jpg")
    assert scan.pixels.shape == picture.shape
    assert np.abs(scan.pixels[20, 8].astype(int) - (220, 120, 20)).max() < 12


def test_transparent_is_white() -> None:
    pixels = np.dstack([RGB8, np.zeros((H, W), np.uint8)])
    pixels[:10, :, 3] = 255
    scan = decode_scan(opencv(".png", pixels), "x.png")
    np.testing.assert_array_equal(scan.pixels[:10], RGB8[:10])
    assert (scan.pixels[10:] == 255).all()


@pytest.mark.parametrize("full_scale", [4_095, 16_383, 60_000, 65_535])
def test_air_of_known_full_scales_becomes_our_level(full_scale: int) -> None:
    pixels = np.rint(FLOATS * full_scale).astype(np.uint16)
    scan = decode_scan(tiff(pixels, **CONTIG), "x.tif")
    assert scan.pixels[0, 0, 1] == AIR_LEVEL
    assert np.abs(scan.pixels.astype(float) - DUAL16).max() <= 0.5 * AIR_LEVEL / full_scale + 1


@pytest.mark.parametrize(
    ("case", "pixels", "level"),
    [
        ("noise above air", RNG.normal(60_000, 500, 5_000).astype(np.uint16), 60_000),
        ("saturated at 16 bit", np.full(5_000, 65_535, np.uint16), 65_535),
        ("no air in sight", np.full(5_000, 20_000, np.uint16), AIR_LEVEL),
        ("dense, near 4095 but not clipped there", np.linspace(3_000, 4_200, 5_000).astype(np.uint16), AIR_LEVEL),
        ("8 bit, shrunk from 16", np.full(5_000, 233, np.uint8), 233),
        ("8 bit, full", np.full(5_000, 254, np.uint8), 255),
        ("8 bit, dense", np.full(5_000, 90, np.uint8), 255),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_air_level(case: str, pixels: NDArray[Any], level: int) -> None:
    assert estimate_air_level(pixels) == level, case


def test_air_level_by_argument() -> None:
    scan = decode_scan(tiff(np.full((H, W), 30_000, np.uint16)), "x.tif", air_level=30_000)
    assert (scan.pixels == AIR_LEVEL).all()


@pytest.mark.parametrize("level", [0, -1, float("nan")])
def test_impossible_air_level(level: float) -> None:
    with pytest.raises(UsageError, match="air level"):
        decode_scan(tiff(GREY16), "x.tif", air_level=level)


def test_pitch_counts_in_centimetres_only() -> None:
    centimetres = tiff(GREY16, resolution=(8, 8), resolutionunit="CENTIMETER")
    inches = tiff(GREY16, resolution=(72, 72), resolutionunit="INCH")
    assert decode_scan(centimetres, "x").pitch_mm == pytest.approx(1.25)
    assert decode_scan(inches, "x").pitch_mm is None


def write_pair(folder: Path, low: NDArray[Any], high: NDArray[Any], suffix: str = ".png") -> tuple[Path, Path]:
    paths = folder / f"bag_low{suffix}", folder / f"bag_high{suffix}"
    for path, pixels in zip(paths, (low, high), strict=True):
        path.write_bytes(opencv(suffix, pixels))
    return paths


@pytest.mark.parametrize("half", [0, 1])
def test_pair_from_either_half(tmp_path: Path, half: int) -> None:
    paths = write_pair(tmp_path, DUAL16[:, :, 0], DUAL16[:, :, 1])
    scan = read_scan(paths[half])
    assert (scan.kind, scan.scan_id) == (ScanKind.DUAL_ENERGY, str(tmp_path / "bag"))
    np.testing.assert_array_equal(scan.pixels, DUAL16)


def test_pair_of_two_formats_and_cases(tmp_path: Path) -> None:
    (tmp_path / "bag_LOW.tif").write_bytes(tiff(DUAL16[:, :, 0]))
    (tmp_path / "bag_high.png").write_bytes(opencv(".png", DUAL16[:, :, 1]))
    for half in ("bag_LOW.tif", "bag_high.png"):
        np.testing.assert_array_equal(read_scan(tmp_path / half).pixels, DUAL16)


def test_eight_bit_pair_with_alpha(tmp_path: Path) -> None:
    low, high = (np.dstack([np.full((H, W, 3), level, np.uint8), OPAQUE]) for level in (100, 233))
    scan = read_pair(*write_pair(tmp_path, low, high))
    assert scan.pixels[0, 0].tolist() == [round(100 * AIR_LEVEL / 233), AIR_LEVEL]


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (GREY16, GREY16[:-1], "do not fit: 60×40 uint16 and 60×39 uint16"),
        (GREY8, GREY16, "do not fit: 60×40 uint8 and 60×40 uint16"),
        (RGB8, RGB8, "is not grey"),
    ],
    ids=["other size", "other depth", "colour"],
)
def test_halves_that_do_not_fit(tmp_path: Path, low: NDArray[Any], high: NDArray[Any], says: str) -> None:
    with pytest.raises(ScanError, match=says) as caught:
        read_pair(*write_pair(tmp_path, low, high))
    assert "bag_low.png" in caught.value.message
    assert caught.value.remedy


def test_missing_half_is_named(tmp_path: Path) -> None:
    low, high = write_pair(tmp_path, GREY16, GREY16)
    high.unlink()
    with pytest.raises(ScanError, match=r"bag_low\.png: the high-energy half") as caught:
        read_scan(low)
    assert "bag_high.png" in caught.value.remedy


def test_find_scans_groups_files() -> None:
    names = ["a.png", "b_high.png", "b_low.png", "c_low.tif", "d_HIGH.png", "d_low.png", "e_low.mp4", "f_low.txt"]
    found = find_scans(Path("lane") / name for name in names)
    assert [(f.scan_id, tuple(p.name for p in f.files), f.problem is None) for f in found] == [
        ("lane/a.png", ("a.png",), True),
        ("lane/b", ("b_low.png", "b_high.png"), True),
        ("lane/c", ("c_low.tif",), False),
        ("lane/d", ("d_low.png", "d_HIGH.png"), True),
        ("lane/e_low.mp4", ("e_low.mp4",), True),
        ("lane/f_low.txt", ("f_low.txt",), True),
    ]


@given(shape=st.tuples(st.integers(1, 30), st.integers(1, 30)), seed=st.integers(0, 99), deflated=st.booleans())
def test_any_two_channel_scan_comes_back(shape: tuple[int, int], seed: int, deflated: bool) -> None:
    pixels = np.random.default_rng(seed).integers(0, 65_536, (*shape, 2)).astype(np.uint16)
    options = CONTIG | ({"compression": "zlib"} if deflated else {})
    scan = decode_scan(tiff(pixels, **options), "x.tif", air_level=AIR_LEVEL)
    np.testing.assert_array_equal(scan.pixels, pixels)


@pytest.mark.parametrize(
    ("case", "pixels", "blank"),
    [
        ("all black", np.zeros((H, W), np.uint8), True),
        ("all air with noise", np.clip(RNG.normal(60_000, 300, (H, W, 2)), 0, 65_535).astype(np.uint16), True),
        ("one pixel", np.zeros((1, 1), np.uint16), True),
        ("something in the corner", DUAL16, False),
        ("a thin sheet", np.where(np.arange(W)[None, :, None] < 30, 58_000, np.full((H, W, 2), 60_000)), False),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_blank(case: str, pixels: NDArray[Any], blank: bool) -> None:
    kind = ScanKind.GREY if pixels.ndim == 2 else ScanKind.DUAL_ENERGY
    assert is_blank(Scan("x", pixels.astype(np.uint16 if pixels.ndim == 3 else pixels.dtype), kind)) is blank, case


def test_real_pairs(shared_data: Path) -> None:
    found = find_scans(sorted((shared_data / "dual_energy").rglob("*.png")))
    assert len(found) >= 50
    for files in found[::7]:
        scan = read_scan(files.files[0])
        assert scan.kind is ScanKind.DUAL_ENERGY
        # Air is the brightest there is, and steel darkens the low energy more.
        assert scan.pixels.reshape(-1, 2).max(axis=0).tolist() == [AIR_LEVEL, AIR_LEVEL]
        assert scan.pixels[:, :, 0].mean() < scan.pixels[:, :, 1].mean()
        assert not is_blank(scan)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [("sixray/**/*.jpg", ScanKind.PSEUDO_COLOUR), ("gdxray_gray/**/*.png", ScanKind.GREY)],
    ids=["sixray", "gdxray"],
)
def test_real_pictures(shared_data: Path, pattern: str, kind: ScanKind) -> None:
    pictures = sorted(shared_data.glob(pattern))
    assert pictures
    for path in pictures[:: len(pictures) // 8]:
        scan = read_scan(path)
        assert scan.kind is kind
        assert not is_blank(scan)
