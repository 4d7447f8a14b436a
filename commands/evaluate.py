"""The verb ``evaluate``: a model and labelled scans in, figures with their intervals out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import RunError, UsageError
from .extras import EVALUATING, require
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..training.evaluation_result import Evaluation, EvaluationSettings

EXIT_UNREADABLE = 3
THRESHOLD_RULES = ("common", "per-class", "card")


def evaluate(
    model: Annotated[Path, typer.Argument(help="Contract-1 ONNX file, run directory, or .pt weights.")],
    data: Annotated[Path, typer.Argument(help="Data set of any known layout.")],
    split: Annotated[
        str | None, typer.Option(help="Split to measure on, or all [default: test; all where there are no splits].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole evaluation as JSON on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the evaluation as JSON.")] = None,
    fpr: Annotated[
        float, typer.Option("--fpr", min=0, max=1, help="Share of threat-free scans that may raise an alarm.")
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
    replicates: Annotated[int, typer.Option(min=100, help="Bootstrap resamples behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the runtime.")] = 1,
) -> None:
    """Measure a detector on labelled scans.

    **AP50**, **AP50-95** by class, by group and for any threat (COCO's definition, by faster-coco-eval), and what is
    found at a false-alarm budget: thresholds are the lowest that let at most `--fpr` of the threat-free scans alarm.
    Everything comes with its 95 % interval. Threat-free are scans without a label of the taxonomy.

    To keep thresholds honest, choose them on other scans than those measured: `--thresholds-split val`.

    Exit status: 0 every scan was scored, 3 some could not be (they are named), 2 wrong usage.
    """
    if thresholds not in THRESHOLD_RULES:
        raise UsageError(f"unknown --thresholds {thresholds!r}", f"use one of: {', '.join(THRESHOLD_RULES)}")
    if out and out.is_dir():
        raise UsageError(f"{out}: is a folder", "give --out a file name")
    require("evaluating", "train", EVALUATING)
    from ..training.evaluation_result import EvaluationSettings
    from ..training.operating_points import ThresholdRule

    settings = EvaluationSettings(
        false_positive_rate=fpr, threshold_rule=ThresholdRule(thresholds), replicates=replicates, seed=seed
    )
    source = (thresholds_from or data, thresholds_split) if thresholds_from or thresholds_split else None
    result = _measure(model, (data, split), threat_free, source, settings, threads)
    if out:
        _save(result, out)
    if as_json:
        typer.echo(result.model_dump_json(indent=1))
    else:
        from .evaluation_table import show_evaluation

        show_evaluation(stdout, result)
    if result.unreadable:
        raise typer.Exit(EXIT_UNREADABLE)


def _measure(
    model: Path,
    data: tuple[Path, str | None],
    threat_free: Path | None,
    source: tuple[Path, str | None] | None,
    settings: EvaluationSettings,
    threads: int,
) -> Evaluation:
    """Open everything, then measure under a progress bar."""
    from .evaluation_inputs import open_model, open_part, open_threat_free

    opened = open_model(model, settings.score_floor, threads)
    part = open_part(*data)
    more = open_threat_free(threat_free) if threat_free else None
    chosen_on = open_part(*source) if source else None
    from ..training.evaluation import evaluate as measure  # slow to import, so mistakes above are told first

    with progress() as bars:
        total = sum(len(each.dataset) for each in (part, more, chosen_on) if each)
        task = bars.add_task("detecting", total=total)
        result = measure(
            opened.predict,
            opened.identity,
            opened.classes,
            part,
            settings,
            more_threat_free=more,
            thresholds_from=chosen_on,
            on_scan=lambda: bars.advance(task),
        )
    return result


def _save(result: Evaluation, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{out}: cannot be written ({error.strerror})", "give --out a file you may write") from error
    stderr.print(f"saved {out}", style="dim")
