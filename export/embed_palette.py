"""The canonical palette in the graph: 16-bit dual-energy pixels → the runtime's colours, by its own tables."""

from __future__ import annotations

import numpy as np

from ..datasets.canonical import palette_tables
from ..datasets.scan import AIR_LEVEL
from .graph_builder import DOUBLE, INT32, INT64, GraphBuilder

_LEVELS = 65_536


def add_palette(graph: GraphBuilder, image: str, air_level: str) -> str:
    """Colour a dual-energy scan as datasets/canonical.py does, level by level.

    Args:
        graph: gets the nodes.
        image: uint16 (H, W, 2), low and high energy.
        air_level: float32 scalar, the level of unattenuated beam.

    Returns:
        Name of the uint8 (1, 3, H, W) picture: planes, because three look-ups of a byte cost less than one of three.
    """
    low_steps, high_steps, packed = palette_tables()
    colours = packed.view(np.uint8).reshape(-1, 4)  # red, green, blue, nothing
    planes = graph.add("Transpose", image, perm=[2, 0, 1])
    rescaled = _rescaled_levels(graph, air_level)
    flat = graph.int64([-1])
    places = []
    for channel, steps in enumerate((low_steps, high_steps)):
        # GatherElements along one flat axis is several times faster than Gather of single values.
        table = graph.add("GatherElements", graph.constant(steps.astype(np.int32)), rescaled, axis=0)
        level = graph.add("Reshape", graph.add("Gather", planes, graph.int64(channel), axis=0), flat)
        places.append(graph.add("GatherElements", table, graph.cast(level, INT32), axis=0))
    place = graph.add("Add", *places)
    channels = [
        graph.add("GatherElements", graph.constant(np.ascontiguousarray(colours[:, channel])), place, axis=0)
        for channel in range(3)
    ]
    sides = graph.add("Slice", graph.add("Shape", image), graph.int64([0]), graph.int64([2]))
    shape = graph.add("Concat", graph.int64([1, 3]), sides, axis=0)
    return graph.add("Reshape", graph.add("Concat", *channels, axis=0), shape)


def _rescaled_levels(graph: GraphBuilder, air_level: str) -> str:
    """(65536,) int32: what each level is once air is at AIR_LEVEL, as datasets/levels.py rounds it."""
    impossible = graph.cast(graph.add("Not", graph.add("Greater", air_level, graph.float32(0))), INT64)
    # There is no second entry: an impossible air level ends in an error of the engine, not in a picture of air.
    ours = graph.add("Gather", graph.constant(np.array([AIR_LEVEL], np.float64)), impossible, axis=0)
    factor = graph.add("Div", ours, graph.cast(air_level, DOUBLE))
    levels = graph.cast(graph.add("Range", graph.int64(0), graph.int64(_LEVELS), graph.int64(1)), DOUBLE)
    scaled = graph.add("Round", graph.add("Mul", levels, factor))
    top = graph.constant(np.array(_LEVELS - 1, np.float64))
    return graph.cast(graph.add("Min", scaled, top), INT32)
