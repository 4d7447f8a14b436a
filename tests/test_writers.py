"""What is written comes back, and a write that fails leaves nothing half-done."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from parcelsight.datasets.files import written_whole
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import ScanKind
from parcelsight.datasets.writers import write_dual_energy, write_picture
from parcelsight.detector.errors import ScanError

SIDES = st.integers(1, 24)


@given(
    pixels=st.tuples(SIDES, SIDES).flatmap(lambda s: hnp.arrays(np.uint16, (*s, 2))),
    pitch_mm=st.none() | st.floats(0.1, 5),
    compression=st.sampled_from(["none", "zlib"]),
)
@settings(max_examples=60, deadline=None)
def test_dual_energy_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    pixels: NDArray[np.uint16],
    pitch_mm: float | None,
    compression: Literal["none", "zlib"],
) -> None:
    path = tmp_path_factory.getbasetemp() / "scan.tif"
    write_dual_energy(path, pixels, pitch_mm, compression=compression)
    scan = read_scan(path)
    # Whatever the brightest pixel is, nothing is guessed: the file notes its level of air.
    np.testing.assert_array_equal(scan.pixels, pixels)
    assert (scan.kind, scan.pitch_mm) == (ScanKind.DUAL_ENERGY, pitch_mm)


@given(pixels=st.tuples(SIDES, SIDES).flatmap(lambda s: hnp.arrays(np.uint8, (*s, 3))))
@settings(max_examples=40, deadline=None)
def test_png_comes_back(tmp_path_factory: pytest.TempPathFactory, pixels: NDArray[np.uint8]) -> None:
    path = tmp_path_factory.getbasetemp() / "picture.png"
    write_picture(path, pixels)
    read = read_scan(path).pixels
    np.testing.assert_array_equal(read if read.ndim == 3 else np.dstack([read] * 3), pixels)


def test_jpeg_comes_back_nearly(tmp_path: Path) -> None:
    smooth = np.dstack([np.tile(np.linspace(0, 255, 64), (48, 1))] * 2 + [np.full((48, 64), 30.0)]).astype(np.uint8)
    write_picture(tmp_path / "p.JPG", smooth)
    assert np.abs(read_scan(tmp_path / "p.JPG").pixels.astype(int) - smooth).mean() < 3


def test_other_readers_see_two_channels_and_the_pitch(tmp_path: Path) -> None:
    write_dual_energy(tmp_path / "s.tif", np.ones((5, 7, 2), np.uint16), 1.25)
    with tifffile.TiffFile(tmp_path / "s.tif") as file:
        page = file.pages.first
        assert page.shape == (5, 7, 2)
        numerator, denominator = page.tags["XResolution"].value
        assert numerator / denominator == pytest.approx(8)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("one channel.tif", np.ones((4, 4), np.uint16)),
        ("floats.tif", np.ones((4, 4, 2), np.float32)),
        ("nothing.tif", np.ones((0, 4, 2), np.uint16)),
        ("other.png", np.ones((4, 4, 2), np.uint16)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_no_dual_energy_scan(tmp_path: Path, name: str, pixels: NDArray[np.uint16]) -> None:
    with pytest.raises(ScanError, match=name) as caught:
        write_dual_energy(tmp_path / name, pixels)
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["p.gif", "p"])
def test_unknown_picture_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScanError, match="is not written here") as caught:
        write_picture(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    assert ".png" in caught.value.remedy


@pytest.mark.parametrize("where", ["no/p.png", "file/p.png", "x" * 300 + ".png"], ids=["missing", "a file", "long"])
def test_folder_that_cannot_be_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ScanError, match="cannot be written") as caught:
        write_picture(tmp_path / where, np.zeros((4, 4, 3), np.uint8))
    assert "space" in caught.value.remedy


def test_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("before")
    with pytest.raises(ScanError, match="No space left"), written_whole(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_disk_that_is_really_full(tmp_path: Path) -> None:
    with (
        pytest.raises(ScanError, match="No space left") as caught,
        written_whole(tmp_path / "p.bin"),
        open("/dev/full", "wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert "free space" in caught.value.remedy
    assert not list(tmp_path.iterdir())
