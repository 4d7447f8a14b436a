"""The report and the model card page: whole, self-contained, safe with names of strangers, and true to the figures."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.card import Interval
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import RunError
from parcelsight.training.categories import ANY_THREAT, Level, categories_of
from parcelsight.training.evaluation import evaluate
from parcelsight.training.evaluation_parts import ExampleKind
from parcelsight.training.evaluation_result import Evaluation, evaluation_text, read_evaluation
from parcelsight.training.factor_scores import object_table
from parcelsight.training.factors import DESIGN, FACTORS, PICTURE_SHARE, SEEN, UNSEEN
from parcelsight.training.report import report_html
from parcelsight.training.report_pictures import example_pictures
from parcelsight.training.scoring import Part
from tests.models import dark_model, save
from tests.test_evaluate_verb import CLASSES, FAST, MODEL, darkest, run_verb

ROOT = Path(__file__).resolve().parents[1]
EVIL = "<script>alert('x')</script>"


def scene(folder: Path) -> Dataset:
    """Guns that show and guns that do not, in parcels of a name that no page may take at its word."""
    folder.mkdir(exist_ok=True)
    records = []
    for i in range(40):
        rgb = np.full((64, 64, 3), 255, np.uint8)
        kind = i % 4
        if kind < 3:
            rgb[20:40, 10:50] = (30, 200, 60)[kind]
        known = {"size_mm": 30.0 + 40 * kind, "superposition": 0.2, "visible_contrast": 40.0, "material": EVIL}
        labels = Annotations.of([(10, 20, 50, 40)], ["pistol"], [known]) if kind < 2 else Annotations.empty()
        path = folder / f"s{i:02}.png"
        cv2.imwrite(str(path), rgb)
        records.append(Record(f"s{i:02}{EVIL if i < 4 else ''}", (path,), 64, 64, labels, f"s{i:02}"))
    records[1].annotations.attributes[0]["material"] = "steel"  # type: ignore[index]
    return Dataset(f"set {EVIL}", f"licence {EVIL}", ("pistol",), tuple(records))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Dataset]:
    dataset = scene(tmp_path_factory.mktemp("scene"))
    return evaluate(darkest, MODEL, CLASSES, Part(dataset), FAST), dataset


class Outline(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        names = ("src", "href", "xlink:href", "action", "data")
        self.addresses += [value for name, value in attrs if name in names and value]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def test_the_report_is_whole_and_fetches_nothing(result: tuple[Evaluation, Dataset]) -> None:
    evaluation, dataset = result
    text = report_html(evaluation, example_pictures(evaluation.examples, dataset))
    outline = Outline()
    outline.feed(text)
    assert outline.open == [] and "script" not in outline.tags and EVIL not in text
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in outline.addresses)
    assert text.count("<svg") == 4 and text.count("data:image/jpeg") == len(evaluation.examples)
    for title in ("Operating points", "Classes and groups", "Calibration", "Confusion", "Difficulty", "Identity"):
        assert title in text
    assert evaluation.data.manifest_sha256 in text and str(evaluation.data.files_sha256) in text
    recall = evaluation.score(ANY_THREAT).object_recall
    assert recall and f"<b>{100 * recall.value:.1f}</b>" in text


def test_the_same_evaluation_gives_the_same_report(result: tuple[Evaluation, Dataset]) -> None:
    assert report_html(result[0], {}) == report_html(result[0], {})


def test_examples_are_the_worst(result: tuple[Evaluation, Dataset]) -> None:
    evaluation, _ = result
    misses = [each for each in evaluation.examples if each.kind is ExampleKind.MISS]
    alarms = [each for each in evaluation.examples if each.kind is ExampleKind.FALSE_ALARM]
    assert misses and all(each.score == 0 and int(each.scan_id[1:3]) % 4 == 1 for each in misses)
    assert all(int(each.scan_id[1:3]) % 4 == 2 for each in alarms)
    assert [each.score for each in alarms] == sorted((each.score for each in alarms), reverse=True)


def test_confusion_adds_up(result: tuple[Evaluation, Dataset]) -> None:
    told = result[0].confusion
    assert told and told.rows == ("pistol", "background") and told.columns == ("pistol", "cartridge", "missed")
    point = next(point for point in result[0].points if point.name == "balanced")
    assert point.object_recall
    assert told.counts[0] == (round(point.object_recall.value * 20), 0, 20 - round(point.object_recall.value * 20))


def test_difficulty_is_told_by_level(result: tuple[Evaluation, Dataset]) -> None:
    levels = {(level.factor, level.level): level for level in result[0].factors}
    easy, hard = levels["size", "under 50 mm"], levels["size", "50 to 100 mm"]
    assert (easy.objects, hard.objects) == (10, 10)
    found = {level: levels["size", level].found["sensitive"].value for level in ("under 50 mm", "50 to 100 mm")}  # type: ignore[index]
    assert found["50 to 100 mm"] == 0
    assert ("superposition", "under 0.25") not in levels  # one level alone tells nothing
    assert sum(level.objects for level in result[0].factors if level.factor == "size") == 20


@pytest.mark.parametrize(
    ("attributes", "factor", "level"),
    [
        pytest.param({"size_mm": 100}, "size", "100 to 200 mm", id="an edge belongs above"),
        pytest.param({PICTURE_SHARE: 0.26}, "longer side, of the picture's", "0.2 to 0.3", id="a gun in a suitcase"),
        pytest.param({"size_mm": 1e9}, "size", "400 mm and over", id="beyond"),
        pytest.param({"size_mm": True}, "size", None, id="no number"),
        pytest.param({"size_mm": "12"}, "size", None, id="a word"),
        pytest.param({"clipped": False}, "cut by the frame", "no", id="yes or no"),
        pytest.param({"kind": "barrel", "design_id": "barrel/43"}, "design", "either", id="a rendered design"),
        pytest.param({"kind": "barrel", "design_id": "pistol/29"}, "design", "either", id="a part of a rendered gun"),
        pytest.param({"kind": "barrel", "design_id": "my own"}, "design", None, id="another's design"),
    ],
)
def test_levels_of_factors(attributes: dict[str, object], factor: str, level: str | None) -> None:
    (told,) = (each.level_of(attributes) for each in FACTORS if each.name == factor)
    assert told == level or (level == "either" and told in (SEEN, UNSEEN))


def test_how_large_an_object_is_in_its_picture_is_known_of_labels_that_tell_nothing_else() -> None:
    record = Record("a", (Path("a.png"),), 200, 100, Annotations.of([(0, 0, 50, 20)], ["pistol"]), "a")
    anything = next(category for category in categories_of(CLASSES) if category.name == ANY_THREAT)
    assert object_table([(record, Detections.empty())], anything, {}).attributes == ({PICTURE_SHARE: 0.25},)


def test_an_evaluation_survives_its_file(result: tuple[Evaluation, Dataset], tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(evaluation_text(result[0]), "utf-8")
    assert read_evaluation(tmp_path / "e.json") == result[0]
    longest = max(len(line) for line in evaluation_text(result[0]).splitlines())
    assert longest > 300  # curves stand on one line each


# --- the verbs


def card(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parcelsight.commands.main", "card", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_evaluate_writes_report_and_result_and_card_a_page(tmp_path: Path) -> None:
    dataset = scene(tmp_path / "in")
    clean = [Record(f"p{i}", r.files, 64, 64, r.annotations, r.group) for i, r in enumerate(dataset)]
    write_native(Dataset("made", "CC0", ("pistol",), tuple(clean)), tmp_path / "data")
    model = save(dark_model(), tmp_path / "dark.onnx")
    saved, report = tmp_path / "e.json", tmp_path / "r.html"
    both = (tmp_path / "data", tmp_path / "data")
    done = run_verb(model, *both, "--replicates", 100, "--out", saved, "--report", report, "--as", "inverted")
    assert done.returncode == 0, done.stderr
    told = read_evaluation(saved)
    assert told.scored_scans == 80 and told.data.name == "made 1, made 2" and told.mirrors[0].rendering == "inverted"
    assert {level.level for level in told.factors if level.factor == "data set"} == {"made 1", "made 2"}
    assert told.command.startswith("parcelsight evaluate dark.onnx data data") and str(tmp_path) not in told.command
    assert report.read_text("utf-8").startswith("<!doctype html>") and "Other colours" in report.read_text("utf-8")
    page = tmp_path / "card.md"
    done = card(model, "--evaluation", saved, "--out", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    ap50 = told.score("pistol").ap50
    assert ap50 and f"{100 * ap50.value:.1f} ({100 * ap50.low:.1f}–{100 * ap50.high:.1f})" in text
    assert "[e.json](e.json)" in text and "another model" not in text
    assert card(SHIPPED_MODEL, "--evaluation", saved).stdout.count("**Measured with another model**") == 1


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        pytest.param(["{tmp}/no.onnx"], "no.onnx: no such model file", "give an ONNX file", id="no model"),
        pytest.param(["--evaluation", "{tmp}/no.json"], "no.json: cannot be read", "evaluate", id="no evaluation"),
        pytest.param(["--evaluation", "{tmp}/bad.json"], "bad.json: not an evaluation", "--out FILE", id="damaged"),
        pytest.param(["--out", "{tmp}"], "is a folder", "--out a file name", id="a folder"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path: Path, words: Sequence[str], message: str, remedy: str) -> None:
    (tmp_path / "bad.json").write_text("{")
    done = card(*(word.format(tmp=tmp_path) for word in words))
    assert done.returncode == 2 and message in done.stderr and remedy in done.stderr
    assert done.stderr.strip().count("\n") == 0 and done.stdout == ""


def test_an_unknown_rendering_is_refused(tmp_path: Path) -> None:
    done = run_verb(tmp_path / "m.onnx", tmp_path, "--as", "sepia")
    assert done.returncode == 2 and "unknown --as 'sepia'; use one of: grey, inverted, air" in done.stderr


def test_the_page_in_the_documentation_is_what_the_verb_writes() -> None:
    page = ROOT / "docs" / "model-card.md"
    results = sorted((ROOT / "docs" / "results").glob("*.json"))
    words = [word for file in results for word in ("--evaluation", str(file))]
    command = [sys.executable, "-m", "parcelsight.commands.main", "card", *words]
    done = subprocess.run(command, cwd=page.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    again = "write it again: parcelsight card --evaluation docs/results/… --out docs/model-card.md"
    assert page.read_text("utf-8") == done.stdout, again


def test_the_page_escapes_names(tmp_path: Path, result: tuple[Evaluation, Dataset]) -> None:
    (tmp_path / "e.json").write_text(evaluation_text(result[0]), "utf-8")
    done = card("--evaluation", tmp_path / "e.json")
    assert done.returncode == 0 and not re.search(r"(?<!\\)<script", done.stdout)


def test_the_loss_from_seen_to_unseen_designs_is_told(tmp_path: Path, result: tuple[Evaluation, Dataset]) -> None:
    line = result[0].factors[0]
    mean = result[0].score("pistol").model_copy(update={"name": "mean of classes", "level": Level.MEAN})
    for name, level, value in (("seen", SEEN, 0.9), ("unseen", UNSEEN, 0.8)):
        ap50 = Interval(value=value, low=value - 0.03, high=value + 0.04, n=20)
        changed = result[0].model_copy(
            update={
                "factors": (line.model_copy(update={"factor": DESIGN, "level": level}),),
                "scores": (*result[0].scores, mean.model_copy(update={"ap50": ap50})),
            }
        )
        (tmp_path / f"{name}.json").write_text(evaluation_text(changed), "utf-8")
    done = card("--evaluation", tmp_path / "seen.json", "--evaluation", tmp_path / "unseen.json")
    assert "the mean AP50 over classes falls by 10.0 (5.0 to 15.0) points" in done.stdout


def test_a_newer_evaluation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text('{"toolkit_version": "9", "unheard_of": 1}')
    with pytest.raises(RunError, match=r"e\.json: not an evaluation"):
        read_evaluation(tmp_path / "e.json")
