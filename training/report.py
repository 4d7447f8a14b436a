"""An evaluation as one HTML file to read and to hand on: plots and pictures are in it, nothing is fetched.

Names of data sets, scans, labels and models come from strangers: everything that is not a number is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ..detector.card import Interval, PointName
from .categories import ANY_THREAT, Level
from .evaluation_parts import Change, ExampleKind, FactorLevel
from .evaluation_result import DataIdentity, Evaluation
from .operating_points import ThresholdRule
from .report_pictures import Pictures
from .report_plots import froc_plot, precision_recall_plot, recall_plot, reliability_plot
from .report_style import STYLE

Cell = str
_POINTS = "at most {:g} % of threat-free parcels alarm"


def report_html(result: Evaluation, pictures: Pictures) -> str:
    """The whole report.

    Args:
        result: the evaluation.
        pictures: of its examples.
    """
    body = "\n".join(
        part
        for part in (
            _head(result),
            _headline(result),
            _points(result),
            _classes(result),
            _section("Precision and recall", "Precision over recall at IoU 0.5.", precision_recall_plot(result)),
            _false_alarms(result),
            _calibration(result),
            _confusion(result),
            _factors(result),
            _mirrors(result),
            _examples(result, pictures),
            _identity(result),
        )
        if part
    )
    title = escape(f"{result.model.name} on {result.data.name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def percent(rate: Interval | None) -> Cell:
    """A rate with its interval in per cent."""
    if rate is None:
        return "–"
    return f"<b>{100 * rate.value:.1f}</b> <small>{100 * rate.low:.1f}–{100 * rate.high:.1f}</small>"


def _head(result: Evaluation) -> str:
    data = result.data
    split = "all scans" if data.split == "all" else f"split {data.split}"
    return (
        f"<header><p class=kicker>ParcelSight evaluation</p><h1>{escape(result.model.name)}</h1>"
        f"<p>measured on <b>{escape(data.name)}</b>, {escape(split)}: {result.parcels} parcels "
        f"({result.scored_scans} scans, {data.groups} groups), {result.threat_free_parcels} of them threat-free. "
        "Figures are per cent; the small span is the 95 % interval.</p></header>"
    )


def _headline(result: Evaluation) -> str:
    """The figures a reader looks for first."""
    anything = result.score(ANY_THREAT)
    mean = next((score for score in result.scores if score.level is Level.MEAN), None)
    balanced = next((point for point in result.points if point.name == PointName.BALANCED), None)
    tiles = [
        ("AP50, mean of classes", mean.ap50 if mean else None),
        ("AP50, any threat", anything.ap50),
        ("threats found, balanced", balanced.object_recall if balanced else None),
        ("parcels with threats that alarm", balanced.parcel_recall if balanced else None),
        ("false alarms, threat-free parcels", balanced.false_alarm_rate if balanced else None),
        ("calibration error", result.reliability.error if result.reliability else None),
    ]
    shown = "".join(f"<div class=tile><span>{name}</span>{percent(rate)}</div>" for name, rate in tiles if rate)
    notes = "".join(f"<li>{escape(note)}.</li>" for note in _limits(result))
    return f"<section><div class=tiles>{shown}</div>{f'<ul class=notes>{notes}</ul>' if notes else ''}</section>"


def _limits(result: Evaluation) -> Iterator[str]:
    yield from result.notes
    if result.unreadable:
        yield f"{len(result.unreadable)} scans could not be scored and are in no figure"


def _points(result: Evaluation) -> str:
    if not result.points:
        return ""
    rows = [
        (
            f"<b>{point.name}</b>{'' if point.resolved else ' <em>roughly placed</em>'}",
            "the model's own" if point.budget is None else _POINTS.format(100 * point.budget),
            percent(point.false_alarm_rate),
            percent(point.parcel_recall),
            percent(point.object_recall),
            _thresholds(point.thresholds.values()),
        )
        for point in result.points
    ]
    chosen = result.operating_point.chosen_on if result.operating_point else ""
    note = (
        f"Thresholds from {escape(chosen)}. Intervals are exact (Clopper–Pearson); expect in service up to the upper "
        "bound of the false alarms and down to the lower bound of what is found. <em>Roughly placed</em>: too few "
        "threat-free parcels to put the threshold where its budget is kept on others."
    )
    head = ("point", "chosen for", "false alarms", "parcels with threats alarmed", "objects found", "threshold")
    return _section("Operating points", note, _table(head, rows))


def _thresholds(values: Iterable[float]) -> str:
    each = sorted(set(values))
    return f"{each[0]:.3f}" if len(each) == 1 else f"{each[0]:.3f}–{each[-1]:.3f}"


def _classes(result: Evaluation) -> str:
    """One line a class, group and any threat."""
    rows: list[Sequence[Cell]] = []
    for score in result.scores:
        if not score.objects:
            continue
        found = {each.point: each for each in score.recalls}
        mark = {Level.CLASS: "", Level.GROUP: " <em>group</em>"}.get(score.level, "")
        rows.append(
            (
                f"{escape(score.name)}{mark}",
                str(score.objects),
                percent(score.ap50),
                percent(score.ap50_95),
                *(percent(found[point.name].objects if point.name in found else None) for point in result.points),
                *(percent(found[point.name].parcels if point.name in found else None) for point in result.points),
            )
        )
    head = (
        "class",
        "objects",
        "AP50",
        "AP50-95",
        *(f"found, {point.name}" for point in result.points),
        *(f"alarmed, {point.name}" for point in result.points),
    )
    note = (
        "<i>Found</i>: objects with an alarm of their class or group at IoU ≥ 0.5. <i>Alarmed</i>: parcels holding "
        "such an object that raise any alarm. Intervals from a bootstrap over groups of scans."
    )
    plot = recall_plot(result) if result.points else ""
    return _section("Classes and groups", note, _table(head, rows) + plot)


def _false_alarms(result: Evaluation) -> str:
    if not result.froc:
        return ""
    return _section("Free-response curve", "Objects found over the mean number of false alarms.", froc_plot(result))


def _calibration(result: Evaluation) -> str:
    told = result.reliability
    if told is None:
        return ""
    note = (
        f"Expected calibration error {percent(told.error)} over {told.detections} detections of score "
        f"{told.from_score:g} and more, {told.right} of them right."
    )
    return _section("Calibration", note, reliability_plot(result))


def _confusion(result: Evaluation) -> str:
    told = result.confusion
    if told is None:
        return ""
    rows = []
    for name, counts in zip(told.rows, told.counts, strict=True):
        total = max(sum(counts), 1)
        rows.append(
            (
                escape(name),
                *(f'<span style="--share:{n / total:.3f}">{n or ""}</span>' for n in counts),
            )
        )
    head = ("label ↓ alarm →", *(escape(column.replace("_", " ")) for column in told.columns))
    note = (
        f"At the point {told.point}. Row <i>background</i>: alarms on nothing labelled, or a second one on an object."
    )
    return _section("Confusion between classes", note, _table(head, rows, "confusion"))


def _factors(result: Evaluation) -> str:
    if not result.factors:
        return ""
    tables = []
    for factor in dict.fromkeys(level.factor for level in result.factors):
        levels = [level for level in result.factors if level.factor == factor]
        head = (escape(factor), "objects", *(str(point) for point in levels[0].found))
        tables.append(_table(head, [_factor_row(level) for level in levels], "factor"))
    note = "Threats found, as a threat of any class, by what their labels tell of difficulty."
    return _section("Difficulty", note, f"<div class=columns>{''.join(tables)}</div>")


def _factor_row(level: FactorLevel) -> Sequence[Cell]:
    return escape(level.level), str(level.objects), *(percent(rate) for rate in level.found.values())


def _mirrors(result: Evaluation) -> str:
    if not result.mirrors:
        return ""
    tables = []
    for mirror in result.mirrors:
        rows: list[Sequence[Cell]] = [
            (
                escape(line.name),
                f"{100 * line.ap50:.1f}",
                _change(line.ap50_change),
                _change(line.object_recall_change),
            )
            for line in mirror.lines
        ]
        rows.append(("<i>false alarms</i>", percent(mirror.false_alarm_rate), _change(mirror.false_alarm_change), ""))
        title = f"{escape(mirror.rendering)} <small>{mirror.changed} of {mirror.scans} pictures change</small>"
        tables.append(f"<div><h3>{title}</h3>" + _table(("class", "AP50", "change", "found: change"), rows) + "</div>")
    note = "The same scans in other colours, compared scan by scan; changes are percentage points."
    return _section("Other colours", note, f"<div class=columns>{''.join(tables)}</div>")


def _change(change: Change | None) -> Cell:
    if change is None:
        return "–"
    value, low, high = (round(100 * each, 1) + 0.0 for each in (change.value, change.low, change.high))
    return f"<b>{value:+.1f}</b> <small>{low:+.1f} to {high:+.1f}</small>"


def _examples(result: Evaluation, pictures: Pictures) -> str:
    parts = []
    for kind, title in (
        (ExampleKind.MISS, "Worst misses: threats that show well and raise no alarm"),
        (ExampleKind.FALSE_ALARM, "Worst false alarms: the surest ones in threat-free parcels"),
    ):
        shown = [example for example in result.examples if example.kind is kind]
        figures = []
        for example in shown:
            source = pictures.get((kind, example.scan_id))
            image = f'<img src="{source}" alt="">' if source else "<div class=noimage>no picture</div>"
            words = ", ".join(escape(each) for each in example.remarks.values())
            figures.append(
                f"<figure>{image}<figcaption><b>{escape(example.name)}</b>, score {example.score:.2f}"
                f"<br>{words}<br><code>{escape(example.scan_id)}</code></figcaption></figure>"
            )
        parts.append(f"<h3>{title}</h3><div class=gallery>{''.join(figures) or '<p>none</p>'}</div>")
    return _section("Examples", "", "".join(parts)) if result.examples else ""


def _identity(result: Evaluation) -> str:
    """What was measured with what, so that it can be measured again."""
    rows: list[Sequence[Cell]] = [
        ("model", f"{escape(result.model.name)} <code>sha256 {escape(result.model.sha256)}</code>"),
        *_data_rows("data", result.data),
        *_data_rows("more threat-free scans", result.more_threat_free),
        *_data_rows("thresholds chosen on", result.thresholds_from),
        ("command", f"<code>{escape(result.command)}</code>"),
        ("toolkit", escape(f"ParcelSight {result.toolkit_version}")),
        ("versions", escape(", ".join(f"{name} {each}" for name, each in result.versions.items()))),
        (
            "settings",
            escape(
                f"{result.settings.replicates} resamples, seed {result.settings.seed}, thresholds "
                f"{result.settings.threshold_rule}"
                + ("" if result.settings.threshold_rule is ThresholdRule.CARD else
                   f" for {100 * result.settings.false_positive_rate:g} %")
            ),
        ),
    ]  # fmt: skip
    if result.unreadable:
        names = "; ".join(f"{each.scan_id} ({each.reason})" for each in result.unreadable[:50])
        rows.append(("not scored", escape(names)))
    return _section("Identity", "", _table(("", ""), rows, "identity"))


def _data_rows(name: str, data: DataIdentity | None) -> Iterator[Sequence[Cell]]:
    if data is None:
        return
    yield (
        name,
        f"{escape(data.name)}, {escape(data.split)}: {data.scans} scans, {data.groups} groups; licence: "
        f"{escape(data.licence)}<br><code>labels sha256 {escape(data.manifest_sha256)}</code><br>"
        f"<code>files sha256 {escape(data.files_sha256 or 'not taken')}</code>",
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class=wide><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def _section(title: str, note: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{f'<p class=note>{note}</p>' if note else ''}{content}</section>"
