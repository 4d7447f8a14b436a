"""The verbs ``dataset check | convert | split | stats | show``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.errors import AnnotationError, UsageError
from .terminal import progress
from .verbs import Verb, VerbGroup

if TYPE_CHECKING:
    from ..datasets.annotations import Dataset, Record
    from ..datasets.formats.problems import Problems

EXIT_PROBLEMS = 1

app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check, convert, split, count and look at labelled scans.",
)


class Target(StrEnum):
    """Layouts ``dataset convert`` writes."""

    NATIVE = "native"
    YOLO = "yolo"
    VOC = "voc"
    COCO = "coco"


class By(StrEnum):
    """What ``dataset split`` keeps together."""

    GROUP = "group"
    ID_RANGE = "id-range"
    DESIGN = "design"
    SCAN = "scan"


PathArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="Data set folder, COCO JSON or data.yaml.", show_default=False)
]
FromOption = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="LAYOUT",
        help="auto, native, yolo, voc, coco, or a published set: pidray, clcxray, opixray, hixray, dvxray, stcray, "
        "sixray, gdxray.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command(cls=Verb)
def check(path: PathArgument, layout: FromOption = "auto", json: JsonOption = False) -> None:
    """Look for everything wrong with a data set: one line for each problem, with its remedy.

    Opens every scan and looks at every object: unreadable pictures and labels, boxes outside the scan, inverted or
    without area, unknown classes, duplicate ids and objects, missing pictures and label files, scans shared by
    splits, and a background that gives the answer away.

    Exit status: 0 clean, 1 problems found.
    """
    from ..datasets.checks import check_dataset, check_splits
    from ..datasets.conversion import open_with_splits
    from ..datasets.formats.problems import Problems
    from . import dataset_report

    problems = Problems()
    dataset = None
    try:
        dataset, splits = open_with_splits(path, layout, problems)
    except AnnotationError as error:
        problems.set_aside(path, error.message, error.remedy)
    if dataset is not None:
        with progress(disable=json) as bar:
            task = bar.add_task("checking scans", total=len(dataset))
            check_dataset(dataset, problems, tick=lambda: bar.advance(task))
        check_splits(dataset, splits, problems)
    dataset_report.show_check(path, dataset, problems, json)
    if dataset_report.faults(problems):
        raise typer.Exit(EXIT_PROBLEMS)


@app.command(cls=Verb)
def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Data set to read.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder to write.", show_default=False)],
    to: Annotated[Target, typer.Option(help="Layout to write.")] = Target.NATIVE,
    layout: FromOption = "auto",
    rename: Annotated[
        list[str] | None, typer.Option("--map", metavar="OLD=NEW", help="Rename a label; may be repeated.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the pictures; otherwise they are linked.")] = False,
    json: JsonOption = False,
) -> None:
    """Read a data set of any known layout and write it in another.

    Splits are kept. Objects that cannot be taken are dropped, boxes that reach outside are clipped, and scans whose
    labels cannot be read are set aside; each is named and counted, and none passes as threat-free.
    """
    from ..datasets.conversion import fit_boxes, open_with_splits, rename_labels, write_as
    from ..datasets.formats.problems import Problems
    from . import dataset_report

    problems = Problems()
    dataset, splits = open_with_splits(source, layout, problems)
    dataset = fit_boxes(rename_labels(dataset, _renames(rename or [])), problems)
    if not len(dataset):
        raise UsageError(f"{source}: no scan could be read", f"see why with: parcelsight dataset check {source}")
    write_as(dataset, out, to.value, "copy" if copy else "link", splits)
    dataset_report.show_conversion(out, to.value, dataset, splits, problems, json)


@app.command(cls=Verb)
def split(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Data set in the native layout.", show_default=False)],
    by: Annotated[
        By,
        typer.Option(
            help="What stays together: **group** as the data set states (bag, series, run of ids) · **id-range** "
            "contiguous blocks of ids · **design** object designs · **scan** nothing."
        ),
    ] = By.GROUP,
    train: Annotated[float, typer.Option(min=0, max=1, help="Share for training.")] = 0.7,
    val: Annotated[float, typer.Option(min=0, max=1, help="Share for validation.")] = 0.1,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share for the final test.")] = 0.2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same split.")] = 0,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Write the split even if near-duplicates are parted.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write train.json, val.json and test.json: disjoint by bag, balanced by label, without near-duplicates.

    After splitting, every pair of scans in different splits is compared by perceptual hash. If near-duplicates are
    parted, nothing is written.
    """
    from ..datasets.leaks import find_leaks, fingerprints
    from ..datasets.native import is_native, open_dataset, relative_pictures, write_splits
    from ..datasets.splits import Split, SplitBy, split_dataset
    from . import dataset_report

    if not path.is_dir() or not is_native(path):
        raise UsageError(
            f"{path}: not a data set in the native layout",
            f"convert it first: parcelsight dataset convert {path} OUT --to native",
        )
    dataset = open_dataset(path, "native")
    shares = {Split.TRAIN: train, Split.VAL: val, Split.TEST: test}
    parts = split_dataset(dataset, shares, SplitBy(by.value), seed)
    members = {part.value: [record.scan_id for record in records] for part, records in parts.items()}
    with progress(disable=json) as bar:
        task = bar.add_task("comparing scans", total=len(dataset))
        prints, unread = fingerprints(dataset, tick=lambda: bar.advance(task))
    leaks = find_leaks(members, prints)
    if not leaks or allow_leaks:
        write_splits(dataset, path, members, relative_pictures(dataset, path))
    dataset_report.show_split(path, parts, len(dataset), leaks, unread, json)
    if leaks and not allow_leaks:
        raise UsageError(
            f"{path}: near-duplicates would be parted ({len(leaks)} pairs), so nothing was written",
            "split --by id-range or by group, remove the duplicates, or add --allow-leaks",
        )


@app.command(cls=Verb)
def stats(path: PathArgument, layout: FromOption = "auto", json: JsonOption = False) -> None:
    """Count scans, objects and box sizes for each label."""
    from ..datasets.formats.problems import Problems
    from ..datasets.stats import describe
    from . import dataset_report

    problems = Problems()
    dataset = _open(path, layout, problems)
    dataset_report.show_stats(describe(dataset), problems, json)


@app.command(cls=Verb)
def show(
    path: PathArgument,
    save: Annotated[Path, typer.Option(metavar="FILE", help="PNG or JPEG to write.", show_default=False)],
    scan: Annotated[list[str] | None, typer.Option(metavar="ID", help="A scan to show; may be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="How many scans, drawn at random.")] = 12,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
    layout: FromOption = "auto",
) -> None:
    """Draw scans with their boxes on one sheet: threats magenta, benign objects cyan."""
    from ..datasets.contact_sheet import contact_sheet, tile
    from ..datasets.formats.problems import Problems
    from ..datasets.writers import write_picture
    from ..detector.errors import ScanError
    from .terminal import complain, stdout

    dataset = _open(path, layout, Problems())
    tiles = []
    for record in _chosen(dataset, scan or [], count, seed):
        try:
            tiles.append(tile(record))
        except ScanError as error:
            complain(error)
    if not tiles:
        raise UsageError(f"{path}: none of the scans can be read", f"see why with: parcelsight dataset check {path}")
    write_picture(save, contact_sheet(tiles))
    stdout.print(f"{len(tiles)} of {len(dataset)} scans drawn in {save}")


def _open(path: Path, layout: str, problems: Problems) -> Dataset:
    from ..datasets.native import open_dataset

    dataset = open_dataset(path, layout, None, problems)
    if not len(dataset):
        raise UsageError(f"{path}: no scan could be read", f"see why with: parcelsight dataset check {path}")
    return dataset


def _chosen(dataset: Dataset, scan_ids: list[str], count: int, seed: int) -> list[Record]:
    """The scans asked for, or some at random in the data set's order."""
    import numpy as np

    by_id = {record.scan_id: record for record in dataset}
    absent = [scan_id for scan_id in scan_ids if scan_id not in by_id]
    if absent:
        raise UsageError(f"{dataset.name}: has no scan {absent[0]!r}", f"its first is {next(iter(by_id))!r}")
    if scan_ids:
        return [by_id[scan_id] for scan_id in scan_ids]
    picked = np.random.default_rng(seed).choice(len(dataset), min(count, len(dataset)), replace=False)
    return [dataset.records[at] for at in sorted(picked)]


def _renames(pairs: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals or not old.strip() or not new.strip():
            raise UsageError(f"--map {pair!r} is not OLD=NEW", "for example --map gun=firearm")
        names[old.strip()] = new.strip()
    return names
