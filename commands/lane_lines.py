"""What running lanes tell in a terminal: a line for each change of state and each scan a person must look at."""

from __future__ import annotations

import json as jsonlib
from collections import Counter
from threading import Event
from time import monotonic
from typing import Any

from ..inference.lanes.events import EarlyResult, Missed, Pressed, StateChanged, VerdictGiven
from ..inference.lanes.events import Event as LaneEvent
from ..inference.lanes.runtime import Lanes
from ..inference.lanes.state import LaneStatus, State
from .terminal import stderr, stdout

_SUMMARY_EVERY_S = 30.0
_STYLES = {State.SCREENING: "green", State.DEGRADED: "yellow", State.NOT_SCREENING: "bold red"}
_VERDICT_STYLES = {"ALARM": "bold magenta", "REVIEW": "cyan", "UNSCREENED": "yellow"}


class LaneLines:
    """Prints the lanes' events.

    Args:
        lanes: not yet started.
        json: verdicts and states as JSON lines on stdout instead.
    """

    def __init__(self, lanes: Lanes, json: bool) -> None:
        self._lanes, self._json = lanes, json
        self._events = lanes.hub.subscribe()
        self._shown = lanes.ledger.counts().last_number
        self._verdicts: Counter[str] = Counter()
        self._told = monotonic()

    def follow(self, stop: Event) -> None:
        """Print until ``stop``, or until recordings have come to their end."""
        if self._lanes.resumed:
            stderr.print(f"going on with {self._lanes.resumed} scans of an earlier run", style="dim")
        while not stop.is_set() and not self._lanes.done:
            event = self._events.get(0.25)
            if event is not None:
                self._tell(event)
            if not self._json and monotonic() - self._told > _SUMMARY_EVERY_S:
                self._told = monotonic()
                stdout.print(self._summary(), style="dim")

    def close(self) -> None:
        """Print what the lanes said while they stopped, and the sum of the run."""
        while (event := self._events.get(0)) is not None:
            if not isinstance(event, StateChanged):
                self._tell(event)
        self._events.close()
        stderr.print(f"stopped; {self._summary()}", style="dim")

    def _tell(self, event: LaneEvent) -> None:
        if isinstance(event, VerdictGiven):
            self._verdict(event.number, event.record)
        elif isinstance(event, StateChanged):
            self._state(event.status)
        elif isinstance(event, Missed):
            self._catch_up()
        elif isinstance(event, EarlyResult | Pressed):
            return  # told to belts and consoles; here the verdict and the state say it

    def _catch_up(self) -> None:
        """Verdicts that this terminal was too slow for are read from the ledger."""
        if self._lanes.stopping.is_set():
            return
        while records := self._lanes.ledger.verdicts_since(self._shown):
            for record in records:
                self._verdict(record["number"], record)

    def _verdict(self, number: int, record: Any) -> None:
        if number <= self._shown:
            return
        self._shown = number
        verdict = record["verdict"]
        self._verdicts[verdict] += 1
        if self._json:
            print(jsonlib.dumps({"event": "verdict", **record}), flush=True)
        elif verdict in _VERDICT_STYLES:
            line = f"{record['decided_at'][11:19]}  {record['lane']}  {verdict}  {record['scan']}: {record['reason']}"
            stdout.print(line, style=_VERDICT_STYLES[verdict])

    def _state(self, status: LaneStatus) -> None:
        if self._json:
            print(jsonlib.dumps({"event": "state", **status.to_record()}), flush=True)
            return
        why = f" ({status.cause}): {status.detail}" if status.cause is not None else ""
        stdout.print(f"{status.since:%H:%M:%S}  {status.lane}  {status.state.label}{why}", style=_STYLES[status.state])

    def _summary(self) -> str:
        verdicts = ", ".join(f"{count} {name}" for name, count in sorted(self._verdicts.items())) or "no verdicts yet"
        waiting = sum(lane.depth for lane in self._lanes.lanes.values())
        return f"{verdicts}; {waiting} scans wait"
