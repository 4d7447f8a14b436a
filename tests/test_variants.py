"""Variants in other precisions: the runtime takes them as they are, and what must stay in float32 does."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from benchmarks.quantised_variants import BASE, Engine, choose
from benchmarks.variant_recall import Answer, Case, cases_of, compare, equal_margin, found_objects
from parcelsight.datasets.annotations import Annotations, Record
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.readers import read_scan
from parcelsight.detector.calibration import logit
from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME, SHIPPED_MODEL
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import MissingExtra, ModelError, UsageError
from parcelsight.export.calibration_scans import FEWEST_SCANS, CalibrationScans
from parcelsight.export.embed import embed_bytes
from parcelsight.export.embed_session import EmbedSession
from parcelsight.export.matching import Claims, matched
from parcelsight.export.network_parts import decoding_nodes, first_convolution, head_nodes, kept_in_float, named
from parcelsight.export.pictures import generated_pictures
from parcelsight.export.precisions import VARIANT_KEY, eight_bit_bytes, half_bytes
from parcelsight.export.quantise import Range
from parcelsight.export.variants import assortment
from parcelsight.inference.backend import Device
from parcelsight.inference.choice import Choice, choice_file
from parcelsight.inference.detector import Detector
from parcelsight.inference.model_file import read_model
from parcelsight.inference.verification import verify_model
from tests.models import SIDE_PX, contract_model, model_card, save

SAMPLES = Path(__file__).resolve().parents[1] / "datasets" / "samples"
CELLS = 64
"""Rows of the small network: 8 × 8 places."""


def small_network(weight_scale: float = 0.3, shrinks_by: int = 8) -> onnx.ModelProto:
    """A network like a detector's: two scales, a resize, a concatenation, a head and a decoding; random weights."""
    rng = np.random.default_rng(5)
    first, pool = [shrinks_by] * 2, [8 // shrinks_by] * 2

    def weights(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, weight_scale, shape).astype(np.float32)

    make = helper.make_node
    nodes = [
        make("Conv", [INPUT_NAME, "w0"], ["c0"], name="first", strides=first, pads=[1, 1, 1, 1]),
        make("Sigmoid", ["c0"], ["s0"], name="squashed"),
        make("Mul", ["c0", "s0"], ["a0"]),  # (8, 8, 8)
        make("Conv", ["a0", "w1"], ["c1"], name="second", strides=[2, 2], pads=[1, 1, 1, 1]),
        make("Relu", ["c1"], ["a1"]),  # (16, 4, 4)
        make("Resize", ["a1", "", "scales"], ["r1"], mode="nearest"),
        make("Concat", ["a0", "r1"], ["both"], axis=1),
        make("Conv", ["both", "w2"], ["c2"], name="third"),
        make("MaxPool", ["c2"], ["p2"], kernel_shape=pool, strides=pool),  # (8, 8, 8)
        make("Conv", ["p2", "w3"], ["c3"], name="last"),
        make("Reshape", ["c3", "flat"], ["columns"]),
        make("Transpose", ["columns"], ["rows"], perm=[0, 2, 1]),  # (1, 64, 6)
        make("Split", ["rows", "parts"], ["boxes", "logits", "rest"], axis=2),
        make("Sigmoid", ["boxes"], ["shares"]),
        make("Mul", ["shares", "side"], ["boxes_px"]),
        make("Sigmoid", ["logits"], ["scores"]),
        make("Mul", ["rest", "zero"], ["classes"]),
        make("Concat", ["boxes_px", "scores", "classes"], [OUTPUT_NAME], axis=2),
    ]
    constants: dict[str, np.ndarray] = {
        "w0": weights(8, 3, 3, 3),
        "w1": weights(16, 8, 3, 3),
        "w2": weights(8, 24, 1, 1),
        "w3": weights(6, 8, 1, 1),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "flat": np.array([1, 6, CELLS], np.int64),
        "parts": np.array([4, 1, 1], np.int64),
        "side": np.array(SIDE_PX, np.float32),
        "zero": np.array(0, np.float32),
    }
    return contract_model(nodes, constants, model_card((0.0, 0.0)), CELLS)


PICTURES = [each.rgb for each in generated_pictures()]
NETWORK = small_network().SerializeToString()


def scans(count: int = FEWEST_SCANS) -> CalibrationScans:
    pictures = [rgb for rgb in PICTURES if max(rgb.shape) <= 1000]
    rolled = [np.ascontiguousarray(np.roll(rgb, index, axis=0)) for index, rgb in enumerate((pictures * 3)[:count])]
    return CalibrationScans.of("made", rolled)


@pytest.fixture(scope="module")
def eight_bits() -> bytes:
    return eight_bit_bytes(NETWORK, scans())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, eight_bits: bytes) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("variants")
    paths = {"fp32": save(small_network(), folder / "small.onnx")}
    for precision, content in (("fp16", half_bytes(NETWORK)), ("int8", eight_bits)):
        paths[precision] = folder / f"small-{precision}.onnx"
        paths[precision].write_bytes(content)
    return paths


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


# --- what stays


def test_the_decoding_begins_with_the_last_layer() -> None:
    graph = named(small_network()).graph
    outside = {node.name for node in graph.node} - decoding_nodes(graph)
    assert "last" in decoding_nodes(graph)
    assert {"first", "second", "third"} <= outside and len(outside) == 9
    assert first_convolution(graph) == "first"


def test_the_head_of_the_shipped_network_is_one_module() -> None:
    graph = named(onnx.load(str(SHIPPED_MODEL))).graph
    head, decoding = head_nodes(graph), decoding_nodes(graph)
    kept = [node for node in graph.node if node.name in head and node.op_type == "Conv"]
    assert decoding < head
    assert {node.name.split("/")[1] for node in kept} == {graph.node[-1].name.split("/")[1]}
    assert 6 < len(kept) < 40, "the head, and no more"


def test_layers_that_see_a_large_picture_stay_in_float() -> None:
    kept = kept_in_float(named(small_network(shrinks_by=4)))
    assert {"first", "squashed", "third", "last"} <= kept and "second" not in kept
    assert "third" not in kept_in_float(named(small_network()))
    early = {name.split("/")[1] for name in kept_in_float(named(onnx.load(str(SHIPPED_MODEL)))) if "/conv/" in name}
    assert {"model.0", "model.1", "model.2"} < early and not early & {f"model.{index}" for index in range(3, 17)}


def test_half_precision_leaves_ends_and_decoding_in_float32(files: dict[str, Path]) -> None:
    model = onnx.load(str(files["fp16"]))
    kinds = element_types(model)
    assert {name.removesuffix("_half") for name, kind in kinds.items() if kind == TensorProto.FLOAT16} == {
        "w0",
        "w1",
        "w2",
    }
    assert kinds["w3"] == kinds["side"] == kinds["scales"] == TensorProto.FLOAT
    assert {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)} == {
        TensorProto.FLOAT
    }
    assert files["fp16"].stat().st_size < files["fp32"].stat().st_size


def test_eight_bits_leave_the_first_layer_and_the_decoding(eight_bits: bytes) -> None:
    model = onnx.load_from_string(eight_bits)
    dequantised = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    stored = {
        node.name: dequantised.get(node.input[1], node.input[1]) for node in model.graph.node if node.op_type == "Conv"
    }
    kinds = element_types(model)
    assert {name: kinds[weights] for name, weights in stored.items()} == {
        "first": TensorProto.FLOAT,
        "second": TensorProto.INT8,
        "third": TensorProto.INT8,
        "last": TensorProto.FLOAT,
    }
    scales = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    assert scales["w1_scale"] == [16], "a scale a channel"
    assert TensorProto.UINT8 in kinds.values(), "activations without sign"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_variant_keeps_contract_and_card_and_says_how_it_was_made(files: dict[str, Path], precision: str) -> None:
    checked = verify_model(files[precision])
    assert checked.contract == "1"
    same = {"classes": (), "operating_point": None}
    assert checked.card.model_copy(update=same) == model_card((0.0, 0.0)).model_copy(update=same)
    assert [spec.threshold for spec in checked.card.classes] == [0.0, 0.0], "no score is below"
    about = json.loads(checked.file.metadata[VARIANT_KEY])
    assert about["precision"] == precision
    model = onnx.load(str(files[precision]))
    assert {node.domain for node in model.graph.node} == {""}
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]


# --- what it says


@pytest.mark.parametrize(
    ("precision", "most_score_difference"),
    [pytest.param("fp16", 2e-3, id="fp16"), pytest.param("int8", 0.05, id="int8")],
)
def test_the_runtime_runs_a_variant_as_it_is(
    files: dict[str, Path], precision: str, most_score_difference: float
) -> None:
    exact, variant = Detector(files["fp32"]), Detector(files[precision])
    for rgb in PICTURES[:2]:  # without padding, which would hide boxes
        first, second = (detector.detect(rgb, 0.0).score for detector in (exact, variant))
        assert len(first) == len(second) and np.abs(first - second).max() <= most_score_difference
        assert first.std() > most_score_difference, "a network that says the same everywhere would prove nothing"


def test_eight_bits_can_be_embedded(files: dict[str, Path], eight_bits: bytes) -> None:
    rgb = PICTURES[2]
    found = EmbedSession(embed_bytes(eight_bits, EmbedKind.SINGLE)).detect(rgb)
    runtime = Detector(files["int8"]).detect(rgb)
    assert len(found) == len(runtime) > 0
    np.testing.assert_allclose(found.score, runtime.score, atol=1e-5)


def test_the_shipped_model_halves() -> None:
    content = half_bytes(SHIPPED_MODEL.read_bytes())
    assert len(content) < 0.55 * SHIPPED_MODEL.stat().st_size
    exact, half = (EmbedSession(embed_bytes(each, EmbedKind.SINGLE)) for each in (SHIPPED_MODEL.read_bytes(), content))
    rgb = read_scan(SAMPLES / "parcel-10.jpg").pixels
    first, second = (session.detect(rgb, 0.0).score[:5] for session in (exact, half))
    np.testing.assert_allclose(first, second, atol=0.02)


# --- what cannot be


def test_weights_beyond_half_precision_are_refused() -> None:
    with pytest.raises(ModelError, match="too large for float16; use the float32 file"):
        half_bytes(small_network(weight_scale=1e6).SerializeToString())


@pytest.mark.parametrize("convert", [half_bytes, lambda content: eight_bit_bytes(content, scans())])
def test_what_is_no_model_is_refused(convert: object) -> None:
    assert callable(convert)
    with pytest.raises(ModelError, match="not an ONNX model"):
        convert(b"PK\x03\x04")


def test_a_dozen_pictures_are_too_few() -> None:
    with pytest.raises(ValueError, match="needs 32 scans, got 12"):
        scans(12)


@pytest.mark.parametrize("rule", Range)
def test_every_rule_for_ranges_gives_a_model(rule: Range) -> None:
    assert json.loads(_metadata(eight_bit_bytes(NETWORK, scans(), rule))[VARIANT_KEY])["ranges"] == rule


def _metadata(content: bytes) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}


def test_variants_without_pictures_leave_eight_bits_out(tmp_path: Path) -> None:
    model = save(small_network(), tmp_path / "small.onnx")
    made = assortment(model, None).variants
    assert {each.precision for each in made} == {"fp32", "fp16"}
    assert made[0].content == model.read_bytes()
    assert len({each.path for each in made}) == len(made)


# --- OpenVINO


@pytest.mark.parametrize("device", ["openvino", "openvino-bf16"])
def test_openvino_says_what_onnxruntime_says(files: dict[str, Path], device: Device) -> None:
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    try:
        other = Detector(files["fp32"], device=device)
    except UsageError as error:
        pytest.skip(str(error))
    assert ("bf16" if "bf16" in device else "f32") in other.describe()
    rgb = PICTURES[0]
    first, second = (np.sort(each.detect(rgb, 0.0).score) for each in (Detector(files["fp32"]), other))
    np.testing.assert_allclose(first, second, atol=0.03 if "bf16" in device else 1e-4)


def test_without_openvino_the_extra_is_named(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtra, match=r"parcelsight\[openvino\]"):
        Detector(files["fp32"], device="openvino")


# --- thresholds of its own


def claims(log_odds: NDArray[np.float64], class_id: int = 0) -> Claims:
    return Claims(log_odds, np.full(len(log_odds), class_id, np.int64))


def test_thresholds_move_with_the_scores() -> None:
    rng = np.random.default_rng(1)
    exact = rng.normal(-1, 1.5, 4000)
    other = 0.8 * exact - 0.5 + rng.normal(0, 0.05, 4000)
    card = model_card((0.7, 0.7))
    moved = matched(card, claims(exact), claims(other), "4 scans of made")
    spec, before = moved.classes[0], card.classes[0]
    assert spec.temperature == pytest.approx(0.8 * before.temperature, rel=0.02)
    place = float(logit(np.array([0.7]))[0]) * before.temperature
    reached = float(logit(np.array([spec.threshold]))[0]) * spec.temperature
    assert reached == pytest.approx(0.8 * place - 0.5, abs=0.05)
    # It alarms as often, which is what counts.
    assert (other >= reached).sum() == pytest.approx((exact >= place).sum(), rel=0.05)
    assert "4 scans of made" in moved.operating_point.measured_on


def test_a_class_with_few_claims_moves_with_the_others() -> None:
    rng = np.random.default_rng(2)
    many, few = rng.normal(0, 1.5, 2000), np.array([1.0, 0.5])
    exact = Claims(np.concatenate([many, few]), np.repeat([0, 1], [2000, 2]))
    other = Claims(np.concatenate([many - 1, few + 3]), exact.class_id)
    card = matched(model_card((0.6, 0.6)), exact, other, "")
    moves = [
        float(logit(np.array([after.threshold]))[0]) * after.temperature
        - float(logit(np.array([0.6]))[0]) * before.temperature
        for before, after in zip(model_card((0.6, 0.6)).classes, card.classes, strict=True)
    ]
    assert moves == pytest.approx([-1, -1], abs=0.1)


def test_without_claims_thresholds_stay() -> None:
    card = model_card((0.3, 0.4))
    assert matched(card, claims(np.zeros(0)), claims(np.zeros(3)), "").classes == card.classes


# --- the choice


def measured(changes: Sequence[float], ratio: float, chance: float = 0.5) -> tuple[dict[str, object], dict[str, float]]:
    groups = [{"change_points": change} for change in changes]
    return {"at_its_own_thresholds": groups, "chance_of_so_many_more": chance}, {"ratio": ratio}


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        pytest.param(([0, 0], 0.7), ([0, 0], 0.6), "b", id="the faster"),
        pytest.param(([0, 0], 0.7), ([0.3, -0.6], 0.6), "a", id="not one that loses in a group"),
        pytest.param(([-0.5, 2], 0.7), ([-0.4, 0], 0.9), "a", id="half a point is allowed"),
        pytest.param(([0, 0], 0.97), ([-3, 0], 0.5), None, id="none that is really faster and as good"),
        pytest.param(([0, 0], 0.7), ([3, 3], 0.5, 0.01), "a", id="not one that alarms more often"),
    ],
)
def test_the_choice_keeps_to_its_rule(
    first: tuple[list[float], float], second: tuple[list[float], float], chosen: str | None
) -> None:
    engines = [Engine(name, Path("x"), "cpu") for name in (BASE, "a", "b")]
    scores, speeds = {}, {}
    for engine, values in zip(engines, (([0.0, 0.0], 1.0), first, second), strict=True):
        scores[engine.name], speeds[engine.name] = measured(*values)
    assert choose(engines, scores, {1: speeds, 2: speeds}) == chosen


def case(boxes: Sequence[Sequence[float]], groups: Sequence[str], scan: int = 0) -> Case:
    white = np.full((40, 40, 3), 255, np.uint8)
    return Case(scan, lambda: white, (1, 1), np.array(boxes, np.float64).reshape(-1, 4), tuple(groups))


def answer(*found: tuple[Sequence[float], float, str]) -> Answer:
    boxes = np.array([box for box, _, _ in found], np.float32).reshape(-1, 4)
    return Answer(boxes, np.array([margin for _, margin, _ in found]), tuple(group for _, _, group in found))


def test_an_object_is_found_by_an_alarm_of_its_group_once() -> None:
    there = case([[0, 0, 10, 10], [20, 20, 30, 30], [20, 20, 30, 31]], ("firearm", "part", "part"))
    said = answer(([0, 0, 10, 10], 0.9, "part"), ([20, 20, 30, 30], 0.8, "part"), ([0, 0, 9, 9], -0.1, "firearm"))
    assert found_objects(there, said).tolist() == [False, True, False]
    assert found_objects(there, said, margin=-0.2).tolist() == [True, True, False]


def test_variants_are_compared_at_equal_false_alarms() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    cases = [case([box], ["part"], 0), case([box], ["part"], 1), *(case([], [], scan) for scan in (2, 3, 4))]
    base = [answer((box, m, "part")) for m in (1.0, 0.5, -1.0, -1.0, 0.2)]
    # Scores half as high everywhere, so that one object and the false alarm fall below the thresholds.
    own = [answer((box, m, "part")) for m in (0.4, -0.2, -2.0, -2.5, -0.3)]
    result = compare(cases, own, base)
    assert (result["false_alarms_in_float32"], result["false_alarms"]) == (1, 0)
    assert result["chance_of_so_many_more"] == 1.0 and compare(cases, base, own)["chance_of_so_many_more"] == 0.5
    assert result["at_its_own_thresholds"][-1] | {"change_95": []} == {
        "group": "any",
        "objects": 2,
        "recall": 0.5,
        "change_points": -50.0,
        "change_95": [],
        "gained": 0,
        "lost": 1,
    }
    assert result["at_equal_false_alarms"][-1]["recall"] == 1.0
    assert equal_margin(cases, own, 0) > -0.3


def test_mirror_images_keep_objects_under_their_boxes(tmp_path: Path) -> None:
    rgb = np.full((30, 50, 3), 255, np.uint8)
    rgb[5:9, 10:20] = 0
    cv2.imwrite(str(tmp_path / "scan.png"), rgb)
    labels = Annotations(np.array([[10, 5, 20, 9]], np.float64), ("pistol",))
    record = Record("scan", (tmp_path / "scan.png",), 50, 30, labels, group="scan")
    looks = list(cases_of([record], 4))
    assert len(looks) == 4 and {each.groups for each in looks} == {("firearm",)}
    for each in looks:
        x1, y1, x2, y2 = each.boxes[0].astype(int)
        assert not each.rgb[y1:y2, x1:x2].any() and (each.rgb == 0).all(axis=2).sum() == 40


# --- the runtime's own choice


def chosen_for(model: Path, device: str = "openvino") -> Path:
    choice = Choice(
        model_sha256=read_model(model).sha256,
        device=device,  # type: ignore[arg-type]
        time_ratio=0.7,
        worst_change_points=-0.2,
        measured_on="made",
    )
    choice_file(model).write_text(choice.model_dump_json())
    return choice_file(model)


def test_the_runtime_takes_what_was_measured_with_this_model(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    model = save(small_network(), tmp_path / "small.onnx")
    chosen_for(model)
    assert "measured to find as much in 0.70 of onnxruntime's time" in Detector(model).describe()
    assert "onnxruntime" in Detector(model, device="cpu").describe().split("runs on")[1]


def test_a_choice_of_another_model_is_not_taken(tmp_path: Path) -> None:
    model, other = (save(small_network(scale), tmp_path / f"{scale}.onnx") for scale in (0.3, 0.2))
    choice_file(model).write_text(chosen_for(other).read_text())
    assert "runs on onnxruntime" in Detector(model).describe()


def test_a_choice_this_machine_cannot_run_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save(small_network(), tmp_path / "small.onnx")
    chosen_for(model, "openvino-bf16")
    monkeypatch.setattr("parcelsight.inference.choice._cpu_flags", frozenset)
    assert "runs on onnxruntime" in Detector(model).describe()


def test_a_damaged_choice_is_told(tmp_path: Path) -> None:
    model = save(small_network(), tmp_path / "small.onnx")
    choice_file(model).write_text('{"device": "toaster"}')
    with pytest.raises(ModelError, match="is damaged; remove it"):
        Detector(model)
