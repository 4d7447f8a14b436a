"""The verb ``evaluate``: a model and labelled scans in, figures with their intervals out."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import RunError, UsageError
from .extras import EVALUATING, require
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..training.evaluation_result import Evaluation, EvaluationSettings
    from ..training.renderings import Rendering

EXIT_UNREADABLE = 3
THRESHOLD_RULES = ("common", "per-class", "card")
RENDERINGS = ("grey", "inverted", "air")


def evaluate(
    model: Annotated[Path, typer.Argument(help="Contract-1 ONNX file, run directory, or .pt weights.")],
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Data sets of any known layout, measured together.")
    ],
    split: Annotated[
        str | None, typer.Option(help="Split to measure on, or all [default: test; all where there are no splits].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole evaluation as JSON on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the evaluation as JSON.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report to hand on: one HTML file with plots and pictures."),
    ] = None,
    fpr: Annotated[
        float, typer.Option("--fpr", min=0, max=1, help="Share of threat-free parcels that may raise an alarm.")
    ] = 0.02,
    threat_free: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="More threat-free scans for the false-alarm rate: data set or plain folder."),
    ] = None,
    thresholds: Annotated[
        str,
        typer.Option(
            metavar="|".join(THRESHOLD_RULES),
            help="One threshold for all classes, one each with equal shares of false alarms, or the model's own.",
        ),
    ] = "common",
    thresholds_from: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Choose thresholds on the threat-free scans of this data set.")
    ] = None,
    thresholds_split: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Choose thresholds on this split (of DATA if nothing else).")
    ] = None,
    shown_as: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="|".join(RENDERINGS),
            help="Show the same scans again in grey, in inverted grey, or with air of another tone, and tell what "
            "changes. Repeatable.",
        ),
    ] = None,
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap resamples behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the runtime.")] = 1,
) -> None:
    """Measure a detector on labelled scans.

    **AP50**, **AP50-95** by class, by group and for any threat (COCO's definition, by faster-coco-eval), and what is
    found at a false-alarm budget: thresholds let at most `--fpr`, and for the points strict, balanced and sensitive
    1, 2 and 5 %, of the threat-free parcels alarm. Everything comes with its 95 % interval. Threat-free are parcels
    without a label of the taxonomy. The JSON also holds curves, calibration, confusion, difficulty and examples.

    To keep thresholds honest, choose them on other scans than those measured: `--thresholds-split val`.

    Exit status: 0 every scan was scored, 3 some could not be (they are named), 2 wrong usage.
    """
    if thresholds not in THRESHOLD_RULES:
        raise UsageError(f"unknown --thresholds {thresholds!r}", f"use one of: {', '.join(THRESHOLD_RULES)}")
    if unknown := [each for each in shown_as or () if each not in RENDERINGS]:
        raise UsageError(f"unknown --as {unknown[0]!r}", f"use one of: {', '.join(RENDERINGS)}")
    for option, file in (("--out", out), ("--report", report)):
        if file and file.is_dir():
            raise UsageError(f"{file}: is a folder", f"give {option} a file name")
    require("evaluating", "train", EVALUATING)
    from ..training.evaluation_result import EvaluationSettings, evaluation_text
    from ..training.operating_points import ThresholdRule
    from ..training.renderings import Rendering

    settings = EvaluationSettings(
        false_positive_rate=fpr, threshold_rule=ThresholdRule(thresholds), replicates=replicates, seed=seed
    )
    chosen_on = [thresholds_from] if thresholds_from else data if thresholds_split else None
    renderings = tuple(dict.fromkeys(Rendering(each) for each in shown_as or ()))
    sources = Sources(data, split, threat_free, chosen_on, thresholds_split)
    result = _measure(model, sources, renderings, settings, threads)
    if out:
        _save(evaluation_text(result), out, "--out")
    if report:
        _save(_report(result, sources), report, "--report")
    if as_json:
        typer.echo(evaluation_text(result), nl=False)
    else:
        from .evaluation_table import show_evaluation

        show_evaluation(stdout, result)
    if result.unreadable:
        raise typer.Exit(EXIT_UNREADABLE)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the scans are."""

    data: list[Path]
    split: str | None
    threat_free: Path | None
    thresholds_from: list[Path] | None
    thresholds_split: str | None


def _measure(
    model: Path, sources: Sources, renderings: tuple[Rendering, ...], settings: EvaluationSettings, threads: int
) -> Evaluation:
    """Open everything, then measure under a progress bar."""
    from .evaluation_inputs import open_model, open_parts, open_threat_free

    opened = open_model(model, settings.score_floor, threads)
    part = open_parts(sources.data, sources.split)
    more = open_threat_free(sources.threat_free) if sources.threat_free else None
    chosen_on = open_parts(sources.thresholds_from, sources.thresholds_split) if sources.thresholds_from else None
    from ..training.evaluation import evaluate as measure  # slow to import, so mistakes above are told first

    with progress() as bars:
        total = sum(len(each.dataset) for each in (part, more, chosen_on) if each) + len(renderings) * len(part.dataset)
        task = bars.add_task("detecting", total=total)
        result = measure(
            opened.predict,
            opened.identity,
            opened.classes,
            part,
            settings,
            more_threat_free=more,
            thresholds_from=chosen_on,
            carried=opened.points,
            renderings=renderings,
            on_scan=lambda: bars.advance(task),
        )
    return result.model_copy(update={"command": _command(), "versions": _versions()})


def _versions() -> dict[str, str]:
    """What the figures were computed with."""
    from ..training.run_directory import package_version

    found = {name: package_version(name) for name in ("numpy", "opencv-python-headless", "onnxruntime", "torch")}
    return {"python": platform.python_version(), **{name: each for name, each in found.items() if each}}


def _command() -> str:
    """What was asked for, with the names of files alone: folders are nobody's business."""
    words = [Path(word).name if os.sep in word else word for word in sys.argv[1:]]
    return shlex.join(["parcelsight", *words])


def _report(result: Evaluation, sources: Sources) -> str:
    """The report, with pictures of the scans its examples name."""
    from ..training.report import report_html
    from ..training.report_pictures import example_pictures
    from .evaluation_inputs import open_parts

    return report_html(result, example_pictures(result.examples, open_parts(sources.data, sources.split).dataset))


def _save(text: str, out: Path, option: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{out}: cannot be written ({error.strerror})", f"give {option} a file you may write") from error
    stderr.print(f"saved {out}", style="dim")
