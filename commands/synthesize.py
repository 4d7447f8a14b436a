"""``parcelsight synthesize``: render labelled scans of virtual parcels."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..configs.loading import shipped
from ..datasets.annotations import Dataset
from ..detector.errors import MissingExtra
from .terminal import progress, stderr, stdout


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
        Literal["train", "val", "test"], typer.Option(help="Object designs to use; splits never share one.")
    ] = "train",
    threat_share: Annotated[float, typer.Option(help="Chance of a parcel to hold a threat, 0…1.")] = 0.5,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
    looks: Annotated[str, typer.Option(help=_looks_help())] = "canonical",
    only: Annotated[
        Literal["all", "scans", "pictures"], typer.Option(help="Write 16-bit scans, coloured pictures, or both.")
    ] = "all",
    masks: Annotated[bool, typer.Option("--masks", help="Add instance masks to the labels.")] = False,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Instead: picture sheets of every class, object and packaging.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Render labelled X-ray scans of virtual parcels: any number, exact boxes, no real data.

    OUT gets `scans/*.tif` (16-bit dual-energy, low and high), `pictures/*.jpg` and `annotations.json` (COCO). A run
    that was interrupted goes on when the same command is given again; a larger `--count` adds to it.
    """
    _require_extra()
    if gallery:
        _gallery(out, seed)
        return
    # Rendering loads and compiles for seconds; other verbs must not pay for it.
    from ..datasets.synthetic.pipeline import Plan, default_jobs, render_dataset
    from ..datasets.synthetic.scanner import dual_energy_presets

    names = tuple(scanner or dual_energy_presets(views))
    plan = Plan(out, count, seed, names, split, views, threat_share, looks, only, masks)
    finished = 0
    try:
        with progress() as bar:
            task = bar.add_task("parcels", total=count)

            def tell(parcels: int) -> None:
                nonlocal finished
                finished = parcels
                bar.update(task, completed=parcels)

            dataset = render_dataset(plan, jobs or default_jobs(), tell)
    except KeyboardInterrupt:
        stderr.print(
            f"interrupted: {finished} of {count} parcels are finished; run the same command again to go on",
            markup=False, highlight=False,
        )  # fmt: skip
        raise typer.Exit(130) from None
    _summary(dataset, out, as_json)


def _require_extra() -> None:
    """Raises MissingExtra before anything is begun."""
    if any(find_spec(name) is None for name in ("mapbox_earcut", "numba", "xraylib")):
        raise MissingExtra("rendering scans", "synthetic")


def _gallery(out: Path, seed: int) -> None:
    """Write the sheets and name them."""
    from ..datasets.synthetic.gallery import write_gallery

    with progress() as bar:
        task = bar.add_task("gallery", total=None)
        sheets = write_gallery(out, seed, lambda done, total: bar.update(task, completed=done, total=total))
    stdout.print("\n".join(str(sheet) for sheet in sheets), markup=False, highlight=False)


def _summary(dataset: Dataset, out: Path, as_json: bool) -> None:
    """What the folder now holds."""
    labels = Counter(label for record in dataset for label in record.annotations.labels)
    free = sum(not len(record.annotations) for record in dataset)
    if as_json:
        summary = {"out": str(out), "scans": len(dataset), "threat_free": free, "objects": dict(sorted(labels.items()))}
        stdout.print(json.dumps(summary), markup=False, highlight=False)
        return
    objects = ", ".join(f"{count} {label}" for label, count in labels.most_common()) or "none"
    stdout.print(f"{out}: {len(dataset)} scans, {free} of them threat-free", markup=False, highlight=False)
    stdout.print(f"labelled objects: {objects}", markup=False, highlight=False)
