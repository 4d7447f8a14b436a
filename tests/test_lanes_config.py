"""LANES.yaml, and the verbs that run it: what is refused, what is checked, what a user sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.configs.loading import load_config
from parcelsight.detector.errors import ConfigError, ParcelSightError
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.ledger import Ledger
from tests.lane_parts import arrival, png
from tests.models import dark_model, save

RUNNER = CliRunner()
LANE = "{name: a, source: {kind: http}}"


def pictures(folder: Path, count: int = 4) -> Path:
    folder.mkdir()
    for n in range(count):
        (folder / f"parcel-{n}.png").write_bytes(png(n, dark=n % 2 == 0))
    (folder / "notes.txt").write_text("no scan")
    return folder


def lanes_file(folder: Path, **more: object) -> Path:
    model = save(dark_model(), folder / "dark.onnx")
    value = {
        "ledger": str(folder / "ledger"), "model": str(model),
        "lanes": [{"name": "a", "source": {"kind": "pictures", "folder": str(folder / "scans"), "every_s": 0}}],
    } | more  # fmt: skip
    path = folder / "lanes.yaml"
    path.write_text(json.dumps(value))
    return path


BAD_FILES: dict[str, tuple[str, str]] = {
    "no lanes": ("ledger: x\nlanes: []", "lanes: "),
    "unknown key": (f"ledger: x\nledgers: y\nlanes: [{LANE}]", "ledgers: unknown key.*known keys: .*ledger"),
    "unknown source": ("ledger: x\nlanes: [{name: a, source: {kind: fax}}]", "lanes.0.source: .*'fax'"),
    "bad name": ("ledger: x\nlanes: [{name: 'A/b', source: {kind: http}}]", "lanes.0.name: "),
    "same name twice": (f"ledger: x\nlanes: [{LANE}, {LANE}]", "two lanes have the same name"),
    "queue of none": ("ledger: x\nlanes: [{name: a, queue: 0, source: {kind: http}}]", "lanes.0.queue: "),
    "no such policy": ("ledger: x\nlanes: [{name: a, policy: drop, source: {kind: http}}]", "lanes.0.policy: .*wait"),
    "endless deadline": ("ledger: x\nlanes: [{name: a, deadline_s: .inf, source: {kind: http}}]", "deadline_s: "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_by_the_path_of_its_key(case: str, tmp_path: Path) -> None:
    text, words = BAD_FILES[case]
    path = tmp_path / "lanes.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as refusal:
        load_config(path, LanesConfig, "lanes")
    assert str(path) in str(refusal.value)


def test_the_shipped_file_is_valid() -> None:
    config = load_config("demo", LanesConfig, "lanes")
    assert [lane.name for lane in config.lanes] == ["samples", "uploads"]


def test_check_tells_what_works(tmp_path: Path) -> None:
    pictures(tmp_path / "scans")
    shown = RUNNER.invoke(app, ["run", str(lanes_file(tmp_path)), "--check"])
    assert shown.exit_code == 0, shown.output
    assert "model: test 1 at 64 px" in shown.stdout and "ready to run" in shown.stdout


def test_check_tells_everything_that_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    shown = RUNNER.invoke(app, ["run", str(lanes_file(tmp_path, model=str(tmp_path / "none.onnx"))), "--check"])
    assert shown.exit_code == 2
    assert "model: " in shown.stdout and "none.onnx" in shown.stdout
    assert "ledger: " in shown.stdout and "no ledger can be kept here" in shown.stdout
    assert "lane a: " in shown.stdout


def test_run_screens_recordings_to_their_end(tmp_path: Path) -> None:
    pictures(tmp_path / "scans")
    shown = RUNNER.invoke(app, ["run", str(lanes_file(tmp_path)), "--json"])
    assert shown.exit_code == 0, shown.output
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    found = {event["scan"]: event["verdict"] for event in events if event["event"] == "verdict"}
    assert found == {f"parcel-{n}.png": ["ALARM", "NO_ALARM"][n % 2] for n in range(4)}
    states = [event["state"] for event in events if event["event"] == "state"]
    assert states[0] == "NOT_SCREENING" and events[-1]["event"] == "verdict"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(sign: signal.Signals, tmp_path: Path) -> None:
    pictures(tmp_path / "scans")
    source = {"kind": "pictures", "folder": str(tmp_path / "scans"), "every_s": 0.05, "repeat": True}
    path = lanes_file(tmp_path, lanes=[{"name": "a", "source": source}])
    command = [sys.executable, "-m", "parcelsight.commands.main", "run", str(path), "--json"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    while '"verdict"' not in program.stdout.readline():
        pass
    os.kill(program.pid, sign)
    _, complaints = program.communicate(timeout=30)
    assert program.returncode == 0, complaints
    assert "Traceback" not in complaints and "stopped; " in complaints
    ledger = Ledger(tmp_path / "ledger")  # it is let go of
    counts = ledger.counts()
    assert counts.accepted == counts.verdicts + counts.pending and counts.verdicts >= 1
    ledger.close()


def replayed(*arguments: str) -> tuple[int, dict[str, str], str]:
    shown = RUNNER.invoke(app, ["replay", *arguments, "--json"])
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    return shown.exit_code, {e["scan"]: e["verdict"] for e in events if e["event"] == "verdict"}, shown.stderr


def test_replay_of_pictures(tmp_path: Path) -> None:
    model = save(dark_model(), tmp_path / "dark.onnx")
    folder = pictures(tmp_path / "scans")
    status, found, _ = replayed(str(folder), "--speed", "1000", "--model", str(model))
    assert status == 0 and found == {f"parcel-{n}.png": ["ALARM", "NO_ALARM"][n % 2] for n in range(4)}
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    status, found, _ = replayed(str(folder), "--speed", "1000", "--model", str(model))
    assert status == 3 and found["broken.png"] == "UNSCREENED"


def test_replay_of_a_ledger_gives_its_scans_again(tmp_path: Path) -> None:
    model = save(dark_model(), tmp_path / "dark.onnx")
    ledger = Ledger(tmp_path / "ledger")
    for n in range(4):
        ledger.accept(arrival(f"parcel-{n}", png(n, dark=n % 2 == 0), lane=f"lane{n // 2}"))
    recording, target = str(tmp_path / "ledger"), str(tmp_path / "again")
    status, found, _ = replayed(recording, "--speed", "1000", "--model", str(model), "--ledger", target)
    assert status == 0 and found == {f"parcel-{n}": ["ALARM", "NO_ALARM"][n % 2] for n in range(4)}
    status, found, _ = replayed(recording, "--lane", "lane1", "--speed", "1000", "--model", str(model))
    assert list(found) == ["parcel-2", "parcel-3"]
    assert len(ledger.unfinished()) == 4, "the recording is left as it was"
    ledger.close()


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no such folder": (["{tmp}/none"], "no such folder"),
    "lane of pictures": (["{tmp}/scans", "--lane", "a"], "is no ledger"),
    "onto itself": (["{tmp}/ledger", "--ledger", "{tmp}/ledger"], "is the recording"),
    "empty folder": (["{tmp}/empty"], "holds no scans"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_at_replay_is_told_with_its_remedy(case: str, tmp_path: Path) -> None:
    arguments, words = MISTAKES[case]
    pictures(tmp_path / "scans", 1)
    (tmp_path / "empty").mkdir()
    Ledger(tmp_path / "ledger").close()
    shown = RUNNER.invoke(app, ["replay", *(a.format(tmp=tmp_path) for a in arguments)])
    assert isinstance(shown.exception, ParcelSightError) and words in str(shown.exception)
