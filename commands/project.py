"""``parcelsight project``: lay threats over scans of real parcels, as the beam would have done."""

from __future__ import annotations

import json as json_text
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..configs.loading import shipped
from ..detector.errors import UsageError
from ..detector.taxonomy import TAXONOMY
from .extras import RENDERING, require
from .terminal import complain, progress, stdout

if TYPE_CHECKING:
    from ..datasets.projection.projected_set import Outcome


def project(
    scans: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCANS… OUT",
            help="Pictures, (low, high) pairs, folders or data sets; the last path is the new folder.",
            show_default=False,
        ),
    ],
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Scans with a projection to make; scans are used again as often as needed."),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Instead: go through the scans once; this share gets a threat.", show_default="1"
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--class", metavar="CLASS", help=f"Repeatable: {', '.join(TAXONOMY.classes)}.", show_default="all"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    threats: Annotated[int, typer.Option(min=1, max=8, help="At most so many threats in one scan.")] = 1,
    pitch_mm: Annotated[
        float | None,
        typer.Option(min=0.1, max=10, help="Millimetres a pixel.", show_default="as the scan tells"),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Object designs to use; splits never share one.")
    ] = "train",
    scanner: Annotated[
        str,
        typer.Option(
            help=f"Whose beam: the preset nearest to yours, or a YAML file. {', '.join(shipped('scanners'))}."
        ),
    ] = "tunnel160",
    look: Annotated[
        str | None,
        typer.Option(
            help=f"Palette of pseudo-colour scans: canonical, a YAML file, {', '.join(shipped('looks'))}.",
            show_default="estimated from each scan",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Project threats into scans: lay them over the parcel as the beam would have, and label them.

    Give scans that are known to hold no threat. OUT gets `scans/` and `annotations.json`; every projected object
    carries the attribute `projected: yes`, and the scans given stay untouched. A realism check refuses what could not
    lie there or would show that it does not; reasons are counted at the end.
    """
    require("projecting threats", "synthetic", RENDERING)
    if len(scans) < 2:
        raise UsageError(f"{scans[0]}: scans and a new folder are needed", "give: parcelsight project SCANS… OUT")
    if count is not None and share is not None:
        raise UsageError("--count and --share exclude each other", "give one of them")
    from ..datasets.projection.projected_set import ProjectionPlan, project_dataset
    from ..datasets.projection.projecting import ProjectionSettings

    *sources, out = scans
    plan = ProjectionPlan(
        sources=tuple(sources),
        out=out,
        count=count,
        share=1.0 if share is None else share,
        labels=tuple(label or TAXONOMY.classes),
        seed=seed,
        split=split,
        pitch_mm=pitch_mm,
        scanner=scanner,
        settings=ProjectionSettings(threats=threats, look=look),
    )
    with progress(disable=json) as bar:
        task = bar.add_task("projecting", total=None)
        outcome = project_dataset(plan, lambda done, total: bar.update(task, completed=done, total=total))
    _summary(outcome, out, json)


def _summary(outcome: Outcome, out: Path, json: bool) -> None:
    """What was made, what was refused and why."""
    for problem in outcome.unread:
        complain(problem)
    found = [a for r in outcome.dataset for a in zip(r.annotations.labels, r.annotations.attributes, strict=True)]
    labels = Counter(label for label, attributes in found if attributes.get("projected") == "yes")
    rejects = {reason.value: count for reason, count in outcome.rejects.most_common()}
    if json:
        summary = {
            "out": str(out),
            "scans": len(outcome.dataset),
            "projected": dict(sorted(labels.items())),
            "rejects": rejects,
            "without": outcome.without,
            "unread": outcome.unread,
        }
        stdout.print(json_text.dumps(summary), markup=False, highlight=False)
        return
    objects = ", ".join(f"{count} {label}" for label, count in labels.most_common()) or "none"
    lines = [f"{out}: {len(outcome.dataset)} scans", f"projected: {objects}"]
    if rejects:
        lines.append("refused: " + ", ".join(f"{count} {reason}" for reason, count in rejects.items()))
    if outcome.without:
        more = "…" if len(outcome.without) > 5 else ""
        lines.append(f"took none: {len(outcome.without)} scans ({', '.join(outcome.without[:5])}{more})")
    stdout.print("\n".join(lines), markup=False, highlight=False)
