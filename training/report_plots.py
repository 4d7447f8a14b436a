"""The plots of a report as SVG text: no files, no network, the same bytes for the same figures."""

from __future__ import annotations

from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .categories import ANY_THREAT
from .evaluation_result import Evaluation
from .metrics import RECALL_POINTS

_SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "parcelsight", "font.family": "sans-serif", "font.size": 10}
_COLOURS = {
    ANY_THREAT: "#111827",
    "firearm": "#b91c1c",
    "part": "#1d4ed8",
    "associated": "#7c3aed",
    "ammunition": "#b45309",
}


def precision_recall_plot(result: Evaluation) -> str:
    """Precision over recall: any threat and groups at the left, classes at the right."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    tones = [matplotlib.colormaps["tab20"](i) for i in range(20)]
    by_class = [curve for curve in result.precision_recall if curve.name not in _COLOURS]
    for curve in result.precision_recall:
        if curve.name in _COLOURS:
            left.plot(RECALL_POINTS, curve.precision, color=_COLOURS[curve.name], label=curve.name)
    for curve, tone in zip(by_class, tones, strict=False):
        right.plot(RECALL_POINTS, curve.precision, color=tone, label=curve.name)
    for axes, title in ((left, "any threat and groups"), (right, "classes")):
        _decorate(axes, title, "recall", "precision")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
    return _svg(figure)


def froc_plot(result: Evaluation) -> str:
    """Objects found over false alarms in a threat-free parcel."""
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    for curve in result.froc:
        axes.plot(curve.false_alarms, curve.recall, color=_COLOURS.get(curve.name), label=curve.name, marker=".")
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_xlim(left=0)
    axes.set_xticks([0, 0.01, 0.1, 1, 10], ["0", "0.01", "0.1", "1", "10"])
    axes.set_ylim(0, 1.02)
    _decorate(axes, "", "false alarms in a threat-free parcel", "objects found")
    return _svg(figure)


def reliability_plot(result: Evaluation) -> str:
    """The share of detections that are right over their score, and how many there are."""
    told = result.reliability
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    bins = told.bins if told else ()
    axes.plot([0, 1], [0, 1], color="#9ca3af", linestyle="--", label="scores mean what they say")
    axes.plot([b.confidence for b in bins], [b.precision for b in bins], marker="o", color="#1d4ed8", label="measured")
    _decorate(axes, "", "", "share that is right")
    axes.set_ylim(0, 1.02)
    middle = [(b.low + b.high) / 2 for b in bins]
    counts.bar(middle, [b.detections for b in bins], width=0.09, color="#93c5fd")
    counts.set_yscale("log")
    _decorate(counts, "", "score", "detections", legend=False)
    axes.set_xlim(0, 1)
    return _svg(figure)


def recall_plot(result: Evaluation) -> str:
    """Objects found of each class and group at the operating points, with intervals."""
    lines = [score for score in result.scores if score.recalls]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(lines))
    for shift, (point, tone) in enumerate(zip(result.points, ("#1e3a8a", "#3b82f6", "#93c5fd"), strict=False)):
        found = [next(each.objects for each in line.recalls if each.point == point.name) for line in lines]
        values = np.array([each.value for each in found])
        spans = np.array([[each.value - each.low, each.high - each.value] for each in found]).reshape(-1, 2).T
        at = places + (shift - 1) * 0.26
        axes.bar(at, values, width=0.24, color=tone, label=str(point.name))
        axes.errorbar(at, values, yerr=np.clip(spans, 0, None), fmt="none", ecolor="#374151", elinewidth=0.8)
    axes.set_xticks(places, [line.name.replace("_", " ") for line in lines], rotation=35, ha="right")
    axes.set_ylim(0, 1.02)
    _decorate(axes, "", "", "objects found")
    return _svg(figure)


def _decorate(axes: Any, title: str, x: str, y: str, legend: bool = True) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="x-small", frameon=False)


def _svg(figure: Figure) -> str:
    """The <svg> element alone."""
    stream = StringIO()
    with matplotlib.rc_context(_SETTINGS):
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
