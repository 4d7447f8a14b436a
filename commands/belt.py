"""``parcelsight belt``: record the virtual scanner, parcels running by as a continuous stream of lines."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..configs.loading import shipped
from ..datasets.belt_document import BeltDocument
from ..datasets.belt_motion import BeltEvent, ScriptedEvent
from ..detector.errors import UsageError
from .extras import RENDERING, require
from .terminal import progress, stdout

if TYPE_CHECKING:
    from ..datasets.synthetic.belt_plan import BeltPlan

_EVENT = re.compile(r"(stop|beam_off|reverse)@(\d{1,9}(?:\.\d*)?):(\d{0,6}\.?\d+)")
_PARCELS = 10


def belt(
    out: Annotated[Path, typer.Argument(help="Folder to make; it appears when the belt is complete.")],
    parcels: Annotated[
        int | None, typer.Option(help="Stop behind so many parcels.", show_default=f"{_PARCELS}, without --seconds")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so many seconds of scanner time.")] = None,
    scanner: Annotated[
        str,
        typer.Option(help=f"Preset or YAML file of a dual-energy scanner. Shipped: {', '.join(shipped('scanners'))}."),
    ] = "tunnel160",
    speed: Annotated[float, typer.Option(help="Belt speed in m/s.")] = 0.5,
    line_rate: Annotated[
        float | None, typer.Option(help="Lines a second.", show_default="one a detector pitch: square pixels")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same lines.")] = 0,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Object designs to use; splits never share one.")
    ] = "test",
    gap: Annotated[tuple[float, float], typer.Option(help="Least and largest gap between parcels, mm.")] = (100, 600),
    touching: Annotated[float, typer.Option(help="Chance of a parcel to touch the one before it, 0 to 1.")] = 0.1,
    threat_share: Annotated[float, typer.Option(help="Chance of a parcel to hold a threat, 0 to 1.")] = 0.3,
    event: Annotated[
        list[str] | None,
        typer.Option(help="KIND@POSITION_MM:SECONDS, repeatable; KIND is stop, beam_off or reverse."),
    ] = None,
    dark_lines: Annotated[int, typer.Option(help="Lines with the beam off before the belt starts.")] = 256,
    air_lines: Annotated[int, typer.Option(help="Lines of air that follow them, the belt still standing.")] = 256,
    raw: Annotated[bool, typer.Option("--raw", help="Lines before calibration: offset and gain by detector.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the first parcels with the truth over them (.jpg or .png).")
    ] = None,
    send: Annotated[
        str | None,
        typer.Option(
            help="Then send the belt live to a lane that listens there: tcp://HOST:PORT or zmq://HOST:PORT. "
            "A belt that exists already is sent as it is."
        ),
    ] = None,
    pace: Annotated[float, typer.Option(help="With --send: 2 sends twice as fast as the belt runs.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary.")] = False,
) -> None:
    """Record a virtual scanner: rendered parcels passing as lines, gaps included, with the truth beside them.

    OUT gets `belt.json` (scanner, motion, parcels with their labels) and `lines_VIEW.npy`, uint16
    (lines, detectors, low and high), for each view of the scanner.

    Example: `parcelsight belt lane1 --seconds 60 --touching 0.3 --event stop@2500:3 --event reverse@6000:1`

    Live: `parcelsight belt lane1 --send tcp://127.0.0.1:4001`, to a lane whose source has `kind: lines`
    """
    if send is not None and out.exists():
        _send(out, send, pace)
        return
    require("rendering scans", "synthetic", RENDERING)
    # Rendering loads and compiles for seconds; other verbs must not pay for it.
    from ..datasets.synthetic.belt_plan import BeltPlan

    if raw and picture is not None:
        raise UsageError("--picture draws calibrated lines, --raw records others", "leave one of them out")
    plan = BeltPlan(
        scanner=scanner,
        seed=seed,
        split=split,
        belt_speed_m_s=speed,
        line_rate_hz=line_rate,
        parcels=_PARCELS if parcels is None and seconds is None else parcels,
        seconds=seconds,
        gap_mm=gap,
        touching=touching,
        threat_share=threat_share,
        events=tuple(_parsed(text) for text in event or ()),
        dark_lines=dark_lines,
        air_lines=air_lines,
        raw=raw,
    )
    document = _record(plan, out)
    if picture is not None:
        _draw(out, picture, dark_lines + air_lines)
    _summary(document, out, as_json)
    if send is not None:
        _send(out, send, pace)


def _parsed(text: str) -> ScriptedEvent:
    """An event as it is written on the command line."""
    match = _EVENT.fullmatch(text)
    if match is None:
        raise UsageError(f"--event {text}: not understood", "write it like stop@2500:3 (KIND@POSITION_MM:SECONDS)")
    kind, position_mm, seconds = match.groups()
    return ScriptedEvent(float(position_mm), BeltEvent(kind), 1000 * float(seconds))


def _record(plan: BeltPlan, out: Path) -> BeltDocument:
    """Record with a bar that counts what the belt is limited by."""
    from ..datasets.synthetic.belt_recording import record_belt

    in_parcels = plan.seconds is None
    with progress() as bar:
        task = bar.add_task("parcels" if in_parcels else "lines", total=plan.parcels if in_parcels else None)

        def tell(lines: int, total: int | None, parcels: int) -> None:
            bar.update(task, completed=parcels if in_parcels else lines, total=plan.parcels if in_parcels else total)

        return record_belt(plan, out, tell)


def _draw(out: Path, picture: Path, first_line: int) -> None:
    """The belt from its first moving line on."""
    from ..datasets.belt_files import open_belt
    from ..datasets.belt_picture import belt_picture
    from ..datasets.writers import write_picture

    write_picture(picture, belt_picture(open_belt(out), first_line))


def _send(out: Path, address: str, pace: float) -> None:
    """Send a belt, with a bar of its lines."""
    from ..datasets.belt_files import open_belt
    from ..inference.stream.sender import send_belt

    if not 0.01 <= pace <= 1000:
        raise UsageError(f"--pace {pace:g}: impossible", "give 0.01 to 1000")
    belt = open_belt(out)
    with progress() as bar:
        task = bar.add_task("lines", total=len(belt))

        def tell(line: int, stopped: bool) -> None:
            bar.update(task, completed=line, description="lane stopped the belt" if stopped else "lines")

        again = send_belt(
            belt, address, f"{out.resolve().name}-{time.time_ns() // 1_000_000}", pace=pace, on_progress=tell
        )
    retold = f"; connected {again} times anew" if again else ""
    stdout.print(f"{len(belt)} lines sent to {address}{retold}", markup=False, highlight=False)


def _summary(document: BeltDocument, out: Path, as_json: bool) -> None:
    """What was recorded."""
    top = document.views[0]
    labels = Counter(entry.label for parcel in document.parcels for entry in parcel.views[top])
    seconds = document.lines / document.line_rate_hz
    summary = {
        "out": str(out),
        "scanner": document.scanner,
        "views": list(document.views),
        "lines": document.lines,
        "detectors": document.detectors,
        "line_rate_hz": round(document.line_rate_hz, 3),
        "seconds": round(seconds, 3),
        "parcels": len(document.parcels),
        "threat_free": sum(not any(parcel.views.values()) for parcel in document.parcels),
        "objects": dict(sorted(labels.items())),
    }
    if as_json:
        stdout.print(json.dumps(summary), markup=False, highlight=False)
        return
    objects = ", ".join(f"{count} {label}" for label, count in labels.most_common()) or "none"
    stdout.print(
        f"{out}: {document.lines} lines of {document.detectors} detectors, {seconds:.1f} s at "
        f"{document.line_rate_hz:.1f} lines/s, views: {', '.join(document.views)}",
        markup=False, highlight=False,
    )  # fmt: skip
    stdout.print(
        f"{len(document.parcels)} parcels, {summary['threat_free']} of them threat-free; in view {top}: {objects}",
        markup=False, highlight=False,
    )  # fmt: skip
