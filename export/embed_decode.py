"""The decoding in the graph: network rows → boxes in the scan's pixels above their thresholds, as in the runtime."""

from __future__ import annotations

import numpy as np

from ..detector.calibration import LOGIT_EPS
from ..detector.card import ModelCard
from ..detector.embed_contract import BATCH_INDEX_NAME, BOXES_NAME, LABELS_NAME, SCORES_NAME
from .embed_letterbox import Frame
from .graph_builder import FLOAT, INT64, GraphBuilder


def add_decoding(
    graph: GraphBuilder, rows: str, frame: Frame, card: ModelCard, threshold_scale: str, *, batch: bool
) -> None:
    """Make the outputs.

    Whatever is not a number stays in the outputs rather than being dropped: a broken model is seen, never silent.

    Args:
        graph: gets the nodes.
        rows: float32 (B, K, 6) x1 y1 x2 y2 in pixels of the square, score, class.
        frame: the letterbox.
        card: thresholds and temperatures.
        threshold_scale: a float32 scalar.
        batch: also tell whose picture a detection is of.
    """
    labels = graph.cast(graph.add("Round", _column(graph, rows, 5)), INT64)  # (B, K)
    scores = _calibrated(graph, _column(graph, rows, 4), labels, card)
    best_first = _order(graph, scores)  # (B·K,)
    boxes = _scan_boxes(graph, _taken(graph, rows, best_first, [-1, 6]), frame)
    scores, labels = (_taken(graph, values, best_first, [-1]) for values in (scores, labels))
    sizes = _width_height(graph, frame.image)
    thresholds = graph.constant(np.array([spec.threshold for spec in card.classes], np.float32))
    threshold = graph.add("Mul", graph.add("Gather", thresholds, labels, axis=0), threshold_scale)
    dropped = graph.add("Or", _outside(graph, boxes, sizes), graph.add("Less", scores, threshold))
    # Not Compress, which does the same: OpenCV's importer does not know it.
    kept = graph.add("Reshape", graph.add("NonZero", graph.add("Not", dropped)), graph.int64([-1]))
    corners = graph.add("Concat", sizes, sizes, axis=0)
    clipped = graph.add("Min", graph.add("Max", boxes, graph.float32(0)), corners)
    graph.add("Gather", clipped, kept, axis=0, named=BOXES_NAME)
    graph.add("Gather", scores, kept, axis=0, named=SCORES_NAME)
    graph.add("Gather", labels, kept, axis=0, named=LABELS_NAME)
    if batch:
        per_picture = graph.side(graph.add("Shape", rows), 1)
        picture = graph.add("Div", best_first, per_picture)  # the order stays within pictures
        graph.add("Gather", picture, kept, axis=0, named=BATCH_INDEX_NAME)


def _column(graph: GraphBuilder, rows: str, index: int) -> str:
    """(B, K) of (B, K, 6)."""
    return graph.add("Gather", rows, graph.int64(index), axis=2)


def _taken(graph: GraphBuilder, values: str, order: str, shape: list[int]) -> str:
    """Values (B, K, …) laid out as ``shape`` and put in order (B·K,)."""
    return graph.add("Gather", graph.add("Reshape", values, graph.int64(shape)), order, axis=0)


def _calibrated(graph: GraphBuilder, scores: str, labels: str, card: ModelCard) -> str:
    """detector/calibration.py in the graph: sigmoid(logit(score) / temperature), temperature 1 unchanged."""
    temperatures = np.array([spec.temperature for spec in card.classes], np.float32)
    if (temperatures == 1).all():
        return scores
    temperature = graph.add("Gather", graph.constant(temperatures), labels, axis=0)
    bounded = graph.add("Clip", scores, graph.float32(LOGIT_EPS), graph.float32(1 - LOGIT_EPS))
    against = graph.add("Log", graph.add("Sub", graph.float32(1), bounded))
    logit = graph.add("Sub", graph.add("Log", bounded), against)
    scaled = graph.add("Sigmoid", graph.add("Div", logit, temperature))
    unchanged = graph.add("Or", graph.add("Equal", temperature, graph.float32(1)), graph.add("IsNaN", scores))
    return graph.add("Where", unchanged, scores, scaled)


def _order(graph: GraphBuilder, scores: str) -> str:
    """(B·K,) places of the rows, picture by picture, best first."""
    shape = graph.add("Shape", scores)
    pictures, per_picture = graph.side(shape, 0), graph.side(shape, 1)
    _, best = graph.add_many("TopK", scores, per_picture, outputs=2, axis=1, largest=1, sorted=1)
    until = graph.add("Reshape", pictures, graph.int64([]))
    picture = graph.add("Range", graph.int64(0), until, graph.int64(1))
    start = graph.add("Unsqueeze", graph.add("Mul", picture, per_picture), graph.int64([1]))  # (B, 1)
    return graph.add("Reshape", graph.add("Add", best, start), graph.int64([-1]))


def _scan_boxes(graph: GraphBuilder, rows: str, frame: Frame) -> str:
    """Rows (n, 6) in pixels of the square → float32 boxes (n, 4) in the scan's pixels, corners in order."""
    origin, content, image = (_width_height(graph, sides) for sides in (frame.origin, frame.content, frame.image))
    scale = graph.add("Div", content, image)
    one = graph.int64([1])
    corners = []
    for start in (0, 2):
        square = graph.add("Slice", rows, graph.int64([start]), graph.int64([start + 2]), one)
        corners.append(graph.add("Div", graph.add("Sub", square, origin), scale))
    low, high = graph.add("Min", *corners), graph.add("Max", *corners)
    return graph.add("Concat", low, high, axis=1)


def _outside(graph: GraphBuilder, boxes: str, sizes: str) -> str:
    """(n,) true for boxes that lie wholly in the padding: they claim nothing about the scan."""
    one = graph.int64([1])
    low = graph.add("Slice", boxes, graph.int64([0]), graph.int64([2]), one)
    high = graph.add("Slice", boxes, graph.int64([2]), graph.int64([4]), one)
    beyond = graph.add("Or", graph.add("LessOrEqual", high, graph.float32(0)), graph.add("GreaterOrEqual", low, sizes))
    return graph.add("Or", *(graph.add("Gather", beyond, graph.int64(axis), axis=1) for axis in (0, 1)))


def _width_height(graph: GraphBuilder, height_width: str) -> str:
    """(2,) float32 in the order of x and y."""
    return graph.cast(graph.add("Gather", height_width, graph.int64([1, 0]), axis=0), FLOAT)
