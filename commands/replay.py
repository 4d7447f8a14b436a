"""``parcelsight replay``: recorded lanes once more, at any speed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ..detector.card import PointName
from ..detector.contract import SHIPPED_MODEL
from ..detector.errors import UsageError
from .run import follow

EXIT_UNSCREENED = 3
_BELT, _LEDGER = "belt.json", "ledger.db"


def replay(
    recording: Annotated[
        Path, typer.Argument(help="A belt (folder with belt.json), a ledger (ledger.db), or a folder of pictures.")
    ],
    speed: Annotated[
        float, typer.Option(min=0.001, max=1_000_000, help="2 plays twice as fast. Pictures come one a second at 1.")
    ] = 1.0,
    lane: Annotated[str | None, typer.Option(help="Of a ledger: only this lane's scans.")] = None,
    model: Annotated[Path | None, typer.Option(help="Contract-1 ONNX model; without, the shipped one.")] = None,
    operating_point: Annotated[
        PointName, typer.Option(help="How much may alarm: strict, balanced or sensitive.")
    ] = PointName.BALANCED,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Worker processes.")] = 1,
    ledger: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the verdicts in a ledger here [default: they are only shown]."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Every verdict and change of state as a JSON line on stdout.")
    ] = False,
) -> None:
    """Play a recorded lane through the whole chain: arrival, ledger, workers, verdicts.

    A belt goes through parcel assembly as live lines do. The scans of a ledger come as they came then, which shows
    what another model would have said. A lane that is full holds the recording, so nothing is skipped at any speed.

    Exit status: 0 every scan was screened, 3 some are UNSCREENED, 2 wrong usage.
    """
    from ..inference.lanes.config import LanesConfig

    source = _source(recording, speed, lane)
    with tempfile.TemporaryDirectory(prefix="parcelsight-replay-") as temporary:
        folder = ledger or Path(temporary)
        if source["kind"] == "ledger" and folder.resolve() == recording.resolve():
            raise UsageError(f"--ledger {folder} is the recording", "name another folder")
        config = LanesConfig.model_validate(
            {
                "ledger": folder,
                "model": model or SHIPPED_MODEL,
                "operating_point": operating_point,
                "workers": {"count": workers},
                "lanes": [{"name": "replay", "source": source}],
            }
        )
        lanes = follow(config, json)
    if lanes.unscreened:
        raise typer.Exit(EXIT_UNSCREENED)


def _source(recording: Path, speed: float, lane: str | None) -> dict[str, Any]:
    """The lane's source section for what lies there."""
    if not recording.is_dir():
        raise UsageError(f"{recording}: no such folder", "name a belt, a ledger or a folder of pictures")
    if (recording / _LEDGER).is_file():
        return {"kind": "ledger", "folder": recording, "speed": speed, "recorded_lane": lane}
    if lane is not None:
        raise UsageError(f"--lane {lane}: {recording} is no ledger", "leave --lane out")
    if (recording / _BELT).is_file():
        return {"kind": "belt", "folder": recording, "speed": speed}
    return {"kind": "pictures", "folder": recording, "every_s": 1 / speed}
