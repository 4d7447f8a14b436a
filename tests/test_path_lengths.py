"""The proof of the path lengths is itself held to arithmetic: bodies that touch count in full."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import path_lengths
from parcelsight.datasets.synthetic.scanner import ViewFrame
from parcelsight.datasets.synthetic.shapes import box, joined, rotation
from parcelsight.datasets.synthetic.solids import Item, Parcel, Solid

THICK_MM, PLATE_MM = 17.5, 1.25


def test_plates_on_both_flanks_count_in_full() -> None:
    """Two faces in one plane, one left and one entered: a caster that meets both at once may lose such pairs unseen."""
    plates = (box((40.0, 30.0, PLATE_MM)).moved((0, 0, side * 0.5 * (THICK_MM + PLATE_MM))) for side in (-1, 1))
    mesh = joined(box((60.0, 50.0, THICK_MM)), *plates).moved((0, 0, 25.0))
    parcel = Parcel(Item("gripped", None, "gripped/00", (Solid(mesh, "zinc"),)), (), "benign")
    frame = ViewFrame(path_lengths.VIEW, path_lengths.PITCH_MM, first_row_mm=-60.0)
    fan = frame.fan((-60.0, 60.0), (-60.0, 60.0))
    ours = path_lengths.by_projector(parcel, frame, fan).ravel()
    pixels = np.flatnonzero(ours > 0)
    theirs, disputed = path_lengths.reference(parcel, frame, fan, pixels, ours[pixels])
    assert disputed > 0
    assert np.abs(ours[pixels] - theirs).max() < 1e-3
    # Rays slant, and some leave through the rim of a plate.
    straight = (ours.reshape(fan.rows, fan.columns) / fan.slant()).max()
    assert float(straight) == pytest.approx(THICK_MM + 2 * PLATE_MM, abs=1e-3)


def test_the_reference_does_not_follow_what_it_judges() -> None:
    mesh = box((60.0, 50.0, THICK_MM)).turned(rotation((1.0, 2.0, 3.0), 40.0)).moved((0, 0, 60.0))
    parcel = Parcel(Item("block", None, "block/00", (Solid(mesh, "zinc"),)), (), "benign")
    frame = ViewFrame(path_lengths.VIEW, path_lengths.PITCH_MM, first_row_mm=-60.0)
    fan = frame.fan((-60.0, 60.0), (-60.0, 60.0))
    ours = path_lengths.by_projector(parcel, frame, fan).ravel()
    pixels = np.flatnonzero(ours > 0)
    wrong = ours[pixels] + np.where(np.arange(len(pixels)) % 2, 1.0, 0.0).astype(np.float32)
    theirs, disputed = path_lengths.reference(parcel, frame, fan, pixels, wrong)
    assert disputed >= len(pixels) // 2
    assert np.nanmax(np.abs(ours[pixels] - theirs)) < 1e-3


def test_packed_parcels_agree_with_ray_casting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["path_lengths", "--scenes", "2", "--rays", "800"])
    assert path_lengths.main() == 0
    assert "worst scene" in capsys.readouterr().out
