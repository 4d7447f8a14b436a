"""``parcelsight train`` as its user runs it: offline, within its folders, killed and resumed, and given bad input."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if any(find_spec(package) is None for package in ("torch", "ultralytics", "albumentations")):
    pytest.skip("training packages are not installed: pip install 'parcelsight[train]'", allow_module_level=True)

from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.detector.errors import MissingExtra, ParcelSightError
from parcelsight.detector.network import load_network
from parcelsight.training.recipe import TrainingRecipe, load_recipe
from parcelsight.training.run_directory import RunState
from parcelsight.training.train import Watch, resume, train
from tests.tiny_scans import write_tiny

_NO_NETWORK = """
import pathlib, socket
def _refuse(*args, **kwargs):
    (pathlib.Path.home() / "the network was used").write_text(repr(args))
    raise OSError("blocked")
for _name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, _name, _refuse)
socket.getaddrinfo = socket.create_connection = _refuse
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"), ("pistol", "pistol", "", "pistol", "pistol", "knife", "pistol"))


def _start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command line in an empty home, with every way to the network blocked."""
    block = home / "block"
    block.mkdir(parents=True, exist_ok=True)
    (block / "sitecustomize.py").write_text(_NO_NETWORK)
    keep = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    environment = keep | {"HOME": str(home), "PYTHONPATH": str(block), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "parcelsight.commands.main", "train", *arguments],
        cwd=home,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _small(tiny: Path, **changes: object) -> TrainingRecipe:
    return load_recipe("smoke").model_copy(update={"input_px": 64, "data": (tiny,), "epochs": 1, **changes})


def test_a_training_stays_offline_and_in_its_folders(tiny: Path, tmp_path: Path) -> None:
    before = _files(tiny)
    process = _start(tmp_path, "smoke", "--data", str(tiny), "--out", "run", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    outcome = json.loads(out)
    assert (outcome["status"], outcome["epochs_done"], outcome["classes"]) == ("done", 2, ["pistol"])
    assert "epoch   2" in err and "Traceback" not in err
    assert _files(tmp_path / "run") == {
        "recipe.yaml", "data.json", "environment.json", "metrics.csv", "run.json", "args.yaml",
        "loss.png", "scores.png", "weights/best.pt", "weights/last.pt",
    }  # fmt: skip
    elsewhere = {name for name in _files(tmp_path) if not name.startswith(("run/", "block/", ".cache/parcelsight/"))}
    assert not elsewhere
    assert _files(tiny) == before
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert data["train"]["objects"] == {"pistol": 4}
    assert data["train"]["threat_free_scans"] == 1
    assert data["val"]["background"] == {"knife": 1}
    assert [part["licence"] for part in data["sets"]] == ["CC0", "CC0"]
    trained = load_network(tmp_path / "run")
    assert (trained.classes, trained.input_px, trained.architecture) == (("pistol",), 96, "yolo26n")


def _wait_for_epochs(run: Path, epochs: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and process.poll() is None:
        metrics = run / "metrics.csv"
        if metrics.is_file() and len(metrics.read_text().splitlines()) > epochs:
            return
        time.sleep(0.01)
    pytest.fail(f"the training did not reach epoch {epochs}: {process.communicate()[1]}")


def test_a_killed_training_goes_on(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = _start(tmp_path, "smoke", "--data", str(tiny), "--out", "run", "--epochs", "5")
    _wait_for_epochs(run, 2, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    state = resume(run, Watch())
    assert (state.status, state.epochs_done) == ("done", 5)
    with (run / "metrics.csv").open() as stream:
        assert [int(row["epoch"]) for row in csv.DictReader(stream)] == [1, 2, 3, 4, 5]
    assert load_network(run).classes == ("pistol",)
    with pytest.raises(ParcelSightError, match="this training is done"):
        resume(run, Watch())


def _metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as stream:
        return [{key: value for key, value in row.items() if key != "minutes"} for row in csv.DictReader(stream)]


def test_the_same_seed_gives_the_same_numbers(tiny: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(_small(tiny, seed=seed), tmp_path / name, Watch())
    assert _metrics(tmp_path / "a") == _metrics(tmp_path / "b")
    assert _metrics(tmp_path / "a") != _metrics(tmp_path / "c")


def _truncate(folder: Path) -> None:
    scan = folder / "scans" / "scan1.png"
    content = scan.read_bytes()
    scan.unlink()
    scan.write_bytes(content[: len(content) // 2])


def test_an_unreadable_scan_is_named_and_set_aside(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, ("pistol",) * 5)
    _truncate(folder)
    state = train(_small(folder), tmp_path / "run", Watch())
    assert state.status == "done"
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert list(data["train"]["set_aside"]) == ["scan1"]
    assert data["train"]["scans"] == 2


def test_a_class_counts_for_its_group_and_a_foreign_label_for_none(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, ("pistol", "revolver", "knife", "magazine", "pistol", "pistol"))
    state = train(_small(folder, labels=("firearm",)), tmp_path / "run", Watch())
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert state.classes == ("firearm",)
    assert data["train"]["objects"] == {"firearm": 2}
    assert data["train"]["background"] == {"knife": 1, "magazine": 1}
    assert data["train"]["threat_free_scans"] == 2


def test_a_group_label_is_not_taught_as_background_of_its_classes(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, ("pistol", "firearm", "pistol", "pistol"), n_val=1)
    train(_small(folder, labels=("pistol",)), tmp_path / "run", Watch())
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert "names a whole group" in data["train"]["set_aside"]["scan1"]


Change = Callable[[Path], Mapping[str, object]]


@pytest.mark.parametrize(
    ("labels", "changes", "says"),
    [
        (("pistol",) * 4, {"data": ()}, "names no data"),
        (("pistol",) * 4, {"data": (Path("absent"),)}, "absent: no such folder"),
        (("pistol",) * 2, {}, "the train split is empty"),
        (("knife",) * 4, {}, r"no label of the training split is a threat.*\(it has: knife\)"),
        (("pistol",) * 4, {"labels": ("pistol", "slide")}, "no object of class 'slide'"),
        (("pistol", "pistol", "", ""), {}, "val split shows no object"),
        (("pistol",) * 4, {"device": "cuda"}, "GPU"),
        (("pistol",) * 4, {"start_weights": "nowhere.pt"}, r"nowhere\.pt: no such file"),
    ],
    ids=[
        "no data",
        "no folder",
        "empty",
        "foreign only",
        "class missing",
        "val without threat",
        "no GPU",
        "no weights",
    ],
)
def test_bad_input_ends_before_training(
    tmp_path: Path, labels: tuple[str, ...], changes: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    folder = write_tiny(tmp_path, labels)
    with pytest.raises(ParcelSightError, match=says) as caught:
        train(_small(folder, **changes), tmp_path / "run", Watch())
    assert caught.value.remedy
    assert not _files(tmp_path / "run"), "the folder stays free for another try"


def test_a_data_set_without_splits_is_told_how_to_split(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)
    (folder / "val.json").unlink()
    with pytest.raises(ParcelSightError, match="no split 'val'.*parcelsight dataset split"):
        train(_small(folder), tmp_path / "run", Watch())


def test_an_occupied_folder_is_left_alone(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ParcelSightError, match="is not empty"):
        train(_small(tiny), tmp_path, Watch())
    assert _files(tmp_path) == {"notes.txt"}


def test_resuming_what_is_no_run_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ParcelSightError, match="no training run"):
        resume(tmp_path, Watch())


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["train", *arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give either a recipe or --resume"),
        (("nano", "--resume", "run"), "give either a recipe or --resume"),
        (("--resume", "run", "--epochs", "3"), "leave out --data"),
        (
            ("absent",),
            "absent: no such file; give a YAML file or one of the shipped: fine-tune, nano, parcelsight-n, smoke",
        ),
        (("smoke", "--device", "tpu"), "unknown device 'tpu'"),
        (("smoke",), "names no data; give it with --data"),
        (("--resume", "absent"), "absent: no training run"),
    ],
    ids=["nothing", "both", "changed while resuming", "no such recipe", "device", "no data", "no run"],
)
def test_wrong_commands_are_told_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _run(*arguments)
    assert isinstance(result.exception, ParcelSightError)
    assert says in str(result.exception)


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = _run("smoke")
    assert isinstance(result.exception, MissingExtra)
    assert "pip install 'parcelsight[train]'" in str(result.exception)


def test_help_names_what_there_is() -> None:
    text = _run("--help").output
    assert all(word in text for word in ("--data", "--resume", "--epochs", "--device", "--json", "nano"))


class _DiskFull(Watch):
    """Stands for a disk that is full when the first epoch's weights are written."""

    def batch(self, epoch: int, done: int, total: int) -> None:
        """Fail as a write does."""
        raise OSError(28, "No space left on device")


def test_a_full_disk_ends_in_a_state_that_can_go_on(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ParcelSightError, match="No space left on device") as caught:
        train(_small(tiny), tmp_path / "run", _DiskFull())
    assert "--resume" in caught.value.remedy
    state = RunState.model_validate_json((tmp_path / "run" / "run.json").read_text())
    assert state.status == "failed" and "No space left" in state.reason
    assert resume(tmp_path / "run", Watch()).status == "done"


def test_changed_data_is_not_resumed(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)
    with pytest.raises(ParcelSightError):
        train(_small(folder), tmp_path / "run", _DiskFull())
    labels = (folder / "train.json").read_text()
    (folder / "train.json").write_text(labels.replace('"name": "tiny"', '"name": "other"'))
    with pytest.raises(ParcelSightError, match="not what it began with"):
        resume(tmp_path / "run", Watch())
