"""The letterbox in the graph: the same arithmetic as inference/letterbox.py and OpenCV, to the last bit of a pixel.

ONNX's own Resize interpolates in floating point; rounded to 8 bit it differs from OpenCV by one level in an eighth of
all pixels, which moved scores by up to 0.01. So OpenCV's fixed-point scheme (INTER_LINEAR of 8-bit pictures, weights of
11 bits) is spelled out in exact float arithmetic:

    weights  a = round(2048 · fraction), the two of a pixel sum to 2048
    across   s = floor((a0·p[x0] + a1·p[x1]) / 16)
    down     v = floor(b0·s[y0] / 65536) + floor(b1·s[y1] / 65536)
    level    floor((v + 2) / 4)

Only rows and columns that are needed are touched, so a large scan costs hardly more than a small one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .graph_builder import DOUBLE, FLOAT, INT64, UINT8, GraphBuilder

_WEIGHT_ONE = 2048.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Names of the letterbox's values in the graph; all (2,) int64 in the order height, width."""

    image: str
    """Sides of the scan."""
    content: str
    """Sides of what it covers in the square."""
    origin: str
    """Top and left of that."""


@dataclass(frozen=True, slots=True)
class _Taps:
    """The two source pixels of every target pixel along one axis, and what they weigh."""

    first: str
    second: str
    first_weight: str
    """(content,) float32."""
    second_weight: str


def add_letterbox(graph: GraphBuilder, pictures: str, side_px: int, *, planar: bool = False) -> tuple[str, Frame]:
    """Letterbox pictures of one size.

    Args:
        graph: gets the nodes.
        pictures: uint8 (B, H, W, 3), RGB.
        side_px: S of the network.
        planar: ``pictures`` are (B, 3, H, W) instead.

    Returns:
        Name of the float32 (B, 3, S, S) in 0…1, padded with air-white, and the letterbox.
    """
    height_axis = 2 if planar else 1
    sides = graph.add("Slice", graph.add("Shape", pictures), graph.int64([height_axis]), graph.int64([height_axis + 2]))
    frame = _fit(graph, sides, side_px)
    content = _resized(graph, pictures, frame, height_axis)
    behind = graph.add("Sub", graph.add("Sub", graph.int64([side_px, side_px]), frame.content), frame.origin)
    none = graph.int64([0, 0])
    pads = graph.add("Concat", none, frame.origin, none, behind, axis=0)
    square = graph.add("Pad", content, pads, graph.constant(np.array(255, np.uint8)))
    return graph.add("Div", graph.cast(square, FLOAT), graph.float32(255)), frame


def _fit(graph: GraphBuilder, image: str, side_px: int) -> Frame:
    """``max(1, round_half_even(side · S / longest))`` in whole numbers: floor((2·side·S + L) / 2L), even on a tie."""
    # An empty picture must end in an error of the engine, not in a division by zero, which would end the process.
    longest = graph.add("Max", graph.side(image, 0), graph.side(image, 1), graph.int64([1]))
    twice = graph.add("Mul", longest, graph.int64([2]))
    above = graph.add("Add", graph.add("Mul", image, graph.int64([2 * side_px])), longest)
    half_up = graph.add("Div", above, twice)
    tie = graph.cast(graph.add("Equal", graph.add("Mod", above, twice), graph.int64([0])), INT64)
    odd = graph.add("Mod", half_up, graph.int64([2]))
    content = graph.add("Max", graph.add("Sub", half_up, graph.add("Mul", tie, odd)), graph.int64([1]))
    origin = graph.add("Div", graph.add("Sub", graph.int64([side_px, side_px]), content), graph.int64([2]))
    return Frame(image, content, origin)


def _resized(graph: GraphBuilder, pictures: str, frame: Frame, height_axis: int) -> str:
    """uint8 (B, H, W, 3) or (B, 3, H, W) → uint8 (B, 3, h, w), the content of the square."""
    columns_first = [0, 2, 3, 1] if height_axis == 1 else [0, 3, 1, 2]
    down, across = _taps(graph, frame, 0), _taps(graph, frame, 1)
    a0, a1 = (
        graph.add("Reshape", graph.add("Div", weight, graph.float32(16)), graph.int64([-1, 1, 1]))
        for weight in (across.first_weight, across.second_weight)
    )
    halves = []
    for rows, weight in ((down.first, down.first_weight), (down.second, down.second_weight)):
        lines = graph.add("Gather", pictures, rows, axis=height_axis)
        # With the columns in front, taking some of them copies long runs instead of single pixels.
        columns = graph.add("Transpose", lines, perm=columns_first)  # (B, W, 3, h)
        left, right = (
            graph.add("Mul", graph.cast(graph.add("Gather", columns, places, axis=1), FLOAT), share)
            for places, share in ((across.first, a0), (across.second, a1))
        )
        line = graph.add("Floor", graph.add("Add", left, right))  # (B, w, 3, h)
        halves.append(graph.add("Floor", graph.add("Mul", line, graph.add("Div", weight, graph.float32(65536)))))
    total = graph.add("Add", graph.add("Add", *halves), graph.float32(2))
    content = graph.cast(graph.add("Floor", graph.add("Mul", total, graph.float32(0.25))), UINT8)
    return graph.add("Transpose", content, perm=[0, 2, 3, 1])


def _taps(graph: GraphBuilder, frame: Frame, axis: int) -> _Taps:
    """Where along an axis (0 down, 1 across) the pixels of the content come from.

    The place of pixel d in the source is ``(d + ½) · source / content - ½`` in double precision, taken as float32.
    Across, OpenCV lets a place beyond the edge be the edge pixel alone; down, it weighs the edge row with itself.
    """
    content, source = graph.side(frame.content, axis), graph.side(frame.image, axis)
    zero, one = graph.int64([0]), graph.int64([1])
    scalar = graph.int64([])
    steps = graph.add("Range", graph.int64(0), graph.add("Reshape", content, scalar), graph.int64(1))
    half = graph.constant(np.array(0.5, np.float64))
    inverse = graph.add("Div", graph.cast(content, DOUBLE), graph.cast(source, DOUBLE))
    scale = graph.add("Div", graph.constant(np.array(1.0, np.float64)), inverse)
    place = graph.add("Mul", graph.add("Add", graph.cast(steps, DOUBLE), half), scale)
    place = graph.cast(graph.add("Sub", place, half), FLOAT)
    below = graph.add("Floor", place)
    fraction = graph.add("Sub", place, below)
    index = graph.cast(below, INT64)
    last = graph.add("Sub", source, one)
    if axis == 1:
        beyond = graph.add("Or", graph.add("Less", index, zero), graph.add("GreaterOrEqual", index, last))
        fraction = graph.add("Where", beyond, graph.float32(0), fraction)
    weight = graph.add("Round", graph.add("Mul", fraction, graph.float32(_WEIGHT_ONE)))
    rest = graph.add("Sub", graph.float32(1), fraction)
    rest = graph.add("Round", graph.add("Mul", rest, graph.float32(_WEIGHT_ONE)))
    first, second = (
        graph.add("Max", graph.add("Min", each, last), zero) for each in (index, graph.add("Add", index, one))
    )
    return _Taps(first, second, rest, weight)
