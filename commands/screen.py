"""The verb ``screen``: pictures, folders and videos in, one verdict a scan out."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.card import PointName
from ..detector.contract import SHIPPED_MODEL
from ..detector.errors import ModelError, ParcelSightError, UsageError
from ..inference.keys import KEY_VARIABLE
from .terminal import complain, progress, stderr, stdout
from .verify import KEY_HELP

if TYPE_CHECKING:
    from ..datasets.scan import Scan
    from ..inference.detector import Detector
    from ..inference.pictures import AnnotatedPictures
    from ..inference.report import Tally
    from ..inference.sources import SourceItem
    from ..inference.verdicts import ScreenedScan

EXIT_UNSCREENED = 3


def screen(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, folders (searched through) and videos.")],
    model: Annotated[Path | None, typer.Option(help="Contract-1 ONNX model; without, the shipped one.")] = None,
    operating_point: Annotated[
        PointName,
        typer.Option(
            help="Which of the model's thresholds to use: strict raises the fewest alarms, sensitive misses the least.",
        ),
    ] = PointName.BALANCED,
    key: Annotated[str | None, typer.Option(metavar="PUB", envvar=KEY_VARIABLE, help=KEY_HELP)] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line a scan on stdout, nothing else.")] = False,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write annotated pictures into this folder.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of the network.")] = 1,
    every: Annotated[
        float | None, typer.Option(min=0.01, metavar="SECONDS", help="Time between frames of a video [default: 0.5].")
    ] = None,
) -> None:
    """Screen scans: exactly one verdict each.

    **ALARM** the detector claims a threat · **REVIEW** too dense to judge, a person must look · **NO_ALARM** nothing
    above the thresholds · **UNSCREENED** could not be judged; the reason says why. The model alone never clears a
    parcel: a person or their procedure does.

    Exit status: 0 every scan was screened, 3 some are UNSCREENED, 2 wrong usage: no such path, nothing to screen, or
    a model that is refused.
    """
    from ..inference.detector import Detector
    from ..inference.keys import read_public_key
    from ..inference.pictures import AnnotatedPictures
    from ..inference.report import Tally, to_json_line
    from ..inference.sources import iter_scans
    from ..inference.video import EVERY_S
    from .screen_tables import Findings, show_summary

    _check_paths(paths, save)
    trusted = None if key is None else read_public_key(key)
    detector = Detector(_model_file(model), threads=threads, operating_point=operating_point, key=trusted)
    pictures = AnnotatedPictures(save, detector.card) if save else None
    if not json:
        stderr.print(detector.describe(), style="dim")
    tally, findings = Tally(), Findings()
    started = perf_counter()
    items = iter_scans(paths, every_s=EVERY_S if every is None else every)
    interrupted = False
    try:
        with closing(_screened(detector, items, quiet=json and sys.stdout.isatty())) as outcomes:
            for item, screened in outcomes:
                tally.add(item, screened)
                if screened is None:
                    continue
                if json:
                    print(to_json_line(screened, detector.card), flush=True)
                else:
                    findings.add(screened)
                if pictures and item.scan is not None:
                    _save(pictures, item.scan, screened)
    except KeyboardInterrupt:
        interrupted = True  # alarms raised until now are still told
    findings.show(stdout)
    show_summary(stderr if json else stdout, tally, perf_counter() - started, pictures)
    if interrupted:
        raise KeyboardInterrupt
    _end(tally)


def _end(tally: Tally) -> None:
    """The exit status the run has earned."""
    if not tally.scans:
        raise UsageError(
            f"nothing to screen: none of {tally.inputs} files is a picture or video", "name pictures, folders or videos"
        )
    if tally.unscreened:
        raise typer.Exit(EXIT_UNSCREENED)


def _check_paths(paths: list[Path], save: Path | None) -> None:
    """Refuse what was mistyped, and a folder for pictures in which they would meet the scans themselves.

    Where nothing that was named exists the command is wrong; beside others a missing file is one UNSCREENED scan.
    """
    if not any(os.path.lexists(path) for path in paths):
        raise UsageError(f"{', '.join(map(str, paths))}: no such file or folder", "check the path")
    if save is None:
        return
    target = save.resolve()
    for path in paths:
        if target.is_relative_to(path.resolve()) if path.is_dir() else target == path.resolve().parent:
            raise UsageError(f"--save {save} lies where the scans are ({path})", "name a folder apart from them")


def _model_file(model: Path | None) -> Path:
    """The model to use."""
    if model is None and not SHIPPED_MODEL.is_file():
        raise ModelError(
            f"the shipped model is missing from this installation ({SHIPPED_MODEL})",
            "install ParcelSight again, or name a model with --model FILE",
        )
    return model or SHIPPED_MODEL


def _screened(
    detector: Detector, items: Iterable[SourceItem], quiet: bool
) -> Generator[tuple[SourceItem, ScreenedScan | None]]:
    """Every input with its outcome, while a bar on stderr shows the progress."""
    from ..inference.screening import screen_item

    with progress(disable=quiet or not stderr.is_terminal) as bar:
        task = bar.add_task("screening", total=None)
        for item in items:
            yield item, screen_item(detector, item)
            bar.advance(task)


def _save(pictures: AnnotatedPictures, scan: Scan, screened: ScreenedScan) -> None:
    """Write one picture; whatever keeps it from being drawn or written costs the picture, never a verdict."""
    try:
        pictures.save(scan, screened)
    except ParcelSightError as error:
        complain(error)
    except Exception as error:  # out of memory, an assertion in a codec
        complain(f"{scan.scan_id}: its picture cannot be drawn ({type(error).__name__}: {error})")
