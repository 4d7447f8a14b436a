"""``parcelsight doctor``: what it finds on a machine that is well, and on machines that are not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from parcelsight.commands import doctor_machine, doctor_storage
from parcelsight.commands.doctor_machine import check_clock, check_machine, usable_cores
from parcelsight.commands.doctor_model import check_model
from parcelsight.commands.doctor_packages import check_packages
from parcelsight.commands.doctor_storage import check_storage, file_system_of
from parcelsight.commands.findings import Finding, Level, worst
from parcelsight.commands.main import app
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.inference.known_answer import ANSWER, KnownAnswer, read_answer, sha256_of
from tests.models import dark_model, save

RUNNER = CliRunner()


def doctor(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, ["doctor", *map(str, arguments)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    folder.chmod(0o750)
    return folder


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    yield number


def test_it_tells_programs_what_it_found(ledger: Path, port: int) -> None:
    result = doctor("--json", "--folder", ledger, "--port", str(port))
    document = json.loads(result.stdout)
    areas = {finding["area"] for finding in document["findings"]}
    assert areas == {"model", "licences", "machine", "codecs", "packages", "storage", "service"}
    assert all(finding["remedy"] for finding in document["findings"] if finding["level"] != "OK")
    failed = [finding for finding in document["findings"] if finding["level"] == "FAIL"]
    assert (result.exit_code == 1) == bool(failed), failed
    answers = [f for f in document["findings"] if f["check"] == "known answer"]
    assert [f["level"] for f in answers] == ["OK"], answers


def test_it_shows_people_a_table(ledger: Path, port: int) -> None:
    shown = doctor("--folder", ledger, "--port", str(port)).stdout
    assert "known answer" in shown and "durable write" in shown and "checks:" in shown


def test_strict_counts_warnings(tmp_path: Path, port: int) -> None:
    model = save(dark_model(), tmp_path / "m.onnx")  # no known answer: a warning
    relaxed = doctor("--folder", tmp_path, "--port", str(port), "--model", model)
    strict = doctor("--folder", tmp_path, "--port", str(port), "--model", model, "--strict")
    assert strict.exit_code == 1 and relaxed.exit_code in (0, 1)


def test_a_model_that_is_none_fails(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    (finding,) = check_model(tmp_path / "m.onnx")
    assert finding.level is Level.FAIL and "m.onnx" in finding.found and finding.remedy


def test_the_shipped_answer_belongs_to_the_shipped_model() -> None:
    answer = read_answer()
    assert answer is not None and answer.sample_file().is_file()
    assert answer.model_sha256 == sha256_of(SHIPPED_MODEL), "run: python -m benchmarks.known_answer"


WRONG_ANSWERS: dict[str, tuple[Callable[[KnownAnswer], dict[str, Any]], str]] = {
    "another score": (lambda a: {"score": a.detections[0].score - 0.1}, "was not found"),
    "another class": (lambda a: {"name": "bolt"}, "was not found"),
    "another place": (lambda a: {"xyxy_px": (0.0, 0.0, 9.0, 9.0)}, "was not found"),
}


@pytest.mark.parametrize("case", WRONG_ANSWERS)
def test_a_wrong_answer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    change, words = WRONG_ANSWERS[case]
    answer = read_answer()
    assert answer is not None
    wrong = answer.detections[0].model_copy(update=change(answer))
    changed = answer.model_copy(update={"detections": (wrong, *answer.detections[1:])})
    monkeypatch.setattr("parcelsight.inference.known_answer.read_answer", lambda: changed)
    (finding,) = [f for f in check_model(SHIPPED_MODEL) if f.check == "known answer"]
    assert finding.level is Level.FAIL and words in finding.found and "do not screen" in finding.remedy


def test_a_detection_too_many_is_a_difference() -> None:
    answer = read_answer()
    assert answer is not None and len(answer.detections) > 1
    import numpy as np

    from parcelsight.detector.detections import Detections

    boxes = np.array([d.xyxy_px for d in (*answer.detections, answer.detections[0])], np.float32)
    scores = np.array([*(d.score for d in answer.detections), 0.99], np.float32)
    names = ("x", answer.detections[0].name)
    found = Detections(boxes, scores, np.ones(len(scores), np.int64))
    assert {d.name for d in answer.detections} == {names[1]}
    assert answer.differences(found, names) == "1 more detections than known"
    assert answer.differences(found.keep(scores < 0.99), names) == ""


def test_a_damaged_answer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / ANSWER.name
    damaged.write_text('{"sample": "../../etc/passwd"}')
    read = read_answer
    monkeypatch.setattr("parcelsight.inference.known_answer.read_answer", lambda: read(damaged))
    (finding,) = [f for f in check_model(SHIPPED_MODEL) if f.check == "known answer"]
    assert finding.level is Level.FAIL and str(damaged) in finding.found


def levels(findings: Iterator[Finding]) -> dict[str, Level]:
    return {finding.check: finding.level for finding in findings}


def test_a_folder_that_is_well(ledger: Path) -> None:
    found = {finding.check: finding for finding in check_storage(ledger)}
    assert found["rights"].level is Level.OK and found["durable write"].level is not Level.FAIL
    assert "ms a scan" in found["durable write"].found and not list(ledger.iterdir())


def test_a_folder_still_to_be_made(tmp_path: Path) -> None:
    found = {finding.check: finding for finding in check_storage(tmp_path / "a" / "b")}
    assert "will be made" in found["folder"].found and not (tmp_path / "a").exists()


@pytest.mark.parametrize(("mode", "level"), [(0o777, Level.FAIL), (0o755, Level.WARN), (0o700, Level.OK)])
def test_rights_of_the_folder(tmp_path: Path, mode: int, level: Level) -> None:
    tmp_path.chmod(mode)
    assert levels(check_storage(tmp_path))["rights"] is level


@pytest.mark.parametrize(("free", "level"), [(10**8, Level.FAIL), (5 * 10**9, Level.WARN), (10**11, Level.OK)])
def test_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("parcelsight.commands.doctor_storage.shutil.disk_usage", lambda folder: usage)
    assert levels(check_storage(tmp_path))["space"] is level


@pytest.mark.parametrize(("kind", "level"), [("tmpfs", Level.FAIL), ("nfs4", Level.FAIL), ("ext4", Level.OK)])
def test_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level) -> None:
    monkeypatch.setattr(doctor_storage, "file_system_of", lambda folder: kind)
    assert levels(check_storage(tmp_path))["file system"] is level


def test_the_file_system_is_that_of_the_deepest_mount() -> None:
    assert file_system_of(Path("/proc/self")) == "proc"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = check_storage(tmp_path / "file")
    assert finding.level is Level.FAIL and "may not be written" in finding.found


def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    """As somebody who may not write there: root may write everywhere, so root becomes nobody, in a process apart."""
    folder = Path(tempfile.mkdtemp(prefix="parcelsight-")) if os.geteuid() == 0 else tmp_path
    folder.chmod(0o555)
    program = textwrap.dedent(f"""
        import os
        from pathlib import Path
        from parcelsight.commands.doctor_storage import check_storage
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        for finding in check_storage(Path({str(folder)!r})):
            print(finding.check, finding.level.name)
    """)
    try:
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    finally:
        folder.chmod(0o700)
    assert told.stdout.splitlines() == ["folder FAIL"], told.stderr


def test_a_clock_in_the_past_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parcelsight.commands.doctor_machine.time.time", lambda: 0.0)
    assert check_clock().level is Level.FAIL


def test_the_machine_is_described() -> None:
    found = {finding.check: finding for finding in check_machine()}
    assert set(found) == {"Python", "cores", "instructions", "load", "memory", "open files", "clock", "user"}
    assert 0 < usable_cores() <= (os.cpu_count() or 1)


def test_pictures_can_be_read_here() -> None:
    assert levels(check_packages())["pictures"] is Level.OK


LANES = """
ledger: {ledger}
workers: {{count: {workers}}}
lanes:
  - name: gate
    source: {{kind: folder, path: {inbox}}}
service: {{port: {port}}}
sinks:
  - {{kind: json-lines, name: file, path: {ledger}/out.jsonl}}
"""


def lanes_file(tmp_path: Path, port: int, **more: object) -> Path:
    values = {"ledger": tmp_path / "ledger", "workers": 1, "inbox": tmp_path, "port": port, **more}
    path = tmp_path / "lanes.yaml"
    path.write_text(LANES.format(**values))
    return path


def found_with(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    result = doctor("--json", "--lanes", path)
    return {(f["area"], f["check"]): f for f in json.loads(result.stdout)["findings"]}


def test_a_lanes_file_that_works(tmp_path: Path, port: int) -> None:
    found = found_with(lanes_file(tmp_path, port))
    for area, check in (("lanes", "file"), ("lanes", "gate"), ("lanes", "sink file"), ("service", "port")):
        assert found[area, check]["level"] == "OK", found[area, check]
    assert str(tmp_path / "ledger") in found["storage", "folder"]["found"]


def test_a_lanes_file_with_troubles(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = lanes_file(tmp_path, taken.getsockname()[1], inbox=tmp_path / "nowhere", workers=200)
        found = found_with(path)
    assert found["lanes", "gate"]["level"] == "FAIL" and "nowhere" in found["lanes", "gate"]["found"]
    assert found["lanes", "workers"]["level"] == "WARN"
    assert found["service", "port"]["level"] == "FAIL"


def test_a_lanes_file_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "lanes.yaml"
    path.write_text("ledger: x\nlanes: []\nlens: 1\n")
    result = doctor("--json", "--lanes", path, "--folder", tmp_path)
    found = {(f["area"], f["check"]): f for f in json.loads(result.stdout)["findings"]}
    assert result.exit_code == 1 and str(path) in found["lanes", "file"]["found"]


def test_a_check_that_breaks_off_is_a_finding(ledger: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        raise RuntimeError("odd machine")

    monkeypatch.setattr(doctor_machine, "check_machine", broken)
    result = doctor("--json", "--folder", ledger, "--port", str(port))
    found = {(f["area"], f["check"]): f for f in json.loads(result.stdout)["findings"]}
    assert "odd machine" in found["machine", "check"]["found"] and ("storage", "space") in found


def test_a_finding_has_its_remedy() -> None:
    with pytest.raises(ValueError, match="without a remedy"):
        Finding("a", "b", Level.WARN, "c")
    assert worst([Level.OK, Level.FAIL, Level.WARN]) is Level.FAIL and worst([]) is Level.OK
