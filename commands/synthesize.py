"""``parcelsight synthesize``: render labelled scans of virtual parcels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..configs.loading import shipped
from ..detector.errors import UsageError
from ..detector.taxonomy import TAXONOMY
from .extras import RENDERING, require
from .terminal import progress, stderr, stdout

if TYPE_CHECKING:
    from ..datasets.synthetic.pipeline import Rendered

_SHARES = "80,10,10"


def _scanner_help() -> str:
    return f"Preset or YAML file, repeatable; one is drawn for each parcel. Shipped: {', '.join(shipped('scanners'))}."


def _looks_help() -> str:
    return (
        "How pictures are coloured: canonical, random (another for every scan), grey, a YAML file, "
        f"or one of {', '.join(shipped('looks'))}."
    )


def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder of the data set; made if missing, continued if begun.")],
    count: Annotated[int, typer.Option(help="Parcels to render; each gives one scan a view.")] = 100,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes, whatever the number of jobs.")] = 0,
    scanner: Annotated[list[str] | None, typer.Option(help=_scanner_help(), show_default="all dual-energy")] = None,
    views: Annotated[int, typer.Option(min=1, max=2, help="1, or 2 for top and side view of each parcel.")] = 1,
    split: Annotated[
        Literal["train", "val", "test", "all"],
        typer.Option(
            help="Object designs to use; splits never share one. all: every split, each with its own designs."
        ),
    ] = "train",
    shares: Annotated[
        str | None,
        typer.Option(metavar="TRAIN,VAL,TEST", help="With --split all: shares of the parcels.", show_default=_SHARES),
    ] = None,
    threat_share: Annotated[float, typer.Option(help="Chance of a parcel to hold a threat, 0…1.")] = 0.5,
    several_share: Annotated[
        float, typer.Option(help="Chance of a parcel with a threat to hold several: more to learn from a picture.")
    ] = 0.15,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
    looks: Annotated[str, typer.Option(help=_looks_help())] = "canonical",
    only: Annotated[
        Literal["all", "scans", "pictures"], typer.Option(help="Write 16-bit scans, coloured pictures, or both.")
    ] = "all",
    masks: Annotated[bool, typer.Option("--masks", help="Add instance masks to the labels.")] = False,
    benign: Annotated[
        bool,
        typer.Option(
            "--benign",
            help="Label benign objects too, by their kind: tells what false alarms lie on (parcelsight mine).",
        ),
    ] = False,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Instead: picture sheets of every class, object and packaging.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Render labelled X-ray scans of virtual parcels: any number, exact boxes, no real data.

    OUT gets `scans/*.tif` (16-bit dual-energy, low and high), `pictures/*.jpg` and `annotations.json` (COCO); with
    `--split all` also `train.json`, `val.json` and `test.json`, ready for `parcelsight train nano --data OUT`. A run
    that was interrupted goes on when the same command is given again; a larger `--count` adds to it.
    """
    wanted = _shares(shares, split)
    require("rendering scans", "synthetic", RENDERING)
    if gallery:
        _gallery(out, seed)
        return
    # Rendering loads and compiles for seconds; other verbs must not pay for it.
    from ..datasets.synthetic.pipeline import default_jobs, render_dataset
    from ..datasets.synthetic.plan import Plan
    from ..datasets.synthetic.scanner import dual_energy_presets

    names = tuple(scanner or dual_energy_presets(views))
    plan = Plan(out, count, seed, names, split, views, threat_share, looks, only, masks, benign, several_share, wanted)
    finished = 0
    try:
        with progress() as bar:
            task = bar.add_task("parcels", total=count)

            def tell(parcels: int) -> None:
                nonlocal finished
                finished = parcels
                bar.update(task, completed=parcels)

            rendered = render_dataset(plan, jobs or default_jobs(), tell)
    except KeyboardInterrupt:
        stderr.print(
            f"interrupted: {finished} of {count} parcels are finished; run the same command again to go on",
            markup=False, highlight=False,
        )  # fmt: skip
        raise typer.Exit(130) from None
    _summary(rendered, out, as_json)


def _shares(text: str | None, split: str) -> tuple[float, float, float]:
    """The shares of train, val and test. Raises UsageError if they are none."""
    if text is not None and split != "all":
        raise UsageError(f"--shares {text}: there is only the split {split}", "add --split all")
    try:
        train, val, test = (float(part) for part in (text or _SHARES).split(","))
    except ValueError:
        train = val = test = -1.0
    if not (min(train, val, test) >= 0 and 0 < train + val + test < float("inf")):
        raise UsageError(f"--shares {text}: not three shares", f"give three numbers, such as {_SHARES}")
    return train, val, test


def _gallery(out: Path, seed: int) -> None:
    """Write the sheets and name them."""
    from ..datasets.synthetic.gallery import write_gallery

    with progress() as bar:
        task = bar.add_task("gallery", total=None)
        sheets = write_gallery(out, seed, lambda done, total: bar.update(task, completed=done, total=total))
    stdout.print("\n".join(str(sheet) for sheet in sheets), markup=False, highlight=False)


def _summary(rendered: Rendered, out: Path, as_json: bool) -> None:
    """What the folder now holds."""
    dataset, splits = rendered.dataset, {split: len(members) for split, members in rendered.splits.items()}
    labels = Counter(label for record in dataset for label in record.annotations.labels)
    free = sum(all(TAXONOMY.group_of(label) is None for label in record.annotations.labels) for record in dataset)
    if as_json:
        summary = {
            "out": str(out),
            "scans": len(dataset),
            "splits": splits,
            "threat_free": free,
            "objects": dict(sorted(labels.items())),
        }
        stdout.print(json.dumps(summary), markup=False, highlight=False)
        return
    objects = ", ".join(f"{count} {label}" for label, count in labels.most_common()) or "none"
    stdout.print(f"{out}: {len(dataset)} scans, {free} of them threat-free", markup=False, highlight=False)
    if len(splits) > 1:
        listed = ", ".join(f"{count} {split}" for split, count in splits.items())
        stdout.print(f"splits, of designs of their own: {listed}", markup=False, highlight=False)
    stdout.print(f"labelled objects: {objects}", markup=False, highlight=False)
