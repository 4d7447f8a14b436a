"""The console is killed while an officer decides; ``python -m benchmarks.console_chaos`` runs the long form."""

from __future__ import annotations

from pathlib import Path

from benchmarks.console_chaos import chaos


def test_kills_lose_and_double_no_decision(tmp_path: Path) -> None:
    report = chaos(tmp_path, kills=8, seed=7, parcels=2000)
    assert (report.lost, report.doubled, report.record_is_whole) == (0, 0, True)
    assert report.acknowledged > 8
