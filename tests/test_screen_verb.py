"""``parcelsight screen`` as its user meets it: a real process, real files, and a bad one of every kind."""

from __future__ import annotations

import json
import re
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tifffile
from numpy.typing import NDArray
from onnx import helper

from parcelsight.datasets.opencv import cv2
from parcelsight.detector.contract import CONTRACT_KEY, SHIPPED_MODEL
from parcelsight.inference.pictures import picture_name
from tests.models import dark_model, model_card, save

EXIT_SCREENED, EXIT_USAGE, EXIT_UNSCREENED = 0, 2, 3


def screen(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the verb; whatever the user's mistake, there is no traceback."""
    command = [sys.executable, "-m", "parcelsight.commands.main", "screen", *map(str, args)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def parcel(level: int = 120) -> NDArray[np.uint8]:
    """A picture of 200×120 with one thing in it; darker than 64 the test model calls it a pistol."""
    rgb = np.full((120, 200, 3), 255, np.uint8)
    rgb[40:80, 50:100] = level
    rgb[0, 0] = (255, 240, 200)
    return rgb


def write(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(dark_model(), tmp_path_factory.mktemp("model") / "dark.onnx")


def records(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The JSON lines by file name; every line of stdout is one."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(line["scan"]).name: line for line in lines}


def summary(text: str) -> dict[str, int]:
    """The counts of the summary table."""
    rows = re.findall(r"^ *(ALARM|REVIEW|NO_ALARM|UNSCREENED|scans|files ignored|inputs)\b.*? (\d+) *$", text, re.M)
    return {name: int(count) for name, count in rows}


# --- what is screened


def test_a_folder_ends_in_one_verdict_a_scan_and_a_summary_that_adds_up(model: Path, tmp_path: Path) -> None:
    for name, level in [("a/clear.png", 120), ("a/gun.png", 0), ("b/gun.png", 40)]:
        write(tmp_path / "in" / name, parcel(level))
    (tmp_path / "in" / "notes.txt").write_text("not a scan")
    done = screen("in", "--model", model, "--save", "out", cwd=tmp_path)
    assert done.returncode == EXIT_SCREENED
    counts = summary(done.stdout)
    assert counts == {
        "ALARM": 2, "REVIEW": 0, "NO_ALARM": 1, "UNSCREENED": 0, "scans": 3, "files ignored": 1, "inputs": 4
    }  # fmt: skip
    assert re.search(r"ALARM +in/a/gun.png +pistol 0.90; 1 area too dense", done.stdout)
    assert "clear.png" not in done.stdout.split("Summary")[0]
    saved = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(saved) == 3 and len([name for name in saved if name.startswith("gun.png.")]) == 2


def test_json_lines_are_all_there_is_on_stdout(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "gun.png", parcel(0))
    done = screen("gun.png", "--json", "--model", model, cwd=tmp_path)
    (record,) = records(done).values()
    assert list(record) == ["scan", "verdict", "reason", "detections", "dense", "timing_ms"]
    assert record["scan"] == "gun.png" and record["verdict"] == "ALARM"
    np.testing.assert_allclose(record["detections"][0]["xyxy_px"], [50, 40, 100, 80], atol=200 / 64)
    assert set(record["timing_ms"]) >= {"read", "render", "detect", "total"}
    assert summary(done.stderr)["scans"] == 1


def test_annotated_pictures_show_the_box_in_place(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "gun.png", parcel(40))
    before = (tmp_path / "gun.png").read_bytes()
    screen("gun.png", "--model", model, "--save", "deep/out", cwd=tmp_path)
    (picture,) = (tmp_path / "deep" / "out").iterdir()
    pixels = cv2.imread(str(picture))
    assert pixels is not None
    changed = np.abs(pixels.astype(int) - parcel(40)[:, :, ::-1]).max(axis=2) > 60
    assert pixels.shape == (120, 200, 3) and changed.any() and not changed[100:, 120:].any()
    assert (tmp_path / "gun.png").read_bytes() == before


@pytest.mark.parametrize("folder", ["in", "in/pictures", "."], ids=["same", "inside", "of a named file"])
def test_pictures_never_land_among_the_scans(model: Path, tmp_path: Path, folder: str) -> None:
    write(tmp_path / "in" / "gun.png", parcel())
    write(tmp_path / "gun.png", parcel())
    done = screen("in", "gun.png", "--model", model, "--save", folder, cwd=tmp_path)
    assert done.returncode == EXIT_USAGE and "lies where the scans are" in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["gun.png", "gun.png", "in"]


@pytest.mark.parametrize(
    "scan_id", ["../../etc/passwd", "/", "..", "a/\x1b[2J\n.png", "b" * 500, "\udcff.png", "x.jpg"]
)
def test_names_of_pictures_stay_in_their_folder(tmp_path: Path, scan_id: str) -> None:
    name = picture_name(scan_id)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert name.isascii() and name.isprintable() and len(name) < 150 and not name.startswith(".")
    assert name == picture_name(scan_id) != picture_name(scan_id + "x")


def test_video_frames_are_scans(model: Path, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "belt.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (200, 120))
    for shift in range(0, 80, 4):
        writer.write(np.roll(parcel(0), shift, axis=1))
    writer.release()
    done = screen("belt.avi", "--json", "--every", "0.5", "--model", model, cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == EXIT_SCREENED
    assert [line["scan"] for line in lines] == [f"belt.avi#t={t}s" for t in ("0.00", "0.50", "1.00", "1.50")]
    assert all(line["verdict"] == "ALARM" for line in lines)


# --- bad input


def png_bomb() -> bytes:
    """A PNG of a few bytes that declares 60000×60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def make_rubbish(folder: Path) -> dict[str, str]:
    """One bad file of every kind; file name → what its reason must say."""
    folder.mkdir()
    write(folder / "whole.jpg", parcel())
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("this was renamed")
    (folder / "bomb.png").write_bytes(png_bomb())
    (folder / "random.bmp").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "nan.tif").write_bytes(b"")
    tifffile.imwrite(folder / "nan.tif", np.full((50, 60, 2), np.nan, np.float32), planarconfig="contig")
    write(folder / "black.png", np.zeros((50, 60), np.uint8))
    return {
        "truncated.jpg": "truncated",
        "empty.png": "empty",
        "text.png": "not a picture",
        "bomb.png": "60000×60000",
        "random.bmp": "random.bmp",
        "nan.tif": "not finite",
        "black.png": "blank",
    }


def test_bad_scans_are_unscreened_one_by_one_and_the_rest_goes_on(model: Path, tmp_path: Path) -> None:
    expected = make_rubbish(tmp_path / "in") | {"missing.png": "no such file"}
    write(tmp_path / "in" / "zz_gun.png", parcel(0))
    done = screen("missing.png", "in", "--json", "--model", model, cwd=tmp_path)
    assert done.returncode == EXIT_UNSCREENED
    found = records(done)
    assert found["zz_gun.png"]["verdict"] == "ALARM" and found["whole.jpg"]["verdict"] == "NO_ALARM"
    assert set(found) == {*expected, "zz_gun.png", "whole.jpg"}
    for name, words in expected.items():
        assert found[name]["verdict"] == "UNSCREENED", name
        assert words in found[name]["reason"] and ";" in found[name]["reason"], found[name]["reason"]
    counts = summary(done.stderr)
    assert counts["UNSCREENED"] == len(expected) and counts["scans"] == counts["inputs"] == len(expected) + 2


def test_bad_scans_are_one_line_each_for_people_too(model: Path, tmp_path: Path) -> None:
    expected = make_rubbish(tmp_path / "in")
    done = screen("in", "--model", model, cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if "UNSCREENED" in line and "in/" in line]
    assert done.returncode == EXIT_UNSCREENED and len(lines) == len(expected)
    for name, words in expected.items():
        assert [line for line in lines if name in line and words in line], name


def test_nothing_that_was_named_exists(model: Path, tmp_path: Path) -> None:
    done = screen("nope", "nor_this.png", "--model", model, cwd=tmp_path)
    assert done.returncode == EXIT_USAGE and done.stdout == ""
    assert done.stderr == "error: nope, nor_this.png: no such file or folder; check the path\n"


def test_a_folder_without_pictures_is_nothing_to_screen(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("not a scan")
    done = screen("in", "--model", model, cwd=tmp_path)
    assert done.returncode == EXIT_USAGE and "error: nothing to screen" in done.stderr
    assert summary(done.stdout)["files ignored"] == 1


def test_a_folder_for_pictures_that_cannot_be(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "gun.png", parcel())
    (tmp_path / "taken").write_text("a file")
    done = screen("in", "--model", model, "--save", "taken", cwd=tmp_path)
    assert done.returncode == EXIT_USAGE and "error: taken: pictures cannot be saved there" in done.stderr


HOSTILE = "\x1b[2J\x1b]0;gone\x07\x9b2J [red]name[/blue]"


def test_no_name_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    card = model_card().model_copy(update={"name": HOSTILE})
    model = save(dark_model(card), tmp_path / "dark.onnx")
    write(tmp_path / "in" / "gun.png", parcel(0)).rename(tmp_path / "in" / HOSTILE.replace("/", "|"))
    (tmp_path / "in" / "\udcff\n.png").write_bytes(b"rubbish")
    shown = [
        screen("in", "--model", model, "--save", f"out{HOSTILE}", cwd=tmp_path),
        screen(HOSTILE, "--model", model, cwd=tmp_path),
        screen("in", "--model", HOSTILE, cwd=tmp_path),
    ]
    assert [done.returncode for done in shown] == [EXIT_UNSCREENED, EXIT_USAGE, EXIT_USAGE]
    for text in (done.stdout + done.stderr for done in shown):
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "\\x1b[2J" in text and "[red]name[" in text
    assert len([line for line in shown[0].stdout.splitlines() if "UNSCREENED" in line and "in/" in line]) == 1


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "JSON"])
def test_a_full_disk_under_the_output_is_told(model: Path, tmp_path: Path, options: list[str]) -> None:
    write(tmp_path / "gun.png", parcel(0))
    command = [sys.executable, "-m", "parcelsight.commands.main", "screen", "gun.png", "--model", str(model), *options]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == EXIT_USAGE and "Traceback" not in done.stderr
    assert done.stderr.endswith("error: output: cannot be written (No space left on device); check free space\n")


def test_pictures_that_cannot_be_written_cost_no_verdict(model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.png", parcel(0))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "from parcelsight.commands.main import main; main()"
    )
    command = [sys.executable, "-c", code, "screen", "in", "--json", "--model", str(model), "--save", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == EXIT_SCREENED and "Traceback" not in done.stderr
    assert [record["verdict"] for record in records(done).values()] == ["ALARM", "ALARM"]
    assert done.stderr.count("cannot be written (File too large)") == 2 and not list((tmp_path / "out").iterdir())


def test_an_interruption_still_tells_the_alarms_so_far(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a" / "gun.png", parcel(0))
    for number in range(3_000):
        (tmp_path / "in" / f"b{number}.png").symlink_to(tmp_path / "in" / "a" / "gun.png")
    command = [sys.executable, "-m", "parcelsight.commands.main", "screen", "in", "--model", str(model)]
    command += ["--save", "out"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while not (tmp_path / "out").is_dir() or not list((tmp_path / "out").glob("*.jpg")):
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        stdout, stderr = run.communicate(timeout=120)
    assert run.returncode == 130 and stderr.endswith("error: interrupted\n") and "Traceback" not in stderr
    counts = summary(stdout)
    assert 0 < counts["ALARM"] == counts["scans"] < 3_001 and "pistol 0.90" in stdout
    assert not list((tmp_path / "out").glob(".*"))


def drop_contract(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def unknown_contract(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]
    helper.set_model_props(model, {CONTRACT_KEY: "2"})


def external_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_contract, "is not a ParcelSight model: its metadata carries no contract; export it with"),
        (unknown_contract, "speaks contract '2'; this version knows contract 1; update ParcelSight"),
        (external_data, "keeps weights in another file (external data); give a self-contained model"),
        (b"PK\x03\x04archive/data.pkl", "is a PyTorch checkpoint, not an ONNX model; export it with"),
        (b"\x89PNG\r\n\x1a\n", "is not an ONNX model, or is damaged"),
        (b"", "is not an ONNX model, or is damaged"),
        (None, "no such model file; give an ONNX file with --model"),
    ],
    ids=["no contract", "unknown contract", "external data", "renamed .pt", "a picture", "empty", "missing"],
)
def test_bad_models_are_refused_in_one_line(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None] | bytes | None, message: str
) -> None:
    write(tmp_path / "gun.png", parcel())
    path = tmp_path / "bad.onnx"
    if isinstance(change, bytes):
        path.write_bytes(change)
    elif change is not None:
        proto = dark_model()
        change(proto)
        save(proto, path)
    done = screen("gun.png", "--model", "bad.onnx", cwd=tmp_path)
    assert done.returncode == EXIT_USAGE and done.stdout == ""
    assert done.stderr.startswith("error: bad.onnx") and message in done.stderr and done.stderr.count("\n") == 1


def test_without_a_model_the_shipped_one_is_used_or_its_absence_explained(tmp_path: Path) -> None:
    write(tmp_path / "clear.png", parcel())
    done = screen("clear.png", cwd=tmp_path)
    if SHIPPED_MODEL.is_file():
        assert "runs on onnxruntime" in done.stderr and summary(done.stdout)["scans"] == 1
    else:
        assert done.returncode == EXIT_USAGE and "the shipped model is missing" in done.stderr
