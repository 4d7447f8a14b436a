"""The verbs ``dataset check | convert | split | stats | show`` as their users meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from parcelsight.datasets.annotations import Dataset
from parcelsight.datasets.native import open_dataset, write_native
from parcelsight.datasets.overlay import MAGENTA, draw_boxes
from tests.labelled_sets import make_dataset, make_record, write_scan


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parcelsight.commands.main", "dataset", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "COLUMNS": "200"}
    )


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A sound native set of twenty scans, half of them with a pistol."""
    contents = [["pistol"] if i % 2 else [] for i in range(20)]
    write_native(make_dataset(tmp_path / "in", contents), tmp_path / "clean")
    return tmp_path / "clean"


def test_check_clean(clean: Path) -> None:
    done = _run("check", clean)
    assert done.returncode == 0, done.stderr
    assert "20 scans: 20 usable with 10 objects, 0 set aside" in done.stdout and "no problems" in done.stdout


def _spoil(folder: Path) -> Path:
    """One of each kind of fault, in COCO and in pictures."""
    root = folder / "bad"
    boxes = {
        "outside": [[100, 60, 180, 130]],
        "beyond": [[500, 500, 600, 600]],
        "twice": [[5, 5, 50, 50], [5, 5, 50, 50]],
    }
    records = [
        make_record(folder, name, ["pistol"] * len(b), boxes=b, seed=i) for i, (name, b) in enumerate(boxes.items())
    ]
    records += [
        make_record(folder, name, ["pistol"], seed=9) for name in ("inverted", "nan", "rotten", "gone", "small")
    ]
    records += [make_record(folder, "gun", ["Gun"], seed=20), make_record(folder, "free", seed=21)]
    write_native(Dataset("bad", "CC0", ("pistol", "Gun"), tuple(records)), root, copy="copy")
    document = json.loads((root / "annotations.json").read_text())
    image_id = {image["scan_id"]: image["id"] for image in document["images"]}
    for entry in document["annotations"]:
        if entry["image_id"] == image_id["inverted"]:
            entry["bbox"] = [60, 60, -20, 5]
        if entry["image_id"] == image_id["nan"]:
            entry["bbox"] = [float("nan"), 1, 5, 5]
    (root / "annotations.json").write_text(json.dumps(document))
    (root / "scans" / "rotten.png").write_bytes((root / "scans" / "rotten.png").read_bytes()[:200])
    (root / "scans" / "gone.png").unlink()
    cv2.imwrite(str(root / "scans" / "small.png"), np.full((20, 30, 3), 200, np.uint8))
    return root


def test_check_names_every_fault(tmp_path: Path) -> None:
    done = _run("check", _spoil(tmp_path))
    assert done.returncode == 1 and not done.stderr.strip()
    for words in (
        ("outside.png", "reaches outside", "clip it"),
        ("beyond.png", "lies outside", "drop it"),
        ("twice.png", "objects 1 and 2 are the same pistol", "delete one"),
        ("annotations.json", "inverted", "[object dropped]"),
        ("annotations.json", "not a finite number", "[object dropped]"),
        ("annotations.json", "none of its objects could be read", "[scan set aside]"),
        ("rotten.png", "truncated", "[scan set aside]"),
        ("gone.png", "no such picture", "[scan set aside]"),
        ("small.png", "is 30×20 pixels, its labels say 120×80", "[kept]"),
        ("bad", "label 'Gun' (1 objects) is no class", "--map 'Gun'=firearm"),
    ):
        assert any(all(word in line for word in words) for line in done.stdout.splitlines()), words
    assert "10 scans: 6 usable with" in done.stdout and "4 set aside" in done.stdout


def test_check_json_accounts_for_every_scan(tmp_path: Path) -> None:
    done = _run("check", _spoil(tmp_path), "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["clean"] is False
    assert (told["scans"], told["usable"], told["set_aside"], told["objects_dropped"]) == (10, 6, 4, 2)
    assert {problem["outcome"] for problem in told["problems"]} == {"object dropped", "scan set aside", "kept"}
    assert all(problem["file"] and problem["remedy"] for problem in told["problems"])


def test_check_tells_a_background_that_gives_the_answer_away(tmp_path: Path) -> None:
    records = [
        make_record(tmp_path, f"scan{i:03d}", ["pistol"] if i < 25 else [], seed=i, tone=255 if i < 25 else 205)
        for i in range(50)
    ]
    write_native(Dataset("biased", "CC0", ("pistol",), tuple(records)), tmp_path / "set")
    done = _run("check", tmp_path / "set")
    assert done.returncode == 1 and "lighter with a threat in 100% of pairs" in done.stdout


def test_check_broken_json(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text('{"images": [')
    done = _run("check", tmp_path)
    assert done.returncode == 1 and "not valid JSON" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize("layout", ["native", "yolo", "voc", "coco"])
def test_convert_drops_and_sets_aside_but_never_in_silence(layout: str, tmp_path: Path) -> None:
    bad = _spoil(tmp_path)
    done = _run("convert", bad, tmp_path / "out", "--to", layout, "--map", "Gun=firearm")
    assert done.returncode == 0, done.stderr
    assert "[object dropped]" in done.stdout and "[scan set aside]" in done.stdout
    assert "6 scans with 6 objects written as" in done.stdout and "objects dropped" in done.stdout
    found = open_dataset(tmp_path / "out")
    by_id = {record.scan_id: record for record in found}
    assert set(by_id) == {"outside", "twice", "rotten", "small", "gun", "free"}
    assert by_id["outside"].annotations.xyxy_px[0].tolist() == pytest.approx([100, 60, 120, 80])
    assert by_id["gun"].annotations.labels == ("firearm",) and len(by_id["free"].annotations) == 0


_USAGE = [
    ("not empty", ("convert", "{clean}", "{clean}"), "is not empty", "name a new folder"),
    ("no such set", ("stats", "{clean}/absent"), "no such folder or file", "give the path"),
    ("no layout", ("stats", "{clean}/scans"), "no data set layout fits", "name the layout"),
    ("unknown layout", ("stats", "{clean}", "--from", "dota"), "unknown data set format 'dota'", "known: auto"),
    ("map without =", ("convert", "{clean}", "{clean}/o", "--map", "gun"), "is not OLD=NEW", "for example"),
    ("map of nothing", ("convert", "{clean}", "{clean}/o", "--map", "a=b"), "has no label 'a'", "it has: pistol"),
    ("shares", ("split", "{clean}", "--train", ".9"), "add up to 1", "for example .7 .1 .2"),
    ("scan", ("show", "{clean}", "--scan", "x", "--save", "{clean}/x.png"), "has no scan 'x'", "its first is"),
    ("suffix", ("show", "{clean}", "--save", "{clean}/x.gif"), "is not written here", ".png"),
]


@pytest.mark.parametrize(("words", "message", "remedy"), [c[1:] for c in _USAGE], ids=[c[0] for c in _USAGE])
def test_mistakes_end_in_one_line(words: tuple[str, ...], message: str, remedy: str, clean: Path) -> None:
    done = _run(*(word.format(clean=clean) for word in words))
    assert done.returncode == 2
    assert message in done.stderr and remedy in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ") and len(done.stderr.strip().splitlines()) == 1


def test_split_writes_three_files(clean: Path) -> None:
    done = _run("split", clean, "--train", ".6", "--val", ".2", "--test", ".2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [told["splits"][split]["scans"] for split in ("train", "val", "test")] == [12, 4, 4]
    assert [told["splits"][split]["threat_scans"] for split in ("train", "val", "test")] == [6, 2, 2]
    ids = [record.scan_id for split in ("train", "val", "test") for record in open_dataset(clean, split=split)]
    assert sorted(ids) == [f"scan{i:03d}" for i in range(20)]
    assert _run("check", clean).returncode == 0


def test_split_refuses_leaks(clean: Path) -> None:
    for i in range(20):
        write_scan(clean / "scans" / f"scan{i:03d}.png", seed=i // 10)
    done = _run("split", clean)
    assert done.returncode == 2 and "nothing was written" in done.stderr and "near-duplicates: scan" in done.stdout
    assert not (clean / "train.json").exists()
    assert _run("split", clean, "--allow-leaks").returncode == 0
    assert (clean / "train.json").is_file()


def test_split_wants_the_native_layout(tmp_path: Path) -> None:
    write_scan(tmp_path / "N0000001.jpg")
    done = _run("split", tmp_path)
    assert done.returncode == 2 and "dataset convert" in done.stderr


def test_stats(clean: Path) -> None:
    done = _run("stats", clean)
    assert done.returncode == 0 and "20 scans in 20 groups: 10 with a threat, 10 without" in done.stdout
    told = json.loads(_run("stats", clean, "--json").stdout)
    (pistol,) = told["labels"]
    assert (pistol["label"], pistol["group"], pistol["scans"], pistol["objects"]) == ("pistol", "firearm", 10, 10)
    assert pistol["side_px"][1] == 24


def test_show_draws_what_it_says(clean: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = _run("show", clean, "--count", "6", "--save", sheet)
    assert done.returncode == 0 and "6 of 20 scans" in done.stdout
    picture = cv2.imread(str(sheet))
    assert picture is not None and picture.shape[1] > 900
    assert (picture[:, :, ::-1] == MAGENTA).all(axis=2).sum() > 100


def test_boxes_hide_nothing_of_the_object() -> None:
    rgb = np.full((200, 300, 3), 180, np.uint8)
    boxes = np.array([[50.0, 60, 150, 120], [60, 70, 140, 110]])
    drawn = draw_boxes(rgb, boxes[:1], ["pistol"])
    assert (drawn[60:120, 50:150] == 180).all() and (rgb == 180).all()
    assert (draw_boxes(rgb, np.zeros((0, 4)), []) == rgb).all()
    edge = draw_boxes(rgb, np.array([[-50.0, -50, 400, 400]]), ["a label at the edge"])
    assert edge.shape == rgb.shape
