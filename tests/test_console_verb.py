"""``parcelsight console`` and ``parcelsight audit`` as their user calls them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from parcelsight.detector.errors import StorageError
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.item_id import parse_item_id
from parcelsight.screening.desk.retention import Rules, load_rules, prune
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.tables import AuditRow, ParcelRow, ScanRow
from parcelsight.screening.storage.times import now
from tests.console_parts import Browser, running_console
from tests.lane_parts import until

PROGRAM = [sys.executable, "-m", "parcelsight.commands.main"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(*arguments: object) -> Iterator[list[str]]:
    """A console in a process of its own; what it says."""
    process = subprocess.Popen(
        [*PROGRAM, "console", *map(str, arguments), "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        for line in process.stderr:
            said.append(line.strip())
            if "no lanes are followed" in line or "Ctrl-C" in line:
                break
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_first_start_prints_the_setup_link_and_work_is_on_record(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    with running("--data", data, "--checkpoints", elsewhere) as said:
        link = re.search(r"http://\S+/setup/\S+", " ".join(said))
        assert link is not None and httpx.get(link[0]).status_code == 200
    made = run("console", "--data", data, "invite", "chief", "--name", "The chief", "--role", "admin")
    assert "/invitation/" in made.stdout
    with running("--data", data, "--checkpoints", elsewhere) as said:
        assert not re.search("/setup/", " ".join(said))

    whole = run("audit", "verify", "--data", data, "--checkpoints", elsewhere / "checkpoints.jsonl", "--json")
    assert whole.returncode == 0 and json.loads(whole.stdout)["checkpoints"] >= 1
    database = Database(str(data / "console.db"))
    with database.write() as session:
        session.execute(update(AuditRow).where(AuditRow.number == 1).values(person="nobody"))
    database.close()
    altered = run("audit", "verify", "--data", data)
    assert altered.returncode == 1 and "entry 1: was altered" in altered.stdout


def test_backup_and_restore(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert run("console", "--data", data, "upgrade").returncode == 0
    run("console", "--data", data, "invite", "chief", "--name", "The chief", "--role", "admin")
    assert (
        json.loads(run("console", "--data", data, "backup", tmp_path / "copy", "--json").stdout)["audit_entries"] == 2
    )
    assert "restored" in run("console", "--data", tmp_path / "new", "restore", tmp_path / "copy").stdout
    assert "/invitation/" in run("console", "--data", tmp_path / "new", "invite", "chief").stdout
    again = run("console", "--data", tmp_path / "new", "restore", tmp_path / "copy")
    assert again.returncode == 2 and "is not empty" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["console", "--host", "0.0.0.0"], "--public-url"),
        (["console", "--public-url", "http://x"], "no https:// address"),
        (["console", "--lanes", "nothing"], "no address of a lane service"),
        (["console", "--procedure", "none"], "standard, two_officers"),
        (["console", "invite", "x"], "parcelsight console upgrade"),
        (["console", "prune", "--rules", "none"], "parcelsight console upgrade"),
        (["audit", "verify"], "parcelsight console upgrade"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, arguments: list[str], problem: str) -> None:
    at = arguments.index("verify") + 1 if "verify" in arguments else 1
    done = run(*arguments[:at], "--data", tmp_path / "data", *arguments[at:])
    assert done.returncode == 2 and problem in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_demonstration_leads_to_a_first_decision() -> None:
    with running("--demo") as said:
        link = re.search(r"http://\S+/demo/\S+", " ".join(said))
        assert link is not None
        base, path = link[0].split("/demo")
        browser = Browser(base)
        assert browser.get("/demo" + path).status_code == 303
        browser.csrf = browser.get("/api/me").json()["csrf_token"]
        until(lambda: browser.post("/api/desk/next").json()["parcel"], 120)
        parcel = browser.post("/api/desk/next").json()["parcel"]
        assert browser.get(parcel["scans"][0]["pixels_url"]).status_code == 200
        assert parse_item_id(parcel["item_id"]).is_s10 and parcel["declared"]["contents"]
        assert browser.decide(parcel["id"], "open").status_code == 200
        assert Browser(base).get("/demo/wrong").status_code == 404


def test_retention_takes_pictures_and_personal_data_and_says_so(tmp_path: Path) -> None:
    with running_console(tmp_path) as site:
        old, found, fresh = (site.parcel(Verdict.ALARM, declared={"contents": "coffee"}) for _ in range(3))
        operator = site.sign_in("operator")
        for _ in range(3):
            parcel = operator.post("/api/desk/next").json()["parcel"]
            operator.decide(parcel["id"], "open", next=False)
            thing = [{"what": "part"}] if parcel["id"] == found else []
            body = {"request_id": f"opening-{parcel['id']}", "parcel_id": parcel["id"], "found": thing}
            assert operator.post("/api/openings", body).status_code == 200
        database, pictures = site.console.database, site.console.pictures
        with database.write() as session:
            past = now() - timedelta(days=200)
            session.execute(update(ParcelRow).where(ParcelRow.id.in_([old, found])).values(settled_at=past))
        rules = load_rules("standard")
        assert prune(database, pictures, rules, dry_run=True).pictures == 1
        done = prune(database, pictures, rules)
        assert (done.pictures, done.parcels) == (1, 2)
        assert prune(database, pictures, rules).pictures == 0
        with database.read() as session:
            kept = {row.parcel_id: row.file for row in session.query(ScanRow)}
            assert kept[old] is None and kept[found] and kept[fresh]
            assert session.get_one(ParcelRow, fresh).declared and not session.get_one(ParcelRow, found).declared
            assert session.query(AuditRow).filter_by(action="pruned").count() == 1
        everything = Rules(pictures_days=0, pictures_found_days=0, personal_days=0)
        assert prune(database, pictures, everything).pictures == 2


def test_a_database_of_another_version_is_not_touched(tmp_path: Path) -> None:
    from parcelsight.screening.web.console import Settings, open_console

    with pytest.raises(StorageError, match="console upgrade"):
        open_console(tmp_path, None, Settings())
