"""Ray itself, started twice: archives under kills, and a lane whose replicas are killed.

Long forms with their results: benchmarks/fleet_chaos.py and benchmarks/fleet_serve.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray comes with: pip install 'parcelsight[fleet]'")

from benchmarks import fleet_chaos, fleet_serve


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
