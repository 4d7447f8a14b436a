"""``synthesize --benign``: benign objects get labels of their own kind, and nothing else changes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if any(find_spec(package) is None for package in ("numba", "xraylib", "mapbox_earcut")):
    pytest.skip("rendering packages are not installed: pip install 'parcelsight[synthetic]'", allow_module_level=True)

from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.annotations import Dataset
from parcelsight.datasets.native import open_dataset
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.training.categories import is_threat_free

COUNT = 3


def synthesize(out: Path, *options: str) -> tuple[Dataset, str]:
    arguments = ["synthesize", str(out), "--count", str(COUNT), "--only", "scans", "--jobs", "1", "--seed", "11"]
    run = CliRunner().invoke(app, [*arguments, "--threat-share", "0.7", *options])
    assert run.exit_code == 0, run.output
    return open_dataset(out), run.output


def test_benign_objects_are_labelled_beside_the_same_threats(tmp_path: Path) -> None:
    plain, _ = synthesize(tmp_path / "plain")
    benign, said = synthesize(tmp_path / "benign", "--benign")
    for without, with_benign in zip(plain, benign, strict=True):
        assert without.files[0].read_bytes() == with_benign.files[0].read_bytes(), "the same scan"
        labels = with_benign.annotations.labels
        threats = np.array([TAXONOMY.group_of(label) is not None for label in labels], bool)
        assert [label for label, threat in zip(labels, threats, strict=True) if threat] == list(
            without.annotations.labels
        )
        assert np.array_equal(with_benign.annotations.xyxy_px[threats], without.annotations.xyxy_px)
        assert (~threats).sum() >= 2, "a packaging and what is in it"
        boxes, size = with_benign.annotations.xyxy_px, [with_benign.width_px, with_benign.height_px] * 2
        assert (boxes >= 0).all() and (boxes <= size).all() and ((boxes[:, 2:] - boxes[:, :2]) >= 1).all()
        assert is_threat_free(with_benign) == is_threat_free(without)
    assert f"{sum(map(is_threat_free, plain))} of them threat-free" in said


def test_a_folder_goes_on_only_as_it_was_begun(tmp_path: Path) -> None:
    synthesize(tmp_path / "set")
    run = CliRunner().invoke(app, ["synthesize", str(tmp_path / "set"), "--count", "4", "--benign"])
    assert run.exit_code != 0
