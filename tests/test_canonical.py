"""The canonical picture: the table agrees with the palette it is made from, air is white, grey stays grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from parcelsight.datasets.canonical import AIR_RGB, canonical_rgb, palette_rgb
from parcelsight.datasets.pairs import find_scans
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind


def test_table_agrees_with_palette() -> None:
    rng = np.random.default_rng(0)
    high = rng.uniform(0.02, 0.99, (200, 200))
    low = high ** rng.uniform(1.1, 2.0, (200, 200))
    pixels = np.rint(np.stack([low, high], axis=-1) * AIR_LEVEL).astype(np.uint16)
    exact = palette_rgb(*np.moveaxis(pixels.astype(np.float32) / AIR_LEVEL, -1, 0)) * 255
    error = np.abs(canonical_rgb(Scan("x", pixels, ScanKind.DUAL_ENERGY)) - exact).max(axis=-1)
    # The table is coarser where matter is so thin that its material is unsure.
    assert np.percentile(error, 50) <= 1.5
    assert np.percentile(error, 99) <= 8


@given(height=st.integers(1, 70), width=st.integers(1, 9), seed=st.integers(0, 1_000))
def test_every_size_is_coloured_pixel_by_pixel(height: int, width: int, seed: int) -> None:
    # The table is applied in bands of rows; no height or width may fall between them.
    pixels = np.random.default_rng(seed).integers(0, 65_536, (height, width, 2)).astype(np.uint16)
    rgb = canonical_rgb(Scan("x", pixels, ScanKind.DUAL_ENERGY))
    in_one_row = canonical_rgb(Scan("x", pixels.reshape(1, -1, 2), ScanKind.DUAL_ENERGY))
    np.testing.assert_array_equal(rgb.reshape(1, -1, 3), in_one_row)


def test_levels_and_floats_give_the_same_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 60_001, (33, 17, 2)).astype(np.uint16)
    floats = (pixels / AIR_LEVEL).astype(np.float32)
    np.testing.assert_array_equal(
        canonical_rgb(Scan("x", pixels, ScanKind.DUAL_ENERGY)), canonical_rgb(Scan("x", floats, ScanKind.DUAL_ENERGY))
    )


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [
        (ScanKind.DUAL_ENERGY, np.full((5, 4, 2), AIR_LEVEL, np.uint16)),
        (ScanKind.DUAL_ENERGY, np.full((5, 4, 2), 65_535, np.uint16)),
        (ScanKind.DUAL_ENERGY, np.ones((5, 4, 2), np.float32)),
        (ScanKind.GREY, np.full((5, 4), AIR_LEVEL, np.uint16)),
        (ScanKind.GREY, np.full((5, 4), 65_535, np.uint16)),
        (ScanKind.GREY, np.full((5, 4), 255, np.uint8)),
    ],
    ids=["dual", "dual, brighter than air", "dual float", "grey 16 bit", "grey, brighter than air", "grey 8 bit"],
)
def test_air_is_white(kind: ScanKind, pixels: NDArray[Any]) -> None:
    assert (canonical_rgb(Scan("x", pixels, kind)) == AIR_RGB).all()


def test_grey_repeats_and_colour_is_taken_as_it_is() -> None:
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert (canonical_rgb(Scan("x", grey, ScanKind.GREY)) == grey[:, :, None]).all()
    colour = np.zeros((4, 5, 3), np.uint8)
    assert canonical_rgb(Scan("x", colour, ScanKind.PSEUDO_COLOUR)) is colour


def test_real_pair_has_a_white_background(shared_data: Path) -> None:
    files = find_scans(sorted((shared_data / "dual_energy" / "gun").glob("*.png")))[0]
    rgb = canonical_rgb(read_scan(files.files[0]))
    assert (rgb == 255).all(axis=-1).mean() > 0.05
    assert rgb.min() < 128
