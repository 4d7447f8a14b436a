"""What ``make demo`` and ``make samples`` show: the shipped model on the sample parcels of the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parcelsight.datasets.belt_samples import read_samples, write_samples
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.detector.contract import SHIPPED_MODEL, from_metadata
from parcelsight.detector.errors import ScanError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.detector import Detector
from parcelsight.inference.model_file import read_model
from parcelsight.inference.stream.parcels import ParcelFinished
from parcelsight.inference.stream.reading import BeltReader
from parcelsight.inference.stream.sending import hello_of, messages_of
from parcelsight.screening.desk.item_id import parse_item_id

BELT_PARCELS = 8
SAMPLES = Path(__file__).resolve().parents[1] / "datasets" / "samples"


def test_the_shipped_model_is_small_and_says_what_it_is() -> None:
    assert SHIPPED_MODEL.stat().st_size <= 12_000_000
    card = from_metadata(read_model(SHIPPED_MODEL).metadata, SHIPPED_MODEL.name)
    assert tuple(spec.name for spec in card.classes) == TAXONOMY.classes
    assert all(spec.group is TAXONOMY.groups[spec.name] for spec in card.classes)
    assert card.taxonomy == TAXONOMY.version
    assert {data.licence for data in card.training_data} == {"rendered by ParcelSight, no third-party material"}
    assert card.licence == "AGPL-3.0-or-later"
    point = card.operating_point
    assert point.detection_rate is not None and point.false_alarm_rate is not None, "its thresholds are measured"


def test_every_sample_gets_one_verdict_and_some_threats_alarm(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "parcelsight.commands.main", "screen", str(SAMPLES), "--json", "--save", str(out)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    outcomes = {Path(line["scan"]).name: line["verdict"] for line in map(json.loads, run.stdout.splitlines())}
    pictures = sorted(path.name for path in SAMPLES.iterdir() if path.suffix in (".tif", ".jpg", ".png"))
    assert sorted(outcomes) == pictures
    assert outcomes["parcel-06.tif"] == "ALARM" and outcomes["parcel-10.jpg"] == "ALARM", "a revolver, and cartridges"
    assert len(list(out.rglob("*.jpg"))) == len(pictures)


def test_the_demo_belt_brings_every_sample_in_both_views_and_some_alarm(tmp_path: Path) -> None:
    from parcelsight.commands.console_demo import lay_demo_belt
    from parcelsight.commands.demo_labels import demo_labels

    belt = lay_demo_belt(tmp_path / "belt")
    reader = BeltReader(hello_of(belt, "demo"))
    events = [event for message in messages_of(belt) for event in reader.add(message)]
    parcels = [event for event in events if isinstance(event, ParcelFinished)]
    assert len(parcels) == BELT_PARCELS and all(set(parcel.views) == {"top", "side"} for parcel in parcels)
    detector = Detector(SHIPPED_MODEL)
    scans = [part.scan for parcel in parcels for part in parcel.views.values()]
    assert [label.label for label in belt.labels] == demo_labels(), "each parcel has a number and a declaration"
    assert sum(len(detector.detect(canonical_rgb(scan))) > 0 for scan in scans) >= 2, "a fresh user meets alarms"
    assert len(belt) / belt.motion.line_rate_hz / BELT_PARCELS < 10, "a parcel comes every few seconds"


def test_the_demo_parcels_numbers_are_right_and_come_once() -> None:
    from parcelsight.commands.demo_labels import demo_labels

    numbers = [number for label in demo_labels() for number in label.barcodes]
    assert all(parse_item_id(number).is_s10 for number in numbers)
    assert len(set(numbers)) == len(numbers) > 1000


def test_samples_that_cannot_be_read_are_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="cannot be read"):
        read_samples(tmp_path / "none.npz")
    odd: dict[str, Any] = {"01_top": np.zeros((4, 4), np.int16)}
    np.savez(tmp_path / "odd.npz", **odd)
    with pytest.raises(ScanError, match="cannot be read"):
        read_samples(tmp_path / "odd.npz")
    write_samples(tmp_path / "one.npz", [{"top": np.full((4, 4, 2), 900, np.uint16)}])
    with pytest.raises(ScanError, match="both views"):
        read_samples(tmp_path / "one.npz")


def test_sample_levels_survive_their_packing_within_the_noise(tmp_path: Path) -> None:
    levels = np.arange(0, 64_000, 7, dtype=np.uint16)[: 40 * 50 * 2].reshape(40, 50, 2)
    write_samples(tmp_path / "some.npz", [{"top": levels, "side": levels}])
    (back,) = read_samples(tmp_path / "some.npz")
    off = np.abs(back["top"].astype(float) - levels) / np.sqrt(np.maximum(levels, 1.0))
    assert off.max() <= 0.6
