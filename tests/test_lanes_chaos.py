"""Nothing is lost or doubled under overload and kill -9; ``benchmarks/ledger_chaos.py`` proves it on 10,000 scans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_eight_kills_and_five_loads_lose_and_double_nothing() -> None:
    for package in ("fastapi", "uvicorn", "prometheus_client"):
        pytest.importorskip(package, reason=f"uploads need the extra [service] ({package} is missing)")
    command = [sys.executable, "-m", "benchmarks.ledger_chaos", "--scans", "42", "--kills", "8", "--seed", "3"]
    # The Makefile keeps the working directory off the path, where this script lies.
    environment = os.environ | {"PYTHONSAFEPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["lost"], found["doubled"], found["strangers"], found["pending"]) == (0, 0, 0, 0)
    assert found["verdicts"] == found["acknowledged"] + found["accepted_without_acknowledgement"]
    assert found["chaos"]["kills"] == {"worker": 6, "program": 2}
    assert sum(load["accepted"] + load["refused"] for load in found["loads"]) == 5 * 6
