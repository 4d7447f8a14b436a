"""Export: contract-1 files from runs, the proof of parity, what the card says, and a user's mistakes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from parcelsight import __version__
from parcelsight.commands.export_card import start_of
from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.card import ModelCard, OperatingPoint, PointName
from parcelsight.detector.contract import CARD_KEY, CONTRACT_KEY, SHIPPED_MODEL, from_metadata
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ModelError, RunError
from parcelsight.detector.network import Network, build_network
from parcelsight.detector.seal import SEAL_KEY
from parcelsight.detector.start_weights import SHIPPED_START_WEIGHTS
from parcelsight.export.contract_file import contract_bytes, weights_sha256
from parcelsight.export.export import Exported, export_model
from parcelsight.export.parity import BEST_COMPARED, FEWEST_PICTURES, Picture, compare, prove_parity
from parcelsight.export.pictures import generated_pictures
from parcelsight.export.reference import ReferenceDetector, class_specs, decoded, letterboxed
from parcelsight.inference.detector import Detector
from parcelsight.inference.letterbox import Letterbox
from parcelsight.inference.model_file import read_model
from parcelsight.training.evaluation_result import DataIdentity, Evaluation, EvaluationSettings, ModelIdentity
from tests.models import constant_model, model_card

CLASSES = ("pistol", "cartridge")
INPUT_PX = 64


def card(sha256: str, threshold: float = 0.25) -> ModelCard:
    return model_card(input_px=INPUT_PX).model_copy(
        update={"weights_sha256": sha256, "classes": class_specs(CLASSES, "test", threshold)}
    )


@pytest.fixture(scope="module", autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(1)  # tiny convolutions lose more by handing work around than they gain


def lively_network(seed: int) -> Network:
    """A tiny network of random weights whose answers depend on the picture.

    Fresh weights say the same about every picture, which would prove nothing: normalisation is fitted to pictures, and
    the last layers are made strong.
    """
    made = build_network("yolo26n", CLASSES, None, seed=seed)
    model = made._model
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None
    model.train()
    with torch.no_grad():
        model(torch.from_numpy(np.stack([letterboxed(each.rgb, INPUT_PX) for each in generated_pictures()])))
        for branch, spread in ((model.model[-1].one2one_cv2, 0.03), (model.model[-1].one2one_cv3, 0.4)):
            for level in branch:
                torch.nn.init.normal_(level[-1].weight, std=spread)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
    return made


@pytest.fixture(scope="module")
def network() -> Network:
    return lively_network(seed=3)


@pytest.fixture(scope="module")
def exported(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("export") / "deep" / "tiny.onnx"
    return export_model(network, card, INPUT_PX, out, generated_pictures())


# --- the file


def test_the_file_keeps_contract_1_and_nothing_else(exported: Exported) -> None:
    model = onnx.load(str(exported.model))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert set(metadata) == {CONTRACT_KEY, CARD_KEY, SEAL_KEY}
    assert ModelCard.model_validate_json(metadata[CARD_KEY]) == exported.card
    assert exported.card.weights_sha256 == weights_sha256(model)
    assert model.opset_import[0].version <= 18
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [0, 3, INPUT_PX, INPUT_PX]
    content = exported.model.read_bytes()
    for trace in (b".py", str(Path.cwd()).encode(), b"pytorch", b"torch.onnx"):
        assert trace not in content, trace


def test_parity_holds_with_temperatures(network: Network, tmp_path: Path) -> None:
    def warm(sha256: str) -> ModelCard:
        made = card(sha256)
        classes = tuple(
            spec.model_copy(update={"temperature": value}) for spec, value in zip(made.classes, (2.0, 0.7), strict=True)
        )
        return made.model_copy(update={"classes": classes})

    made = export_model(network, warm, INPUT_PX, tmp_path / "warm.onnx", generated_pictures())
    assert made.parity.compared > 0 and [spec.temperature for spec in Detector(made.model).card.classes] == [2.0, 0.7]


def test_the_runtime_takes_it_and_gives_best_first(exported: Exported) -> None:
    detector = Detector(exported.model)
    assert detector.card == exported.card
    first, second = (detector.detect(generated_pictures()[i].rgb, floor=0.0001) for i in (2, 3))
    assert len(first) > 10 and (np.diff(first.score) <= 0).all()
    assert first.score.max() > 0.01 and np.abs(first.score[:10] - second.score[:10]).max() > 1e-3


def test_the_same_network_gives_the_same_bytes(network: Network, exported: Exported, tmp_path: Path) -> None:
    raw = tmp_path / "raw.onnx"
    network.export_raw_onnx(raw, INPUT_PX)
    graph = onnx.load(str(raw))
    assert contract_bytes(graph, card(weights_sha256(graph))) == exported.model.read_bytes()
    assert hashlib.sha256(exported.model.read_bytes()).hexdigest() == exported.parity.model_sha256


def test_weights_digest_tells_values_names_and_order_apart() -> None:
    model = constant_model([(0, 0, 1, 1, 0.5, 0)])
    digest = weights_sha256(model)
    model.producer_name = "someone else"
    assert weights_sha256(model) == digest
    model.graph.initializer[0].name = "renamed"
    assert weights_sha256(model) != digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("batch", "the batch is not free", id="fixed batch"),
        pytest.param("size", r"input is not images float32 \(N, 3, 64, 64\)", id="another input size"),
        pytest.param("opset", "operator sets", id="too new"),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused(change: str, message: str) -> None:
    model = constant_model([(0, 0, 1, 1, 0.5, 0)])  # its batch is fixed to one
    if change == "size":
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 96
    if change == "opset":
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_param = "N"
        model.graph.initializer[0].dims[:] = [1, 1, 6]
        model.opset_import[0].version = 21
    with pytest.raises(ModelError, match=message):
        contract_bytes(model, model_card())


# --- parity


def test_parity_holds_on_every_shape_alone_and_in_a_batch(exported: Exported) -> None:
    report = exported.parity
    assert len(report.network_and_model) >= FEWEST_PICTURES and len(report.single_and_batch) >= FEWEST_PICTURES
    shapes = {np.sign(each.width_px - each.height_px) for each in report.network_and_model}
    assert shapes == {-1, 0, 1}
    assert min(each.width_px for each in report.network_and_model) < INPUT_PX < 2000
    assert max(each.height_px for each in report.network_and_model) > 2000
    assert all(each.compared >= BEST_COMPARED for each in report.network_and_model)
    assert report.worst_iou >= 0.99 and report.worst_score_difference <= 1e-3
    assert json.loads(exported.parity_file.read_text())["model_sha256"] == report.model_sha256


def test_another_network_fails_the_proof_and_leaves_no_file(exported: Exported) -> None:
    other = ReferenceDetector(lively_network(seed=4), INPUT_PX)
    with pytest.raises(RunError, match=r"disagree on \d+ of 24 pictures, most on generated: .*no file was written"):
        prove_parity(exported.model, "0" * 64, other, generated_pictures())


def test_a_failed_proof_leaves_nothing(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "tiny.onnx"
    honest = network.predict
    monkeypatch.setattr(network, "predict", lambda images: honest(images) + np.array([6, 0, 0, 0, 0, 0], np.float32))
    with pytest.raises(RunError, match="disagree"):
        export_model(network, card, INPUT_PX, out, generated_pictures())
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_prove_nothing(exported: Exported, network: Network) -> None:
    with pytest.raises(ValueError, match="needs 20 pictures"):
        prove_parity(exported.model, "0" * 64, ReferenceDetector(network, INPUT_PX), generated_pictures()[:19])


def test_an_unwritable_place_is_told(network: Network, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot be written.*--out"):
        export_model(network, card, INPUT_PX, tmp_path / "file" / "tiny.onnx", generated_pictures())


Row = tuple[float, float, float, float, float, int]


def found(*rows: Row) -> Detections:
    table = np.asarray(sorted(rows, key=lambda row: -row[4]), np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


BOX = (10.0, 10.0, 60.0, 60.0, 0.8, 0)


@pytest.mark.parametrize(
    ("first", "second", "compared", "unmatched"),
    [
        pytest.param([BOX], [BOX], 2, 0, id="equal"),
        pytest.param([], [], 0, 0, id="nothing in either"),
        pytest.param([BOX], [], 1, 1, id="missing"),
        pytest.param([], [BOX], 1, 1, id="invented"),
        pytest.param([BOX], [(*BOX[:4], 0.8009, 0)], 2, 0, id="score within"),
        pytest.param([BOX], [(*BOX[:4], 0.802, 0)], 2, 2, id="score off"),
        pytest.param([BOX], [(10.2, 10, 60, 60, 0.8, 0)], 2, 0, id="box within"),
        pytest.param([BOX], [(11.0, 10, 60, 60, 0.8, 0)], 2, 2, id="box off"),
        pytest.param([BOX], [(*BOX[:4], 0.8, 1)], 2, 2, id="another class"),
        pytest.param([BOX], [BOX, (10, 10, 60, 60, 0.5, 0)], 3, 1, id="a second box on the same object"),
        pytest.param([(*BOX[:4], 0.2501, 0)], [(*BOX[:4], 0.2499, 0)], 2, 0, id="either side of the threshold"),
        pytest.param([(*BOX[:4], 1.1e-4, 0)], [(*BOX[:4], 0.9e-4, 0)], 1, 0, id="either side of the floor"),
    ],
)
def test_detections_are_compared_both_ways(
    first: Sequence[Row], second: Sequence[Row], compared: int, unmatched: int
) -> None:
    result = compare(Picture("p", np.zeros((80, 80, 3), np.uint8)), found(*first), found(*second), 0.25)
    assert (result.compared, result.unmatched) == (compared, unmatched)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (100, 30), (30, 100), (7, 5), (1, 40), (333, 517)])
def test_reference_letterbox_and_decoding_are_inverse(width: int, height: int) -> None:
    fit = Letterbox.fit(height, width, INPUT_PX)
    box = np.array([[0.1 * width, 0.2 * height, 0.6 * width, 0.9 * height]])
    rows = np.hstack([fit.forward(box), [[0.5, 1]]]).astype(np.float32)
    result = decoded(rows, (height, width), INPUT_PX)
    np.testing.assert_allclose(result.xyxy_px, box, atol=1e-3 * max(width, height))
    picture = letterboxed(np.zeros((height, width, 3), np.uint8), INPUT_PX)
    assert picture.shape == (3, INPUT_PX, INPUT_PX)
    assert (picture[:, fit.content[0], fit.content[1]] == 0).all()
    assert picture.sum() == 3 * (INPUT_PX**2 - fit.content_height_px * fit.content_width_px)


def test_a_network_of_foreign_classes_is_refused() -> None:
    with pytest.raises(ModelError, match="detects 'zebra', which is no threat of taxonomy"):
        class_specs(("pistol", "zebra"), "best.pt")


# --- the verb


@dataclass(frozen=True)
class Run:
    """A run directory as training leaves it, with a random network."""

    path: Path
    data: Path


def picture(folder: Path, name: str, is_gun: bool) -> Record:
    rgb = np.full((48, 80, 3), 255, np.uint8)
    rgb[10:30, 20:60] = 150 if is_gun else 220
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), rgb)
    labels = Annotations.of([(20, 10, 60, 30)], ["pistol"]) if is_gun else Annotations.empty()
    return Record(name, (folder / f"{name}.png",), 80, 48, labels, name)


@pytest.fixture(scope="module")
def run(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("run")
    records = [picture(root / "in", f"s{i:02}", i < 4) for i in range(60)]
    splits = {"train": ["s00", "s01"], "val": [record.scan_id for record in records[2:]]}
    write_native(Dataset("tiny", "made up", CLASSES, tuple(records)), root / "data", splits=splits)
    folder = root / "RUN"
    (folder / "weights").mkdir(parents=True)
    torch.save({"model": network._model, "train_args": {"imgsz": INPUT_PX}}, folder / "weights" / "best.pt")
    (folder / "recipe.yaml").write_text(f"name: tiny\ndata: [{root / 'data'}]\ninput_px: {INPUT_PX}\n")
    state = {"status": "done", "classes": CLASSES, "start_weights": "random", "start_weights_sha256": None}
    (folder / "run.json").write_text(json.dumps(state))
    sets = [
        {"name": "tiny", "licence": "made up", "split": split, "scans": n} for split, n in (("train", 2), ("val", 58))
    ]
    (folder / "data.json").write_text(json.dumps({"sets": sets}))
    return Run(folder, root / "data")


def verb(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parcelsight.commands.main", name, *map(str, arguments)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # as above
    return subprocess.run(command, capture_output=True, text=True, timeout=180, env=alone)


def test_evaluate_the_run_export_it_and_evaluate_the_export(run: Run, tmp_path: Path) -> None:
    """Network and exported file are the same detector, so every figure of the two evaluations agrees."""
    saved, out = tmp_path / "e.json", tmp_path / "out" / "mine.onnx"
    first = verb("evaluate", run.path, run.data, "--split", "val", "--replicates", 100, "--json", "--out", saved)
    assert first.returncode == 0, first.stderr
    done = verb("export", run.path, "--out", out, "--name", "mine", "--operating-point-from", saved, "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    made = ModelCard.model_validate(outcome["card"])
    assert (made.name, made.start_weights, made.toolkit_version) == ("mine", "random", __version__)
    assert [(data.name, data.licence, data.scans) for data in made.training_data] == [("tiny", "made up", 2)]
    measured = json.loads(first.stdout)["operating_point"]
    assert {spec.name: spec.threshold for spec in made.classes} == measured["thresholds"]
    assert made.operating_point.false_alarm_rate and made.operating_point.false_alarm_rate.n == 56
    assert "tiny (val)" in made.operating_point.measured_on
    assert outcome["parity"]["pictures"] >= 24 and (tmp_path / "out" / "mine.parity.json").is_file()
    second = verb("evaluate", out, run.data, "--split", "val", "--replicates", 100, "--json")
    assert second.returncode == 0, second.stderr
    before, after = (json.loads(each.stdout)["scores"] for each in (first, second))
    assert [each["ap50"] for each in before] == [pytest.approx(each["ap50"], abs=1e-3) for each in after]


def test_export_measures_its_own_operating_point(run: Run) -> None:
    done = verb("export", run.path)
    assert done.returncode == 0, done.stderr
    for name in PointName:
        assert f"operating point {name} (roughly placed" in done.stdout  # 56 threat-free parcels cannot place it well
    card_made = Detector(run.path / "tiny.onnx").card
    assert [point.name for point in card_made.operating_points] == list(PointName)
    assert card_made.operating_point.false_alarm_rate and card_made.operating_point.false_alarm_rate.n == 56
    assert "parity:" in done.stdout and (run.path / "tiny.onnx").is_file()


def copied(run: Run, target: Path) -> Path:
    for name in ("recipe.yaml", "run.json", "data.json", "weights/best.pt"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((run.path / name).read_bytes())
    return target


def test_without_validation_data_the_default_is_stated(run: Run, tmp_path: Path) -> None:
    alone = copied(run, tmp_path / "RUN")
    (alone / "recipe.yaml").write_text(f"name: tiny\ndata: [gone]\ninput_px: {INPUT_PX}\n")
    done = verb("export", alone, "--json")
    assert done.returncode == 0, done.stderr
    made = ModelCard.model_validate(json.loads(done.stdout)["card"])
    assert made.operating_point == OperatingPoint(name="default, not measured")
    assert {spec.threshold for spec in made.classes} == {0.25}
    assert "no operating point measured" in done.stderr and "gone: no such folder" in done.stderr


def evaluation_of_another_model() -> Evaluation:
    nowhere = DataIdentity(name="x", licence="x", split="val", scans=1, groups=1, manifest_sha256="0")
    return Evaluation(
        toolkit_version="0",
        model=ModelIdentity(name="other", sha256="0" * 64, classes=CLASSES),
        settings=EvaluationSettings(),
        data=nowhere,
        scored_scans=1,
        threat_free_scans=0,
        unreadable=(),
        scores=(),
        operating_point=None,
        notes=(),
    )


@pytest.mark.parametrize(
    ("damage", "message", "remedy"),
    [
        pytest.param("absent", "no such run directory", "parcelsight train", id="no such folder"),
        pytest.param("run.json", "run.json: cannot be read, it is damaged", "train again", id="damaged state"),
        pytest.param("data.json", "data.json: cannot be read", "train again", id="damaged data notes"),
        pytest.param("weights/best.pt", "best.pt cannot be read as network weights", "use a .pt", id="damaged weights"),
        pytest.param("no weights", "has no weights (weights/best.pt)", "--resume", id="no weights"),
        pytest.param("suffix", "a model file ends in .onnx", "correct --out", id="wrong suffix"),
        pytest.param("evaluation", "not the weights of this run", "evaluate RUN", id="evaluation of another model"),
    ],
)
def test_mistakes_end_in_one_line(run: Run, tmp_path: Path, damage: str, message: str, remedy: str) -> None:
    broken = copied(run, tmp_path / "RUN")
    arguments: list[object] = [broken]
    if damage == "absent":
        arguments = [tmp_path / "none"]
    elif damage == "no weights":
        (broken / "weights" / "best.pt").unlink()
    elif damage == "suffix":
        arguments += ["--out", tmp_path / "model.bin"]
    elif damage == "evaluation":
        saved = tmp_path / "e.json"
        saved.write_text(evaluation_of_another_model().model_dump_json())
        arguments += ["--operating-point-from", saved]
    else:
        (broken / damage).write_bytes(b"{")
    done = verb("export", *arguments)
    assert done.returncode == 2
    assert message in done.stderr and remedy in done.stderr
    assert done.stderr.strip().count("\n") == 0 and "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.onnx"))


def test_what_begins_with_the_shipped_detector_owns_up_to_what_that_was_taught_with() -> None:
    shipped = from_metadata(read_model(SHIPPED_MODEL).metadata, "shipped")
    digest = hashlib.sha256(SHIPPED_START_WEIGHTS.read_bytes()).hexdigest()
    told, inherited = start_of(SHIPPED_START_WEIGHTS.name, digest)
    assert inherited == shipped.training_data and inherited and told.startswith(f"{shipped.name} {shipped.version}, ")
    assert start_of("yolo26n.pt", "0" * 64) == (f"yolo26n.pt sha256:{'0' * 64}", ())
    assert start_of("random", None) == ("random", ())
