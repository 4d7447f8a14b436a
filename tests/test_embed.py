"""Embed models: the same claims as the runtime from the raw picture, for every shape, scale and way to call them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, ScanKind
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.detections import Detections
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ModelError
from parcelsight.export.embed import embed_bytes
from parcelsight.export.embed_letterbox import add_letterbox
from parcelsight.export.embed_parity import batch_parity, colour_parity, dual_parity
from parcelsight.export.embed_session import EmbedSession
from parcelsight.export.graph_builder import GraphBuilder
from parcelsight.export.parity import Picture
from parcelsight.export.pictures import generated_pictures
from parcelsight.export.reference import letterboxed
from parcelsight.inference.detector import Detector
from parcelsight.inference.onnxruntime import ort
from parcelsight.inference.verification import verify_model
from tests.models import SIDE_PX, Row, constant_model, dark_model, model_card, save

SAMPLES = Path(__file__).resolve().parents[1] / "datasets" / "samples"


def embedded(model: onnx.ModelProto, kind: EmbedKind = EmbedKind.SINGLE) -> EmbedSession:
    return EmbedSession(embed_bytes(model.SerializeToString(), kind))


def same(first: Detections, second: Detections, px: float = 2e-3) -> None:
    assert first.class_id.tolist() == second.class_id.tolist()
    np.testing.assert_allclose(first.score, second.score, atol=1e-5)
    np.testing.assert_allclose(first.xyxy_px, second.xyxy_px, atol=px)


# --- the letterbox


@pytest.fixture(scope="module")
def letterbox() -> ort.InferenceSession:
    """The letterbox alone, of a square of SIDE_PX."""
    graph = GraphBuilder("test/")
    squares, frame = add_letterbox(graph, "pictures", SIDE_PX)
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["N", "H", "W", 3])
    outputs = [
        helper.make_tensor_value_info(squares, TensorProto.FLOAT, ["N", 3, SIDE_PX, SIDE_PX]),
        helper.make_tensor_value_info(frame.content, TensorProto.INT64, [2]),
    ]
    made = helper.make_graph(graph.nodes, "test", [pictures], outputs, graph.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_the_letterbox_is_that_of_the_runtime_to_the_pixel(
    letterbox: ort.InferenceSession, height: int, width: int, seed: int
) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    square = letterbox.run(None, {"pictures": rgb[None]})[0][0]
    levels = np.rint(square * 255) - np.rint(letterboxed(rgb, SIDE_PX) * 255)
    assert np.abs(levels).max() <= 1, "one level, where two roundings of the same number fall apart"
    assert (levels != 0).mean() <= 1e-3


@pytest.mark.parametrize(
    ("height", "width", "content"),
    [
        pytest.param(128, 1, (64, 1), id="half a pixel is a pixel"),
        pytest.param(1, 4000, (1, 64), id="a line"),
        pytest.param(5, 128, (2, 64), id="a tie goes down to even"),
        pytest.param(7, 128, (4, 64), id="a tie goes up to even"),
        pytest.param(2**24 + 1, 1, (64, 1), id="a side beyond what float32 counts"),
    ],
)
def test_sides_are_rounded_as_the_runtime_rounds_them(
    letterbox: ort.InferenceSession, height: int, width: int, content: tuple[int, int]
) -> None:
    rgb = np.zeros((1, height, width, 3), np.uint8)
    assert tuple(letterbox.run(None, {"pictures": rgb})[1]) == content


# --- the whole, on a model of known answers


@pytest.mark.parametrize(
    ("width", "height"),
    [
        pytest.param(64, 64, id="as the input"),
        pytest.param(300, 120, id="landscape"),
        pytest.param(120, 300, id="portrait"),
        pytest.param(333, 517, id="odd sides"),
        pytest.param(20, 20, id="tiny"),
        pytest.param(4000, 3000, id="large"),
    ],
)
def test_a_dark_object_is_found_where_the_runtime_finds_it(tmp_path: Path, width: int, height: int) -> None:
    rgb = np.full((height, width, 3), 250, np.uint8)
    rgb[height // 4 : height // 2, width // 3 : 2 * width // 3] = 10
    model = dark_model()
    found = embedded(model).detect(rgb)
    assert len(found) == 1
    same(found, Detector(save(model, tmp_path / "dark.onnx")).detect(rgb), px=1e-5 * max(width, height) + 1e-3)


ROWS: list[Row] = [
    (10, 20, 30, 40, 0.6, 0),
    (5, 25, 20, 35, 0.9, 1),
    (30, 40, 10, 20, 0.55, 0),  # corners crossed
    (-20, 20, 90, 50, 0.7, 1),  # beyond the scan
    (1, 1, 60, 10, 0.8, 0),  # in the padding above it
    (12, 22, 28, 38, 0.3, 0),
    (12, 22, 28, 38, 0.3, 1),
]


@pytest.mark.parametrize(
    ("thresholds", "temperatures", "kept"),
    [
        pytest.param((0.5, 0.5), (1, 1), 4, id="one threshold"),
        pytest.param((0.58, 0.75), (1, 1), 2, id="a threshold a class"),
        pytest.param((0.25, 0.95), (1, 1), 3, id="one class nearly off"),
        pytest.param((0.5, 0.5), (2.5, 1), 4, id="one class calibrated"),
        pytest.param((0.42, 0.62), (0.5, 3.0), 3, id="order changed by calibration"),
        pytest.param((0.0, 0.0), (1, 1), 6, id="everything"),
    ],
)
def test_thresholds_calibration_and_order_are_the_runtime_s(
    tmp_path: Path, thresholds: tuple[float, float], temperatures: tuple[float, float], kept: int
) -> None:
    model = constant_model(ROWS, model_card(thresholds, temperatures))
    rgb = np.full((100, 200, 3), 255, np.uint8)
    found = embedded(model).detect(rgb)
    assert len(found) == kept
    assert (np.diff(found.score) <= 0).all()
    same(found, Detector(save(model, tmp_path / "c.onnx")).detect(rgb))


@pytest.mark.parametrize(
    ("scale", "kept"),
    [
        pytest.param(None, 4, id="not given"),
        pytest.param(1.0, 4, id="one"),
        pytest.param(1.5, 1, id="stricter"),
        pytest.param(0.5, 6, id="more sensitive"),
        pytest.param(0.0, 6, id="everything"),
        pytest.param(float("nan"), 6, id="not a number keeps, never drops"),
    ],
)
def test_threshold_scale_multiplies_every_threshold(scale: float | None, kept: int) -> None:
    model = constant_model(ROWS, model_card((0.5, 0.5)))
    assert len(embedded(model).detect(np.full((100, 200, 3), 255, np.uint8), scale)) == kept


def test_scores_that_are_no_numbers_are_seen() -> None:
    model = constant_model([(1, 1, 9, 9, float("nan"), 0)], model_card((0.5, 0.5), (2.0, 2.0)))
    with pytest.raises(ValueError, match="not finite"):
        embedded(model).detect(np.zeros((64, 64, 3), np.uint8))


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_a_picture_without_pixels_ends_in_an_error(shape: tuple[int, int, int]) -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        embedded(dark_model()).detect(np.zeros(shape, np.uint8))


# --- the file


@pytest.mark.parametrize("kind", EmbedKind)
def test_the_file_is_closed_standard_and_the_same_each_time(kind: EmbedKind, tmp_path: Path) -> None:
    network = dark_model().SerializeToString()
    content = embed_bytes(network, kind)
    assert embed_bytes(network, kind) == content
    path = tmp_path / f"dark{kind.suffix}"
    path.write_bytes(content)
    checked = verify_model(path)
    assert (checked.contract, checked.card) == (kind.value, model_card())
    model = onnx.load_from_string(content)
    assert {node.domain for node in model.graph.node} == {""}
    assert [opset.version <= 18 for opset in model.opset_import] == [True]
    assert model.ir_version >= 4, "before, an initializer could not be overridden"


def test_only_the_picture_has_to_be_given() -> None:
    session = ort.InferenceSession(
        embed_bytes(dark_model().SerializeToString(), EmbedKind.DUAL), providers=["CPUExecutionProvider"]
    )
    assert [value.name for value in session.get_inputs()] == ["image"]
    assert [value.name for value in session.get_overridable_initializers()] == ["threshold_scale", "air_level"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"PK\x03\x04 a checkpoint", "thing.onnx is not an ONNX model", id="no ONNX"),
        pytest.param(
            embed_bytes(dark_model().SerializeToString(), EmbedKind.SINGLE), "speaks contract 'embed-1'", id="embedded"
        ),
    ],
)
def test_what_is_no_contract_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        embed_bytes(content, EmbedKind.SINGLE, "thing.onnx")


# --- the shipped model (benchmarks/embed_parity.py is the long form)


@pytest.fixture(scope="module")
def runtime() -> Detector:
    return Detector(SHIPPED_MODEL, device="cpu")


def sample_pictures() -> list[Picture]:
    return [Picture(path.name, read_scan(path).pixels) for path in sorted(SAMPLES.glob("*.jpg"))[:2]]


@cache
def shipped(kind: EmbedKind) -> EmbedSession:
    return EmbedSession(embed_bytes(SHIPPED_MODEL.read_bytes(), kind))


def test_the_shipped_model_says_the_same_embedded(runtime: Detector) -> None:
    session = shipped(EmbedKind.SINGLE)
    results = [colour_parity(runtime, session, each) for each in (*sample_pictures(), *generated_pictures()[1::5])]
    assert [each.name for each in results if each.unmatched or each.flipped] == []
    assert max(each.worst_score_difference for each in results) <= 2e-4, "a tenth of what is promised"
    assert min(each.compared for each in results) >= 10


def test_a_picture_says_the_same_in_a_batch(runtime: Detector) -> None:
    first = sample_pictures()[0]
    turned = Picture("turned", np.ascontiguousarray(first.rgb[::-1, ::-1]))
    white = Picture("nothing", np.full_like(first.rgb, 255))
    results = batch_parity(runtime, shipped(EmbedKind.BATCH), [first, white, turned])
    assert [each.name for each in results if each.unmatched] == []


def levels_of(name: str) -> NDArray[np.uint16]:
    scan = read_scan(SAMPLES / name)
    assert scan.kind is ScanKind.DUAL_ENERGY
    return np.asarray(scan.pixels, np.uint16)


@pytest.mark.parametrize(
    "air_level",
    [
        pytest.param(None, id="ours"),
        pytest.param(65_535.0, id="16 bit"),
        pytest.param(4_095.0, id="12 bit"),
    ],
)
def test_dual_energy_is_coloured_as_the_runtime_colours_it(runtime: Detector, air_level: float | None) -> None:
    session = shipped(EmbedKind.DUAL)
    for name in ("parcel-01.tif", "parcel-03.tif"):
        levels = levels_of(name)
        scaled = np.clip(np.rint(levels * ((air_level or AIR_LEVEL) / AIR_LEVEL)), 0, 65_535).astype(np.uint16)
        result = dual_parity(runtime, session, name, scaled, air_level)
        assert result.unmatched == 0 and result.worst_score_difference <= 2e-4


@pytest.mark.parametrize("air_level", [0.0, -1.0, float("nan")])
def test_an_impossible_air_level_ends_in_an_error(air_level: float) -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        embedded(dark_model(), EmbedKind.DUAL).detect(np.ones((8, 8, 2), np.uint16), air_level=air_level)
