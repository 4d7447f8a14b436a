"""Labels of rendered scans are tight and honest; ``benchmarks/label_tightness.py`` proves it on 500 scans."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "label_tightness.py"


def test_labels_of_ten_scans_are_tight_and_honest() -> None:
    command = [sys.executable, str(BENCHMARK), "--scans", "10", "--seed", "4", "--scanner", "duo140", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["scans"] == 10
    assert sum(found["labels"].values()) >= 8
    assert found["worst_edge_px"] <= 1
