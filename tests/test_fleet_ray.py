"""Ray itself: archives under kills, a lane whose replicas are killed, and a search to its end.

Long forms with their results: benchmarks/fleet_chaos.py and benchmarks/fleet_serve.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("ray", reason="Ray comes with: pip install 'parcelsight[fleet]'")

from benchmarks import fleet_chaos, fleet_serve
from parcelsight.commands.main import app
from parcelsight.detector.errors import ParcelSightError
from tests.tiny_scans import write_tiny


@pytest.mark.slow
def test_killed_workers_and_a_killed_driver_lose_and_double_no_scan(tmp_path: Path) -> None:
    options = argparse.Namespace(scans=1500, shard=30, workers=2, kills=2, driver_kills=1, pause_s=0.1, seed=1)
    found = fleet_chaos.run(tmp_path, options)
    assert found["rows"] == found["scans"] == 1500 and found["wrong"] == []
    assert found["runs"] == 2 and found["drivers_killed"] == 1 and found["only_json_on_stdout"]


@pytest.mark.slow
@pytest.mark.parametrize("haproxy", [False, True])
def test_killed_replicas_lose_and_double_no_scan(tmp_path: Path, haproxy: bool) -> None:
    options = argparse.Namespace(chaos_s=7.0, every_s=3.0, rate=5.0, seed=1, haproxy=haproxy)
    found = fleet_serve.chaos(tmp_path, options)
    assert found["accepted"] == found["verdicts"] > 10 and found["lost"] == found["doubled"] == 0
    assert found["wrong"] == [] and found["replicas_killed"] >= 1


@pytest.mark.slow
def test_a_search_to_its_end(tmp_path: Path) -> None:
    tiny = write_tiny(tmp_path / "tiny", ("pistol", "pistol", "", "pistol", "pistol", "knife", "pistol"))
    search = "recipe: smoke\ntrials: 2\ngrace_epochs: 1\nsearch:\n  learning_rate: {log: [0.0003, 0.003]}\n"
    (tmp_path / "search.yaml").write_text(search, encoding="utf-8")
    # All paths as people type them, from the folder they are in; trials run in folders of Ray's.
    command = [sys.executable, "-P", "-m", "parcelsight.commands.main", "tune", "search.yaml", "tuned"]
    command += ["--data", str(tiny.relative_to(tmp_path)), "--epochs", "1", "--json"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    trials = json.loads(ran.stdout.splitlines()[-1])
    assert len(trials) == 2 and [trial["epochs"] for trial in trials] == [1, 1]
    assert len({trial["settings"]["learning_rate"] for trial in trials}) == 2
    for trial in trials:
        run = Path(trial["run"])
        assert (run / "weights" / "best.pt").is_file()
        assert json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def test_a_search_without_start_weights_says_so_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARCELSIGHT_START_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParcelSightError) as refused:
        CliRunner().invoke(app, ["tune", "nano", "tuned", "--data", "tiny"], catch_exceptions=False)
    assert "yolo26n" in refused.value.message and "PARCELSIGHT_START_WEIGHTS" in refused.value.remedy
    assert not (tmp_path / "tuned").exists()
