"""The model card as a page for people, written from the card in the model and from saved evaluations alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..detector.card import Interval, ModelCard, OperatingPoint, PointName
from ..detector.taxonomy import TAXONOMY
from .categories import ANY_THREAT, Level
from .evaluation_parts import Change, FactorLevel
from .evaluation_result import CategoryScore, DataIdentity, Evaluation
from .factors import DESIGN, SEEN, UNSEEN

_FEWEST_OBJECTS = 10
"""A level of difficulty with fewer objects is not called a weakness: its figure says little."""
_WEAKEST = 3

_USE = """ParcelSight marks what may be a firearm, a part of one or ammunition in X-ray scans of postal and express
parcels, so that an operator looks there. It is meant for

- screening beside operators whose procedure decides on every parcel,
- research on, and comparison of, detectors for parcel scans,
- fine-tuning on a site's own annotated scans, followed by an evaluation on scans of that site."""

_SHOWN = {"grey": "in grey", "inverted": "in inverted grey", "air": "with air of another tone"}
"""How a rendering reads in a sentence."""

_OUT_OF_SCOPE = """- Clearing parcels: the model alone never does; no alarm is no statement that a parcel is harmless.
- Any threat besides the classes above: explosives, knives, drugs and others are benign to it.
- Baggage, cargo or body scanners, computed tomography, or scanners and sites it was not evaluated on.
- Identifying makes, calibres or people."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One saved evaluation and what its file is called on the page."""

    evaluation: Evaluation
    link: str


def card_page(card: ModelCard, model_sha256: str, sources: Sequence[Source]) -> str:
    """The page as Markdown.

    Args:
        card: of the model.
        model_sha256: of the model's file; evaluations of other weights are told to be that.
        sources: its evaluations.
    """
    parts = (
        f"# Model card: {_text(card.name)} {_text(card.version)}",
        "<!-- Written by `parcelsight card`; changes made by hand are lost. -->",
        _facts(card, model_sha256),
        "## Intended use",
        _USE,
        "## Out of scope",
        _OUT_OF_SCOPE,
        "## What it was taught with",
        _training(card),
        "## Operating points",
        _points(card),
        "## Calibration",
        _calibration(card, sources),
        "## Measured",
        _measured(sources, card, model_sha256),
        "## Known weaknesses",
        _weaknesses(sources),
    )
    return "\n\n".join(parts) + "\n"


def _facts(card: ModelCard, model_sha256: str) -> str:
    pitch = f"{card.pitch_mm:g} mm" if card.pitch_mm else "mixed or unknown"
    rows = (
        ("licence", _text(card.licence)),
        ("taxonomy", _text(card.taxonomy)),
        ("classes", ", ".join(f"{_text(spec.name)} ({spec.group})" for spec in card.classes)),
        ("input", f"{card.input_px} × {card.input_px} px, palette {_text(card.palette)}, pixel pitch {pitch}"),
        ("toolkit", _text(card.toolkit_version)),
        ("model file", f"sha256 `{model_sha256}`"),
        ("weights", f"sha256 `{card.weights_sha256}`"),
    )
    return _table(("", ""), rows)


def _training(card: ModelCard) -> str:
    rows = [(_text(data.name), str(data.scans), _text(data.licence)) for data in card.training_data]
    table = _table(("data set", "scans", "licence"), rows) if rows else "Not recorded."
    return f"{table}\n\nStart weights: {_text(card.start_weights)}."


def _points(card: ModelCard) -> str:
    points = card.operating_points or (card.operating_point,)
    head = ("point", "threshold", "false alarms, %", "parcels with threats alarmed, %", "objects found, %")
    lines = [
        "With 95 % Clopper–Pearson bounds; false alarms are threat-free parcels that raise any alarm. In service, "
        "expect up to the upper bound of the false alarms and down to the lower bound of what is found, and on other "
        "scanners more and less.",
        _table(head, [_point_row(point, card) for point in points]),
        f"Measured on: {_text(points[0].measured_on)}.",
    ]
    if any(not point.resolved for point in points):
        lines.append(
            "*Roughly placed*: fewer than five threat-free parcels alarmed above the threshold when it was chosen, so "
            "its budget may not be kept on others."
        )
    return "\n\n".join(lines)


def _point_row(point: OperatingPoint, card: ModelCard) -> Sequence[str]:
    thresholds = sorted(set(point.thresholds or (spec.threshold for spec in card.classes)))
    span = f"{thresholds[0]:.3f}" + (f" to {thresholds[-1]:.3f}" if len(thresholds) > 1 else "")
    name = _text(point.name) + ("" if point.resolved else " (*roughly placed*)")
    budget = "" if point.budget is None else f", for at most {100 * point.budget:g} %"
    rates = (point.false_alarm_rate, point.parcel_detection_rate, point.detection_rate)
    return name + budget, span, *(percent(rate, counted=True) for rate in rates)


def _calibration(card: ModelCard, sources: Sequence[Source]) -> str:
    lines = []
    if card.calibration:
        told = card.calibration
        lines.append(
            f"Temperatures by class, fitted by log loss: {', '.join(_temperatures(card))}. Expected calibration error "
            f"{percent(told.before)} % before, {percent(told.after)} % with them, on {_text(told.measured_on)}."
        )
    else:
        lines.append("No temperatures were fitted: scores are the network's own.")
    rows = [
        (
            _set_name(source.evaluation.data),
            percent(source.evaluation.reliability.error),
            str(source.evaluation.reliability.detections),
        )
        for source in sources
        if source.evaluation.reliability
    ]
    if rows:
        lines.append(_table(("measured on", "expected calibration error, %", "detections"), rows))
    return "\n\n".join(lines)


def _temperatures(card: ModelCard) -> Iterator[str]:
    yield from (f"{_text(spec.name)} {spec.temperature:.2f}" for spec in card.classes)


def _measured(sources: Sequence[Source], card: ModelCard, model_sha256: str) -> str:
    if not sources:
        return "No saved evaluation was given."
    parts = [_evaluation(source, card, model_sha256) for source in sources]
    return "\n\n".join([*parts, *_seen_against_unseen(sources)])


def _seen_against_unseen(sources: Sequence[Source]) -> Iterator[str]:
    """How much is lost on designs that took no part in training, where one set holds those alone and another none.

    The sets are independent, so the interval of the difference follows from theirs (Zou & Donner, Statist. Med. 27,
    2008, eq. 3).
    """
    told = {name: [source for source in sources if _designs(source) == {name}] for name in (SEEN, UNSEEN)}
    for seen in told[SEEN]:
        for unseen in told[UNSEEN]:
            a, b = (_mean_ap50(source.evaluation) for source in (seen, unseen))
            if a is None or b is None:
                continue
            drop = a.value - b.value
            low = drop - float(np.hypot(a.value - a.low, b.high - b.value))
            high = drop + float(np.hypot(a.high - a.value, b.value - b.low))
            yield (
                f"From seen designs ({_set_name(seen.evaluation.data)}) to designs never seen "
                f"({_set_name(unseen.evaluation.data)}) the mean AP50 over classes falls by {100 * drop:.1f} "
                f"({100 * low:.1f} to {100 * high:.1f}) points."
            )


def _designs(source: Source) -> set[str]:
    return {level.level for level in source.evaluation.factors if level.factor == DESIGN}


def _mean_ap50(result: Evaluation) -> Interval | None:
    return next((score.ap50 for score in result.scores if score.level is Level.MEAN), None)


def _evaluation(source: Source, card: ModelCard, model_sha256: str) -> str:
    """One set: what it is, its operating points, and a line a class and group."""
    result = source.evaluation
    data = result.data
    lines = [
        f"### {_set_name(data)}",
        f"{result.parcels} parcels ({result.scored_scans} scans of {data.groups} groups), {result.threat_free_parcels} "
        f"threat-free; licence: {_text(data.licence)}; [{source.link}]({source.link}). Labels sha256 "
        f"`{data.manifest_sha256[:16]}…`, files sha256 `{(data.files_sha256 or 'not taken')[:16]}…`.",
    ]
    same = card.weights_sha256 == result.model.weights_sha256 or model_sha256 == result.model.sha256
    if not same:
        lines.append(f"**Measured with another model** (file sha256 `{_text(result.model.sha256[:16])}…`).")
    if result.operating_point:
        lines.append(f"Thresholds from {_text(result.operating_point.chosen_on)}.")
    lines += [_table(*_scores(result)), *_changes(result)]
    lines += [f"- {_text(note)}." for note in result.notes]
    return "\n\n".join(lines)


def _scores(result: Evaluation) -> tuple[Sequence[str], list[Sequence[str]]]:
    """The table of an evaluation."""
    names = [point.name for point in result.points]
    head = ("%, with 95 % interval", "objects", "AP50", "AP50-95", *(f"found, {name}" for name in names))
    rows: list[Sequence[str]] = []
    for score in result.scores:
        if score.objects:
            found = {each.point: each.objects for each in score.recalls}
            rows.append(
                (
                    _category(score),
                    str(score.objects),
                    percent(score.ap50),
                    percent(score.ap50_95),
                    *(percent(found.get(name)) for name in names),
                )
            )
    for title, rate_of in (("parcels with threats alarmed", "parcel_recall"), ("false alarms", "false_alarm_rate")):
        if result.points:
            rates = [getattr(point, rate_of) for point in result.points]
            n = str(rates[0].n) if rates[0] else "0"
            rows.append((f"**{title}**, of parcels", n, "", "", *(percent(rate) for rate in rates)))
    return head, rows


def _category(score: CategoryScore) -> str:
    return f"*{score.name}* (group)" if score.level is Level.GROUP else _text(score.name)


def _changes(result: Evaluation) -> Iterator[str]:
    """What other colours change, a sentence each."""
    for mirror in result.mirrors:
        lines = {line.name: line for line in mirror.lines}
        told = lines.get("mean of classes") or lines.get(ANY_THREAT)
        anything = lines.get(ANY_THREAT)
        if told is None or anything is None:
            continue
        recall = f"; threats found change by {_change(anything.object_recall_change)}" if anything.object_recall else ""
        shown = _SHOWN.get(mirror.rendering, _text(mirror.rendering))
        yield (
            f"The same scans {shown}: AP50 ({_text(told.name)}) changes by {_change(told.ap50_change)}{recall}; "
            f"false alarms by {_change(mirror.false_alarm_change)} points."
        )


def _weaknesses(sources: Sequence[Source]) -> str:
    """The worst classes and factors of each set, by their numbers."""
    lines: list[str] = []
    for source in sources:
        result = source.evaluation
        name = _set_name(result.data)
        by_class = [score for score in result.scores if score.level is Level.CLASS and score.ap50]
        worst = sorted(by_class, key=lambda score: score.ap50.value if score.ap50 else 1)[:_WEAKEST]
        if worst:
            told = ", ".join(f"{_text(score.name)} {percent(score.ap50)}" for score in worst)
            lines.append(f"- **{name}**, lowest AP50 by class: {told}.")
        for level in sorted(_weak_levels(result), key=_balanced)[:_WEAKEST]:
            lines.append(
                f"- **{name}**, {_text(level.factor)} {_text(level.level)}: {percent(_rate(level))} % of "
                f"{level.objects} threats found at the balanced point."
            )
        confused = _most_confused(result)
        if confused:
            lines.append(f"- **{name}**, most often called something else: {confused}.")
    return "\n".join(lines) or "No saved evaluation was given, so none is known; that is not to say there is none."


def _weak_levels(result: Evaluation) -> Iterator[FactorLevel]:
    """Levels of enough objects that are found less often than threats are on the whole, beyond their interval."""
    whole = result.score(ANY_THREAT).object_recall
    for level in result.factors:
        rate = _rate(level)
        if level.objects >= _FEWEST_OBJECTS and rate and whole and rate.high < whole.value:
            yield level


def _rate(level: FactorLevel) -> Interval | None:
    """At the balanced point, or the first one there is."""
    rates = {str(point): rate for point, rate in level.found.items()}
    return rates.get(PointName.BALANCED) or next(iter(rates.values()), None)


def _balanced(level: FactorLevel) -> float:
    rate = _rate(level)
    return rate.value if rate else 1.0


def _most_confused(result: Evaluation) -> str:
    """The pairs of classes that are most often taken for one another."""
    told = result.confusion
    if told is None:
        return ""
    pairs = [
        (count, row, column)
        for row, counts in zip(told.rows[:-1], told.counts[:-1], strict=True)
        for column, count in zip(told.columns[:-1], counts[:-1], strict=True)
        if count and row != column and not TAXONOMY.is_group_label(row)
    ]
    worst = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:_WEAKEST]
    return ", ".join(f"{_text(row)} as {_text(column)} ({count})" for count, row, column in worst)


def percent(rate: Interval | None, counted: bool = False) -> str:
    """A rate with its interval in per cent, and what it was measured on."""
    if rate is None:
        return "–"
    n = f", n = {rate.n}" if counted else ""
    return f"{100 * rate.value:.1f} ({100 * rate.low:.1f}–{100 * rate.high:.1f}){n}"


def _change(change: Change | None) -> str:
    if change is None:
        return "an unknown number of"
    value, low, high = (round(100 * each, 1) + 0.0 for each in (change.value, change.low, change.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _set_name(data: DataIdentity) -> str:
    return f"{_text(data.name)}, {'all scans' if data.split == 'all' else f'split {_text(data.split)}'}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Names come from strangers: on one line, without what Markdown or HTML would take for its own."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*[]|<>#" else c for c in flat)
