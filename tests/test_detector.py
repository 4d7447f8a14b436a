"""The detector on real, tiny ONNX models: geometry, thresholds, calibration, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from parcelsight.datasets.opencv import cv2
from parcelsight.detector.contract import CARD_KEY, CONTRACT_KEY, INPUT_NAME, OUTPUT_NAME
from parcelsight.detector.detections import Detections
from parcelsight.detector.errors import ModelError, UsageError
from parcelsight.inference.detector import Detector
from parcelsight.inference.letterbox import Letterbox
from tests.models import DARK_SCORE, SIDE_PX, Row, constant_model, contract_model, dark_model, model_card, save

SIDES = st.integers(1, 6000)
FULL = float(SIDE_PX)


def white(height_px: int, width_px: int) -> NDArray[np.uint8]:
    return np.full((height_px, width_px, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(save(dark_model(), tmp_path_factory.mktemp("model") / "dark.onnx"), device="cpu")


# --- letterbox


@given(SIDES, SIDES, st.sampled_from([32, 416, 640]))
def test_letterbox_lies_centred_in_the_square(height: int, width: int, side: int) -> None:
    box = Letterbox.fit(height, width, side)
    right = side - box.left_px - box.content_width_px
    bottom = side - box.top_px - box.content_height_px
    assert max(box.content_height_px, box.content_width_px) == side
    assert min(box.content_height_px, box.content_width_px) >= 1
    assert 0 <= right - box.left_px <= 1 and 0 <= bottom - box.top_px <= 1


@given(SIDES, SIDES, st.lists(st.tuples(*[st.floats(-100, 6000)] * 4), max_size=5))
def test_letterbox_maps_invert_each_other(height: int, width: int, boxes: list[tuple[float, ...]]) -> None:
    box = Letterbox.fit(height, width, 640)
    xyxy = np.array(boxes, np.float64).reshape(-1, 4)
    np.testing.assert_allclose(box.backward(box.forward(xyxy)), xyxy, atol=1e-6)
    whole = np.array([[0, 0, width, height]], np.float64)
    rows, columns = box.content
    np.testing.assert_allclose(box.forward(whole), [[columns.start, rows.start, columns.stop, rows.stop]], atol=1e-9)


def test_letterbox_refuses_an_empty_scan() -> None:
    with pytest.raises(ValueError, match="cannot letterbox 0×5"):
        Letterbox.fit(0, 5, 640)


# --- detection


@pytest.mark.parametrize(
    "shape",
    [(64, 64), (200, 100), (100, 333), (1000, 640), (3000, 4000)],
    ids=["as the network", "tall", "wide", "large", "very large"],
)
def test_a_dark_thing_is_found_where_it_is(dark: Detector, shape: tuple[int, int]) -> None:
    height, width = shape
    rgb = white(height, width)
    wanted = np.array([0.25 * width, 0.5 * height, 0.75 * width, 0.875 * height])
    x1, y1, x2, y2 = wanted.astype(int)
    rgb[y1:y2, x1:x2] = 0
    found = dark.detect(rgb)
    assert len(found) == 1 and found.score[0] == pytest.approx(DARK_SCORE) and found.class_id[0] == 0
    np.testing.assert_allclose(found.xyxy_px[0], [x1, y1, x2, y2], atol=max(shape) / SIDE_PX)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (4000, 3000)])
def test_any_shape_is_taken_and_the_padding_claims_nothing(dark: Detector, shape: tuple[int, int]) -> None:
    assert len(dark.detect(white(*shape))) == 0
    found = dark.detect(np.zeros((*shape, 3), np.uint8))
    np.testing.assert_allclose(found.xyxy_px, [[0, 0, shape[1], shape[0]]], atol=1e-3 * max(shape))


def test_nothing_of_one_scan_is_left_in_the_next(dark: Detector) -> None:
    for shape in [(64, 20), (20, 64), (64, 64), (20, 64)]:
        assert len(dark.detect(np.zeros((*shape, 3), np.uint8))) == 1
        assert len(dark.detect(white(20, 40))) == 0


def test_the_network_sees_exactly_the_documented_letterbox(dark: Detector) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (90, 50, 3), dtype=np.uint8)
    dark.detect(rgb)
    expected = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    expected[:, 14:50] = cv2.resize(rgb, (36, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(dark._images[0], expected.transpose(2, 0, 1) / np.float32(255))


def test_views_and_read_only_pictures_are_taken(dark: Detector) -> None:
    rgb = white(80, 100)
    rgb[20:40, 10:30] = 0
    rgb.flags.writeable = False
    mirrored = dark.detect(rgb[:, ::-1, ::-1])
    np.testing.assert_allclose(mirrored.xyxy_px[0], [70, 20, 90, 40], atol=2)


@pytest.mark.parametrize(
    "rgb",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)],
    ids=["grey", "four channels", "float", "empty"],
)
def test_other_arrays_are_refused(dark: Detector, rgb: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\)"):
        dark.detect(rgb)


def test_threads_may_share_a_detector(dark: Detector) -> None:
    counts: list[int] = []
    shapes = [(64, 20), (20, 64), (300, 200), (50, 50)] * 10

    def work(value: int, expected: int) -> None:
        counts.extend(expected for h, w in shapes if len(dark.detect(np.full((h, w, 3), value, np.uint8))) == expected)

    threads = [Thread(target=work, args=(255, 0)), Thread(target=work, args=(0, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 2 * len(shapes)


def detect_rows(
    tmp_path: Path,
    rows: list[Row],
    floor: float | None = None,
    thresholds: tuple[float, float] = (0.5, 0.5),
    temperatures: tuple[float, float] = (1.0, 1.0),
) -> Detections:
    model = constant_model(rows, model_card(thresholds, temperatures))
    return Detector(save(model, tmp_path / "m.onnx")).detect(white(SIDE_PX, SIDE_PX), floor)


def test_thresholds_are_per_class_and_the_best_comes_first(tmp_path: Path) -> None:
    rows: list[Row] = [(0, 0, 9, 9, s, c) for s, c in [(0.5, 0), (0.49, 0), (0.6, 1), (0.7, 1), (0.9, 0)]]
    found = detect_rows(tmp_path, rows, thresholds=(0.5, 0.7))
    assert found.score.tolist() == pytest.approx([0.9, 0.7, 0.5]) and found.class_id.tolist() == [0, 1, 0]
    assert len(detect_rows(tmp_path, rows, floor=0.0)) == 5
    assert len(detect_rows(tmp_path, rows, floor=0.6)) == 3


def test_scores_are_calibrated_by_class_and_thresholds_ask_the_calibrated_score(tmp_path: Path) -> None:
    rows: list[Row] = [(0, 0, 9, 9, 0.9, 0), (0, 0, 9, 9, 0.9, 1), (0, 0, 9, 9, 0.0, 0), (0, 0, 9, 9, 1.0, 0)]
    found = detect_rows(tmp_path, rows, floor=0.0, temperatures=(2.0, 1.0))
    logit = np.log(9.0)
    softened = 1 / (1 + np.exp(-logit / 2))
    assert found.score.tolist() == pytest.approx([1.0, 0.9, softened, 0.0], abs=2e-3)
    assert detect_rows(tmp_path, rows, thresholds=(0.8, 0.95), temperatures=(2.0, 1.0)).score.tolist() == [
        pytest.approx(1.0, abs=2e-3)
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((-5.0, -5.0, FULL + 5, 20.0), [0, 0, FULL, 20]),
        ((30.0, 40.0, 10.0, 20.0), [10, 20, 30, 40]),
        ((-9.0, 0.0, -1.0, 9.0), None),
        ((FULL, 0.0, FULL + 9, 9.0), None),
        ((30.0, 30.0, 30.0, 40.0), [30, 30, 30, 40]),
    ],
    ids=["clipped", "crossed edges", "left of the scan", "right of the scan", "no width, yet an alarm"],
)
def test_boxes_end_in_the_scan(
    tmp_path: Path, row: tuple[float, float, float, float], expected: list[float] | None
) -> None:
    found = detect_rows(tmp_path, [(*row, 0.9, 0)])
    assert found.xyxy_px.tolist() == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 0, 9, 9, float("nan"), 0), "not finite"),
        ((float("inf"), 0, 9, 9, 0.9, 0), "not finite"),
        ((0, 0, 9, 9, 1.5, 0), "score outside"),
        ((0, 0, 9, 9, 0.9, 2), "class its card does not list"),
        ((0, 0, 9, 9, 0.9, -1), "class its card does not list"),
    ],
    ids=["NaN score", "infinite box", "score over 1", "unknown class", "negative class"],
)
def test_broken_output_is_an_error_never_no_detections(tmp_path: Path, row: Row, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        detect_rows(tmp_path, [row])


# --- backends


def test_it_says_what_it_runs_on_and_why(dark: Detector) -> None:
    said = dark.describe()
    assert "on the CPU, 1 thread (asked for)" in said and said.count(".") >= 1 and "\n" not in said


def test_cuda_is_not_promised_where_there_is_none(tmp_path: Path) -> None:
    from parcelsight.inference.onnxruntime import ort as onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    path = save(dark_model(), tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="no CUDA provider; install onnxruntime-gpu"):
        Detector(path, device="cuda")
    assert "offers no CUDA" in Detector(path, device="auto").describe()


def test_the_runtime_imports_nothing_heavy() -> None:
    heavy = "torch ultralytics onnx scipy matplotlib xraylib numba"
    code = (
        "import sys, parcelsight.inference.detector, parcelsight.inference.screening\n"
        f"print([m for m in {heavy.split()} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


def test_the_runtime_leaves_no_trace_and_reports_to_nobody(tmp_path: Path) -> None:
    """onnxruntime's own builds write a device id and an upload queue to the user's cache unless told not to."""
    home = tmp_path / "home"
    home.mkdir()
    path = save(dark_model(), tmp_path / "m.onnx")
    code = (
        "import pathlib, numpy, parcelsight.inference.detector as d\n"
        f"d.Detector(pathlib.Path({str(path)!r})).detect(numpy.zeros((50, 60, 3), numpy.uint8))"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_")) and k not in ("CI", "HOME")}
    subprocess.run([sys.executable, "-c", code], env=kept | {"HOME": str(home)}, timeout=60, check=True)
    assert [str(p.relative_to(home)) for p in home.rglob("*")] == []


# --- models that are refused


def edited(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = dark_model()
    change(model)
    return model


def with_metadata(**metadata: str) -> onnx.ModelProto:
    model = dark_model()
    kept = {p.key: p.value for p in model.metadata_props}
    del model.metadata_props[:]
    helper.set_model_props(model, kept | {f"parcelsight.{key}": value for key, value in metadata.items()})
    return model


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secrets.bin"


def external_in_a_branch(model: onnx.ModelProto) -> None:
    hidden = helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    hidden.external_data.add().key = "location"
    inner = helper.make_graph([helper.make_node("Constant", [], ["b"], value=hidden)], "inner", [], [])
    outer = helper.make_graph([helper.make_node("If", ["is_dark"], ["c"], then_branch=inner)], "outer", [], [])
    model.graph.node.append(helper.make_node("If", ["is_dark"], ["d"], then_branch=outer))


def deep(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", [], [])
    for _ in range(30):
        graph = helper.make_graph([helper.make_node("If", ["a"], ["b"], then_branch=graph)], "g", [], [])
    model.graph.node.append(graph.node[0])


def shaped(shape: list[int | str], name: str = OUTPUT_NAME) -> onnx.ModelProto:
    model = dark_model()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    if name != OUTPUT_NAME:
        model.graph.node[-1].output[0] = name
    return model


def raw_output() -> onnx.ModelProto:
    model = shaped([1, 6, 1])
    (target,) = [tensor for tensor in model.graph.initializer if tensor.name == "shape"]
    target.CopyFrom(numpy_helper.from_array(np.array([1, 6, 1]), "shape"))
    return model


def for_another_input() -> onnx.ModelProto:
    model = dark_model(model_card(input_px=SIDE_PX))
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info(INPUT_NAME, onnx.TensorProto.FLOAT, [1, 3, 32, 32]))
    return model


def without_contract() -> onnx.ModelProto:
    return edited(lambda model: model.metadata_props.__delitem__(slice(None)))


def custom_operator(op: str, domain: str) -> onnx.ModelProto:
    return edited(lambda m: m.graph.node.append(helper.make_node(op, ["is_dark"], ["z"], domain=domain)))


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "no contract": (without_contract, "not a ParcelSight model"),
    "unknown contract": (lambda: with_metadata(contract="7"), "speaks contract '7'"),
    "broken card": (lambda: with_metadata(card="{"), "broken model card"),
    "card of another kind": (lambda: with_metadata(card='{"name": 3}'), "broken model card"),
    "external data": (lambda: edited(external), "external data"),
    "external data in a branch": (lambda: edited(external_in_a_branch), "external data"),
    "custom domain": (lambda: custom_operator("Evil", "evil.corp"), "custom domain 'evil.corp'"),
    "custom opset only": (
        lambda: contract_model([], {}, model_card(), 1, [helper.make_opsetid("evil.corp", 1)]),
        "custom domain 'evil.corp'",
    ),
    "EPContext": (lambda: custom_operator("EPContext", "com.microsoft"), "EPContext"),
    "own functions": (
        lambda: edited(
            lambda m: m.functions.append(helper.make_function("", "f", ["x"], ["x"], [], [helper.make_opsetid("", 17)]))
        ),
        "model-local functions",
    ),
    "graphs too deep": (lambda: edited(deep), "nested deeper"),
    "unknown operator": (lambda: custom_operator("NoSuchOperator", ""), "cannot be loaded by onnxruntime"),
    "another output name": (lambda: shaped([1, 1, 6], "output0"), "declares output0"),
    "raw output": (raw_output, "where contract 1 says detections"),
    "another input size": (for_another_input, "cannot be loaded|where contract 1 says images"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_models_that_must_not_run_are_refused(tmp_path: Path, case: str) -> None:
    make, message = REFUSED[case]
    path = save(make(), tmp_path / "case.onnx")
    with pytest.raises(ModelError, match=message) as caught:
        Detector(path)
    assert str(path) in caught.value.message and caught.value.remedy


def test_the_batch_side_may_be_left_open(tmp_path: Path) -> None:
    model = shaped(["n", 1, 6])
    value = helper.make_tensor_value_info(INPUT_NAME, onnx.TensorProto.FLOAT, ["n", 3, SIDE_PX, SIDE_PX])
    model.graph.input[0].CopyFrom(value)
    assert len(Detector(save(model, tmp_path / "m.onnx")).detect(np.zeros((8, 8, 3), np.uint8))) == 1


def test_metadata_of_other_tools_does_not_disturb(tmp_path: Path) -> None:
    model = dark_model()
    model.metadata_props.add(key="author", value="é" * 2000)
    assert {p.key for p in model.metadata_props} >= {CONTRACT_KEY, CARD_KEY, "author"}
    assert Detector(save(model, tmp_path / "m.onnx")).card.name == "test"


def test_a_model_of_another_palette_is_refused(tmp_path: Path) -> None:
    card = model_card().model_copy(update={"palette": "heat"})
    with pytest.raises(ModelError, match="trained on pictures in the palette 'heat'; this version draws 'parcelsight-"):
        Detector(save(dark_model(card), tmp_path / "m.onnx"), device="cpu")


@pytest.mark.parametrize("temperature", ["Infinity", "1e300", "1e-300", "0", "-1", "NaN"])
def test_a_calibration_that_flattens_every_score_is_refused(tmp_path: Path, temperature: str) -> None:
    model = dark_model()
    (entry,) = [entry for entry in model.metadata_props if entry.key == CARD_KEY]
    entry.value = entry.value.replace('"temperature":1.0', f'"temperature":{temperature}')
    with pytest.raises(ModelError, match="broken model card .*temperature"):
        Detector(save(model, tmp_path / "m.onnx"), device="cpu")
