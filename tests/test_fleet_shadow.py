"""A candidate beside the live model: the same scans, no verdict touched, a report that counts right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.detector.errors import LedgerError, UsageError
from parcelsight.fleet.comparing import ALL, ANY
from parcelsight.fleet.paired import Paired
from parcelsight.fleet.shadow import Shadow, open_looks, report
from parcelsight.inference.lanes.ledger import Ledger
from tests.lane_parts import arrival, png
from tests.models import constant_model, dark_model, save


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """In use by the lanes, whose live model never alarms."""
    ledger = Ledger(tmp_path / "ledger")
    yield ledger
    ledger.close()


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    return save(dark_model(), tmp_path / "candidate.onnx")


def judge(ledger: Ledger, first: int, count: int, model: str = "live 1", alarm: bool = False) -> None:
    """Scans with a live verdict; every second has a dark bar, which the candidate finds."""
    for number in range(first, first + count):
        payload = b"no picture" if number % 10 == 9 else png(number, dark=number % 2 == 0)
        receipt = ledger.accept(arrival(f"p{number}", payload, lane=f"lane{number % 2}"))
        found = [{"class": "cartridge", "score": 0.9, "xyxy_px": [0, 0, 9, 9], "group": "ammunition"}] if alarm else []
        verdict = "ALARM" if alarm else "NO_ALARM"
        outcome = {"model": model, "scan": f"p{number}", "verdict": verdict, "reason": "", "detections": found}
        assert ledger.record(receipt.sequence, outcome) is not None


def follow(shadow: Shadow) -> Shadow:
    while shadow.turn():
        pass
    return shadow


def test_the_candidate_looks_at_every_scan_and_touches_nothing(ledger: Ledger, candidate: Path, tmp_path: Path) -> None:
    judge(ledger, 0, 20)
    before = ledger.verdicts_since(0)
    shadow = follow(Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate))
    judge(ledger, 20, 10)  # the lanes go on meanwhile
    follow(shadow)
    shadow.close()
    assert shadow is not None and ledger.verdicts_since(0)[:20] == before
    found = report(tmp_path / "a.db")
    # Of 30 scans three hold no picture: 15 are dark, and the others are not.
    assert found.scans == 30 and found.unscreened == 3 and found.missing == 0
    assert found.paired(ALL, ANY) == Paired(0, 0, 15, 12) and found.paired("lane0", "pistol") == Paired(0, 0, 15, 0)
    assert found.paired("lane1", ANY) == Paired(0, 0, 0, 12)
    low, high = found.paired(ALL, ANY).interval
    assert low > 0.3 and high < 0.8


def test_it_goes_on_where_it_ended(ledger: Ledger, candidate: Path, tmp_path: Path) -> None:
    judge(ledger, 0, 8)
    follow(Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate)).close()
    judge(ledger, 8, 5)
    again = Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate)
    assert again.progress.looked == 8
    follow(again)
    assert again.progress.looked == again.progress.number == 13
    again.close()
    other = save(constant_model([]), tmp_path / "other.onnx")
    with pytest.raises(UsageError, match="keeps the answers of"):
        Shadow(tmp_path / "ledger", tmp_path / "a.db", other, operating_point="balanced").close()  # type: ignore[arg-type]


def test_a_scan_that_ended_it_is_passed_over(ledger: Ledger, candidate: Path, tmp_path: Path, monkeypatch: Any) -> None:
    judge(ledger, 0, 3)
    shadow = Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate)
    monkeypatch.setattr(Shadow, "_screened", lambda self, row: exec("raise SystemExit"))
    with pytest.raises(SystemExit):
        shadow.turn()
    shadow.close()
    monkeypatch.undo()
    follow(Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate)).close()
    with open_looks(tmp_path / "a.db") as database:
        reasons = [reason for (reason,) in database.execute("SELECT reason FROM looks ORDER BY number")]
    assert "ended the program" in reasons[0] and len(reasons) == 3 and "ended" not in reasons[1]


def test_earlier_live_models_are_not_mixed_in(ledger: Ledger, candidate: Path, tmp_path: Path) -> None:
    judge(ledger, 0, 4, model="old 1", alarm=True)
    judge(ledger, 4, 4, model="live 2", alarm=True)
    follow(Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate)).close()
    found = report(tmp_path / "a.db")
    assert found.missing == 4 and found.before.model == "live 2" and found.paired(ALL, ANY) == Paired(2, 2, 0, 0)
    assert found.paired(ALL, "cartridge").only_before == 4 and found.paired(ALL, "pistol").only_after == 2


def test_only_what_comes(ledger: Ledger, candidate: Path, tmp_path: Path) -> None:
    judge(ledger, 0, 4)
    shadow = Shadow(tmp_path / "ledger", tmp_path / "a.db", candidate, from_now=True)
    judge(ledger, 4, 2)
    assert follow(shadow).progress.looked == 2
    shadow.close()


def test_no_ledger_and_no_answers_are_said(candidate: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger can be read here"):
        Shadow(tmp_path / "nowhere", tmp_path / "a.db", candidate)
    with pytest.raises(UsageError, match="has not looked at a scan yet"):
        report(tmp_path / "a.db")
    with pytest.raises(UsageError, match="no such file"):
        report(tmp_path / "b.db")


def test_the_verb(ledger: Ledger, candidate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.nice", lambda by: by)  # this process goes on with other tests
    judge(ledger, 0, 6)
    asked = ["shadow", str(tmp_path / "ledger"), str(tmp_path / "a.db")]
    done = CliRunner().invoke(app, [*asked, "--model", str(candidate), "--once", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["alarms"][0]["found"] == 3
    assert "lane0" in CliRunner().invoke(app, [*asked, "--report"]).stdout
