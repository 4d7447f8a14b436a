"""``parcelsight synthesize`` as its user meets it: real processes, resumed, killed and asked for the impossible."""

from __future__ import annotations

import hashlib
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.native import list_splits, open_dataset
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import ScanKind
from parcelsight.datasets.synthetic.solids import split_of_design
from parcelsight.detector.errors import ConfigError, DatasetError, ParcelSightError, UsageError
from parcelsight.detector.taxonomy import TAXONOMY

PARCELS = 4
COMMAND = [sys.executable, "-m", "parcelsight.commands.main", "synthesize"]
BASE = ["--seed", "11", "--scanner", "tunnel160", "--looks", "random", "--jobs", "1"]


def synthesize(*args: str | Path, disk_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the verb; whatever happens, there is no traceback. ``disk_bytes`` limits the size of every file."""

    def limit() -> None:
        if disk_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (disk_bytes, disk_bytes))

    done = subprocess.run([*COMMAND, *map(str, args)], capture_output=True, text=True, timeout=180, preexec_fn=limit)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def digest(folder: Path) -> dict[str, str]:
    """Every file's hash by its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set, rendered in one go by one process."""
    out = tmp_path_factory.mktemp("rendered") / "set"
    done = synthesize(out, "--count", str(PARCELS), "--split", "test", *BASE)
    assert done.returncode == 0, done.stderr
    return out


def test_it_is_a_data_set_of_this_project(rendered: Path) -> None:
    dataset = open_dataset(rendered)
    assert len(dataset) == PARCELS
    assert len({record.group for record in dataset}) == PARCELS
    for record in dataset:
        scan = read_scan(record.files[0])
        assert scan.kind is ScanKind.DUAL_ENERGY
        assert (scan.width_px, scan.height_px) == (record.width_px, record.height_px)
        assert (rendered / "pictures" / f"{record.scan_id}.jpg").is_file()
        for label, attributes in zip(record.annotations.labels, record.annotations.attributes, strict=True):
            assert label in TAXONOMY.classes
            assert split_of_design(str(attributes["design_id"])) == "test"
            assert attributes["view"] == "top"


def test_two_jobs_write_the_same_bytes(rendered: Path, tmp_path: Path) -> None:
    done = synthesize(tmp_path / "set", "--count", str(PARCELS), "--split", "test", *BASE[:-1], "2")
    assert done.returncode == 0, done.stderr
    assert_same_scans(tmp_path / "set", rendered)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_run_cut_short_goes_on(rendered: Path, tmp_path: Path, ending: signal.Signals) -> None:
    out = tmp_path / "set"
    command = [*COMMAND, str(out), "--split", "test", *BASE, "--count"]
    process = subprocess.Popen([*command, "500"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    journal, deadline = out / "journal.jsonl", time.monotonic() + 120
    while not (journal.exists() and len(journal.read_text().splitlines()) > 1):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be cut short"
        time.sleep(0.02)
    process.send_signal(ending)
    _, said = process.communicate(timeout=60)
    assert not (out / "annotations.json").exists()
    if ending is signal.SIGINT:
        assert process.returncode == 130
        assert "of 500 parcels are finished; run the same command again to go on" in said
        assert "Traceback" not in said
    with journal.open("a") as file:
        file.write('{"index": 3, "sca')
    assert synthesize(out, "--count", str(PARCELS), "--split", "test", *BASE).returncode == 0
    assert_same_scans(out, rendered)


def assert_same_scans(one: Path, other: Path) -> None:
    """The same labels and the same bytes of every scan they name; more scans may lie there."""
    ours, theirs = digest(one), digest(other)
    assert {name: ours.get(name) for name in theirs if name != "journal.jsonl"} == {
        name: value for name, value in theirs.items() if name != "journal.jsonl"
    }


def test_all_splits_come_in_one_folder(tmp_path: Path) -> None:
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    options = ["--split", "all", "--shares", "4,1,1", "--only", "pictures", *BASE]
    runner = CliRunner()
    done = runner.invoke(app, ["synthesize", str(whole), "--count", "8", *options, "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["splits"] == {"train": 5, "val": 2, "test": 1}
    assert list_splits(whole) == ("train", "val", "test")
    parts = {split: open_dataset(whole, split=split) for split in list_splits(whole)}
    assert [len(part) for part in parts.values()] == [5, 2, 1]
    assert sum(len(part) for part in parts.values()) == len(open_dataset(whole))
    for split, part in parts.items():
        for record in part:
            assert record.files[0].is_file()
            designs = {str(attributes["design_id"]) for attributes in record.annotations.attributes}
            assert {split_of_design(design) for design in designs} <= {split}
    for count in ("6", "8"):
        assert runner.invoke(app, ["synthesize", str(grown), "--count", count, *options]).exit_code == 0
    assert_same_scans(grown, whole)
    assert json.loads((grown / "journal.jsonl").read_text().splitlines()[0])["statement"]["shares"] == [4, 1, 1]


def test_other_settings_do_not_mix(rendered: Path) -> None:
    options = ["--count", "9", "--split", "train", *BASE]
    refused = CliRunner().invoke(app, ["synthesize", str(rendered), *options]).exception
    assert isinstance(refused, DatasetError)
    assert "other settings (split 'test')" in refused.message


def test_json_summary_counts_what_is_there(rendered: Path) -> None:
    options = ["--count", str(PARCELS), "--split", "test", *BASE, "--json"]
    done = CliRunner().invoke(app, ["synthesize", str(rendered), *options])
    summary = json.loads(done.stdout)
    assert summary["scans"] == PARCELS
    assert sum(summary["objects"].values()) == sum(len(record.annotations) for record in open_dataset(rendered))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (("--count", "0"), UsageError, "--count 0"),
        (("--count", "-3"), UsageError, "--count -3"),
        (("--scanner", "teleporter"), ConfigError, "teleporter: no such file"),
        (("--looks", "neon"), ConfigError, "neon: no such file"),
        (("--scanner", "tunnel160", "--views", "2"), UsageError, "--views 2: scanner tunnel160 cannot"),
        (("--seed", "-1"), UsageError, "--seed -1"),
        (("--threat-share", "1.5"), UsageError, "--threat-share 1.5"),
        (("--shares", "8,1,1"), UsageError, "--shares 8,1,1: there is only the split train"),
        (("--split", "all", "--shares", "8,1"), UsageError, "--shares 8,1: not three shares"),
        (("--split", "all", "--shares", "8,-1,3"), UsageError, "--shares 8,-1,3: not three shares"),
        (("--split", "all", "--shares", "0,0,0"), UsageError, "--shares 0,0,0: not three shares"),
        (("--split", "all", "--shares", "1,nan,1"), UsageError, "--shares 1,nan,1: not three shares"),
        (("--split", "all", "--count", "3", "--scanner", "tunnel160"), UsageError, "no parcel is left for val"),
    ],
    ids=[
        "nothing",
        "less than nothing",
        "scanner",
        "look",
        "views",
        "seed",
        "share",
        "shares of one split",
        "two shares",
        "negative share",
        "no shares",
        "share that is no number",
        "too few for all splits",
    ],  # fmt: skip
)
def test_the_impossible_is_refused(
    options: tuple[str, ...], error: type[ParcelSightError], says: str, tmp_path: Path
) -> None:
    refused = CliRunner().invoke(app, ["synthesize", str(tmp_path / "set"), *options]).exception
    assert isinstance(refused, error)
    assert says in refused.message and refused.remedy
    assert not (tmp_path / "set").exists()


def test_a_scanner_file_with_a_wrong_key_is_named(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("description: mine\npitch: 1.0\n")
    refused = CliRunner().invoke(app, ["synthesize", str(tmp_path / "set"), "--scanner", str(preset)]).exception
    assert isinstance(refused, ConfigError) and str(preset) in refused.message


def test_a_full_disk_ends_in_a_line_and_a_resumable_state(tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = synthesize(out, "--count", "2", *BASE, disk_bytes=60_000)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "run the same command again" in done.stderr
    assert not list(out.rglob("*.part*"))
    assert synthesize(out, "--count", "1", *BASE).returncode == 0
