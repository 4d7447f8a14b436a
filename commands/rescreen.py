"""The verb ``rescreen``: an archive of scans once more, with a new model."""

from __future__ import annotations

import json as json_text
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..detector.card import PointName
from ..detector.contract import SHIPPED_MODEL
from ..inference.keys import KEY_VARIABLE
from .extras import require
from .terminal import progress, stderr, stdout
from .verify import KEY_HELP

if TYPE_CHECKING:
    from ..fleet.engines import Engine
    from ..fleet.rescreening import Outcome, Rescreening

EXIT_SET_ASIDE = 3


class EngineName(StrEnum):
    """Who works the shards off."""

    LOCAL = "local"
    RAY = "ray"


def rescreen(
    source: Annotated[str, typer.Argument(help="Folder, address (s3://…, file://…) or Parquet list of scans.")],
    sink: Annotated[str, typer.Argument(help="Folder or address of the results; the same again goes on.")],
    model: Annotated[Path, typer.Option(help="Contract-1 ONNX model.")] = SHIPPED_MODEL,
    operating_point: Annotated[PointName, typer.Option(help="Of the model.")] = PointName.BALANCED,
    engine: Annotated[
        EngineName, typer.Option(help="local: this process alone; ray: workers here or on a cluster.")
    ] = EngineName.LOCAL,
    workers: Annotated[int, typer.Option(min=1, max=10_000, help="Of the engine ray; one CPU each.")] = 2,
    ray_address: Annotated[str, typer.Option(help="Of a running Ray cluster; without, one is started here.")] = "",
    shard: Annotated[int, typer.Option(min=1, max=100_000, help="Scans of one result file.")] = 500,
    site: Annotated[str, typer.Option(help="Of all scans; without, the first folder below SOURCE.")] = "",
    key: Annotated[str | None, typer.Option(metavar="PUB", envvar=KEY_VARIABLE, help=KEY_HELP)] = None,
    json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on stdout.")] = False,
) -> None:
    """Screen an archive again: exactly one row a scan, as Parquet.

    Whatever ends the run, the same command goes on with the result files that are missing. Scans that cannot be read
    have their row, UNSCREENED with the reason, and stand once more in SINK/set-aside.

    Exit status: 0 every scan was screened, 3 some are UNSCREENED, 2 wrong usage or a failed run.
    """
    require("re-screening archives", "fleet", ("pyarrow",))
    if engine is EngineName.RAY:
        require("the engine ray", "fleet", ("ray", "pandas"))
    from ..fleet.rescreening import Rescreening
    from ..inference.keys import read_public_key

    trusted = None if key is None else read_public_key(key)
    work = Rescreening(
        source, sink, model, operating_point=operating_point, shard_scans=shard, site=site, key=trusted
    )  # fmt: skip
    _work_off(work, _engine(engine, workers, ray_address), quiet=json and sys.stdout.isatty())
    _tell(work.finish(), sink, json)


def _engine(name: EngineName, workers: int, address: str) -> Engine:
    from ..fleet.engines import LocalEngine, RayEngine
    from ..fleet.ray_session import RayConfig

    return LocalEngine() if name is EngineName.LOCAL else RayEngine(RayConfig(address=address), workers)


def _work_off(work: Rescreening, engine: Engine, quiet: bool) -> None:
    plan, before = work.plan, work.done_scans
    how = f"goes on after {before:,}" if work.resumed else f"in {plan.shards:,} result files"
    stderr.print(f"{plan.scans:,} scans with {plan.model}, {how}", style="dim")
    with progress(disable=quiet) as bar:
        task = bar.add_task("re-screening", total=plan.scans, completed=before)
        for done in work.run(engine):
            bar.advance(task, done.scans)


def _tell(outcome: Outcome, sink: str, json: bool) -> None:
    if json:
        told = {"scans": outcome.plan.scans, "verdicts": dict(sorted(outcome.verdicts.items())), "sink": sink}
        print(json_text.dumps(told))
    else:
        for verdict, count in sorted(outcome.verdicts.items()):
            stdout.print(f"{verdict:<11} {count:>12,}")
        stdout.print(f"results: {sink}")
    if outcome.set_aside:
        if not json:
            stdout.print(f"{outcome.set_aside:,} scans could not be screened: {sink}/set-aside", style="yellow")
        raise typer.Exit(EXIT_SET_ASIDE)
