"""What ``make demo`` shows: the shipped model on the sample parcels of the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from parcelsight.detector.contract import SHIPPED_MODEL, from_metadata
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.model_file import read_model

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
