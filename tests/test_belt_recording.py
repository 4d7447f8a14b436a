"""Recorded belts: whole or absent, refused when damaged, and the verb that makes them."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.belt import BeltParcel, LineBlock
from parcelsight.datasets.belt_files import BeltWriter, open_belt
from parcelsight.datasets.belt_motion import BeltEvent, ScriptedEvent
from parcelsight.datasets.belt_picture import belt_picture
from parcelsight.datasets.synthetic import belt_recording
from parcelsight.datasets.synthetic.belt import VirtualScanner
from parcelsight.datasets.synthetic.belt_recording import record_belt
from parcelsight.detector.errors import ConfigError, ParcelSightError, RunError, ScanError, UsageError
from tests.belts import coarse, plan, stream

COMMAND = [sys.executable, "-m", "parcelsight.commands.main", "belt"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short belt with a stop and a reverse, recorded from the coarse scanner."""
    out = tmp_path_factory.mktemp("belts") / "lane"
    events = (ScriptedEvent(900, BeltEvent.STOP, 200), ScriptedEvent(1300, BeltEvent.REVERSE, 300))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(belt_recording, "load_scanner", lambda name: coarse())
        record_belt(plan(events=events), out)
    return out


def test_a_recording_holds_the_stream_and_its_truth(recorded: Path) -> None:
    truth: list[BeltParcel] = []
    events = (ScriptedEvent(900, BeltEvent.STOP, 200), ScriptedEvent(1300, BeltEvent.REVERSE, 300))
    virtual = VirtualScanner(plan(events=events), coarse(), truth.append)
    lines, belt = stream(virtual), open_belt(recorded)
    assert sorted(path.name for path in recorded.parent.iterdir()) == ["lane"]
    for view in ("top", "side"):
        plain = np.load(recorded / f"lines_{view}.npy", mmap_mode="r", allow_pickle=False)
        assert (plain == lines[view]).all() and (belt.views[view] == lines[view]).all()
        assert not belt.views[view].flags.writeable
    assert sum(len(block) for block in belt.blocks(100)) == len(belt) == len(lines["top"])
    assert belt.motion == virtual.motion.ended(len(belt))
    for told, parcel in zip(truth, belt.parcels, strict=True):
        assert (told.parcel_id, told.first_row, told.end_row) == (parcel.parcel_id, parcel.first_row, parcel.end_row)
        assert told.views["top"].xyxy_px.tolist() == parcel.views["top"].xyxy_px.tolist()
        assert told.views["top"].attributes == parcel.views["top"].attributes
        assert len(belt.cut("top", parcel.first_row, parcel.end_row)) == parcel.end_row - parcel.first_row
    with pytest.raises(ScanError, match="were not all read"):
        belt.cut("top", 0, 10**6)


def test_the_picture_shows_the_truth(recorded: Path) -> None:
    rgb = belt_picture(open_belt(recorded), 512)
    assert rgb.shape[1] == 1600 and rgb.shape[2] == 3
    magenta = (rgb == (255, 0, 200)).all(axis=2)
    assert magenta.sum() > 100


def rewritten(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    document = json.loads((folder / "belt.json").read_text())
    change(document)
    (folder / "belt.json").write_text(json.dumps(document))


def fifo(folder: Path) -> None:
    (folder / "lines_top.npy").unlink()
    os.mkfifo(folder / "lines_top.npy")


def longer(folder: Path) -> None:
    with (folder / "lines_top.npy").open("ab") as file:
        file.write(b"more")


def shorter(folder: Path) -> None:
    path = folder / "lines_top.npy"
    os.truncate(path, path.stat().st_size - 1)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no json": (lambda d: (d / "belt.json").unlink(), "belt.json"),
    "empty json": (lambda d: (d / "belt.json").write_text(""), "belt.json"),
    "no json at all": (lambda d: (d / "belt.json").write_bytes(b"\x00\xff" * 50), "belt.json"),
    "deep json": (lambda d: (d / "belt.json").write_text("[" * 100_000), "belt.json"),
    "not a number": (lambda d: rewritten(d, lambda j: j.update(pitch_mm=float("nan"))), "pitch_mm"),
    "unknown key": (lambda d: rewritten(d, lambda j: j.update(extra=1)), "extra"),
    "newer format": (lambda d: rewritten(d, lambda j: j.update(format="parcelsight-belt/9")), "format"),
    "path as view": (lambda d: rewritten(d, lambda j: j.update(views=["../top"])), "views"),
    "same view twice": (lambda d: rewritten(d, lambda j: j.update(views=["top", "top"])), "same name"),
    "huge": (lambda d: rewritten(d, lambda j: j.update(lines=10**15)), "lines"),
    "runs too short": (lambda d: rewritten(d, lambda j: j["runs"].pop()), "runs"),  # type: ignore[attr-defined]
    "runs apart": (lambda d: rewritten(d, lambda j: j["runs"][1].update(first_line=3)), "does not follow"),  # type: ignore[index]
    "parcel inside out": (lambda d: rewritten(d, lambda j: j["parcels"][0].update(end_row=0)), "b4-000000"),  # type: ignore[index]
    "no lines": (lambda d: (d / "lines_side.npy").unlink(), "lines_side.npy"),
    "lines cut short": (shorter, "lines_top.npy"),
    "lines too long": (longer, "lines_top.npy"),
    "lines empty": (lambda d: (d / "lines_top.npy").write_bytes(b""), "lines_top.npy"),
    "a pipe": (fifo, "lines_top.npy"),
    "pickled": (lambda d: np.save(d / "lines_top.npy", np.array([{}], object), allow_pickle=True), "lines_top.npy"),
    "other type": (lambda d: np.save(d / "lines_top.npy", np.zeros((9, 256, 2))), "lines_top.npy"),
    "other shape": (lambda d: np.save(d / "lines_top.npy", np.zeros((9, 3, 2), np.uint16)), "lines_top.npy"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_recording_is_refused_in_a_line(damage: str, recorded: Path, tmp_path: Path) -> None:
    change, says = DAMAGES[damage]
    folder = tmp_path / "lane"
    shutil.copytree(recorded, folder)
    change(folder)
    with pytest.raises(ScanError) as refused:
        open_belt(folder)
    assert says in refused.value.message and str(folder) in refused.value.message and refused.value.remedy


def test_a_recording_is_whole_or_absent(tmp_path: Path) -> None:
    block = LineBlock(0, {"top": np.zeros((5, 4, 2), np.uint16)})
    with pytest.raises(ValueError, match="cannot follow"), BeltWriter(tmp_path / "lane", {"top": 4}) as writer:
        writer.add(block)
        writer.add(block)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_in_a_line(tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    command = [*COMMAND, str(tmp_path / "lane"), "--parcels", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, preexec_fn=limit)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_verb_records_what_it_says(tmp_path: Path) -> None:
    out, picture = tmp_path / "lane", tmp_path / "lane.jpg"
    options = ["--seconds", "4", "--threat-share", "1", "--event", "stop@100:.5", "--picture", str(picture), "--json"]
    done = CliRunner().invoke(app, ["belt", str(out), *options])
    assert done.exit_code == 0, done.output
    summary, belt = json.loads(done.stdout), open_belt(out)
    assert summary["lines"] == len(belt) == 1333 and summary["seconds"] == pytest.approx(4, abs=0.01)
    assert summary["parcels"] == len(belt.parcels)
    assert belt.document.detectors == 667 and picture.stat().st_size > 1000
    again = CliRunner().invoke(app, ["belt", str(out)]).exception
    assert isinstance(again, UsageError) and "exists" in again.message


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (("--scanner", "mono120"), UsageError, "one energy"),
        (("--scanner", "teleporter"), ConfigError, "teleporter: no such file"),
        (("--parcels", "0"), UsageError, "0 parcels"),
        (("--seconds", "0"), UsageError, "0.0 seconds"),
        (("--speed", "-1"), UsageError, "belt speed -1"),
        (("--gap", "300", "100"), UsageError, "gap 300 to 100"),
        (("--touching", "2"), UsageError, "touching 2"),
        (("--seed", "-1"), UsageError, "seed -1"),
        (("--event", "explode@3:1"), UsageError, "--event explode@3:1"),
        (("--event", "reverse@100:5"), UsageError, "reverse at 100 mm"),
        (("--event", "reverse@90000:60"), UsageError, "reverse by 30.0 m"),
        (("--seconds", "86400", "--scanner", "duo140", "--speed", "5"), RunError, "GB"),
        (("--raw", "--picture", "x.png"), UsageError, "--picture"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_impossible_is_refused(
    options: tuple[str, ...], error: type[ParcelSightError], says: str, tmp_path: Path
) -> None:
    refused = CliRunner().invoke(app, ["belt", str(tmp_path / "lane"), *options]).exception
    assert isinstance(refused, error), refused
    assert says in refused.message and refused.remedy
    assert not list(tmp_path.iterdir())


def test_recordings_open_without_the_renderer() -> None:
    code = (
        "import sys, parcelsight.datasets.belt_picture; "
        "assert not {'numba', 'xraylib', 'scipy', 'torch', 'mapbox_earcut'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
