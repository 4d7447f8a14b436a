"""Parcels on a belt: looked at window by window while they pass, as a whole when they have, then delivered in order.

The reading thread hands events in; each asks the detector at once, so that windows, wholes and other lanes share the
workers. One thread here takes the answers in the order of the belt. When workers are behind, windows are shed first:
they are optional, the whole is not. What is probably the whole is looked at before the gap behind it is long enough
to be sure; mostly its answer is there when the parcel's end is.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from threading import Condition, Event, Thread
from time import monotonic

import numpy as np

from ...datasets.scan import Scan
from ...detector.errors import ModelError
from ..resolution import coarse_reason, tile_spans
from ..stream.judging import GrowingResult
from ..stream.parcels import BeltEvent, BeltPart, ParcelEnding, ParcelFinished, ParcelStarted, WindowReady
from ..verdicts import ScreenedScan, Verdict
from .arrival import Arrival
from .causes import LossCause
from .events import EarlyResult
from .jobs import JobFailed, WindowFuture, WindowJob, WindowResult
from .parcel_again import LOOK, BeltPlace, look_of
from .source import Deliver, Refusal, Surroundings

_log = logging.getLogger(__name__)

MOST_WAITING = 12
"""Events between reading and screening; then reading waits, and the belt is asked to stop."""
MOST_BEHIND = 2
"""Parcels that have passed without a verdict; then no other may come: a verdict is worth little far down the belt."""
WINDOW_DEADLINE_S = 1.5
"""A window that no worker has begun by then is no longer early."""
WHOLE_DEADLINE_S = 10.0
_TURN_S = 0.25


_Looks = Mapping[str, list[tuple[BeltPart, WindowFuture]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """An event, with what the detector was asked about it."""

    event: BeltEvent
    looks: _Looks = field(default_factory=dict)
    """By view: parts and their answers; of a finished parcel the whole comes last."""
    asked: float = 0.0
    ahead: bool = False
    """Asked before the parcel was known to have ended; an answer may have been shed."""


class BeltScreening:
    """The screening side of a line source.

    Args:
        lane: its name.
        around: detector and hub.
        deliver: into the lane.
        stop: ends it; what has no receipt by then is read again from the scanner.
    """

    def __init__(self, lane: str, around: Surroundings, deliver: Deliver, stop: Event) -> None:
        self._lane, self._around, self._deliver, self._stop = lane, around, deliver, stop
        self._waiting: Queue[_Asked] = Queue(MOST_WAITING)
        self._undelivered: deque[int] = deque()
        self._changed = Condition()
        self._results: dict[str, GrowingResult] = {}
        self._closed = Event()
        self._thread = Thread(target=self._run, name=f"belt-{lane}", daemon=True)
        self._held: _Asked | None = None
        self._ending: tuple[ParcelEnding, _Looks] | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, event: BeltEvent, timeout_s: float) -> bool:
        """Take an event from the reading thread; False where there is no room yet (call again with the same one)."""
        if isinstance(event, ParcelStarted) and not self._has_caught_up(timeout_s):
            return False
        if self._held is None or self._held.event is not event:
            self._held = self._ask(event)
            if isinstance(event, ParcelFinished):
                with self._changed:
                    self._undelivered.append(event.first_line)
        try:
            self._waiting.put(self._held, timeout=timeout_s)
        except Full:
            return False
        self._held = None
        return True

    def durable(self, needed_line: int) -> int:
        """The first line that is still needed, where the reader needs lines from ``needed_line`` on."""
        with self._changed:
            return min([*self._undelivered, needed_line])

    def close(self) -> None:
        """Finish what was taken, unless the program stops."""
        self._closed.set()
        self._thread.join()

    def _has_caught_up(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self._undelivered) < MOST_BEHIND, timeout_s)

    def _ask(self, event: BeltEvent) -> _Asked:
        now = monotonic()
        if isinstance(event, WindowReady):
            looks = {view: [(part, self._submit(part, optional=True))] for view, part in event.views.items()}
            return _Asked(event, looks, now)
        if isinstance(event, ParcelEnding):
            self._ending = event, {view: self._ask_whole(event, view, optional=True) for view in event.views}
        if isinstance(event, ParcelFinished):
            ending, self._ending = self._ending, None
            if ending is not None and ending[0].views is event.views:
                return _Asked(event, ending[1], now, ahead=True)
            return _Asked(event, {view: self._ask_whole(event, view) for view in event.views}, now)
        return _Asked(event)

    def _ask_whole(
        self, parcel: ParcelEnding | ParcelFinished, view: str, optional: bool = False
    ) -> list[tuple[BeltPart, WindowFuture]]:
        """Tiles or the tail of a long parcel, then the whole."""
        whole = parcel.views[view]
        parts = [parcel.tail[view]] if view in parcel.tail else []
        try:
            spans = tile_spans(whole.scan, self._around.detector.card.input_px)
        except ModelError:
            spans = []
        if spans and whole.scan.height_px >= whole.scan.width_px:
            parts = [_tile(whole, first, end) for first, end in spans]
        return [(part, self._submit(part, optional)) for part in (*parts, whole)]

    def _submit(self, part: BeltPart, optional: bool = False) -> WindowFuture:
        job = WindowJob(part.scan, optional=optional)
        return self._around.detector.submit(job, WINDOW_DEADLINE_S if optional else WHOLE_DEADLINE_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asked = self._waiting.get(timeout=_TURN_S)
            except Empty:
                if self._closed.is_set():
                    return
                continue
            try:
                self._follow(asked)
            except Exception:  # one parcel must not end the lane; it is delivered unjudged, and the lane screens it
                _log.exception("internal error while a parcel passed")
                if isinstance(asked.event, ParcelFinished):
                    self._hand_in(asked.event, {})
            if isinstance(asked.event, ParcelFinished):
                with self._changed:
                    self._undelivered.popleft()
                    self._changed.notify_all()

    def _follow(self, asked: _Asked) -> None:
        event = asked.event
        if isinstance(event, ParcelStarted):
            self._results.clear()
        elif isinstance(event, WindowReady):
            for view, looks in asked.looks.items():
                self._early(event, view, *looks[0])
        elif isinstance(event, ParcelFinished):
            outcomes = {view: self._conclude(event, view, asked) for view in asked.looks}
            self._hand_in(event, {view: outcome for view, outcome in outcomes.items() if outcome is not None})

    def _early(self, window: WindowReady, view: str, part: BeltPart, future: WindowFuture) -> None:
        """A window's answer into the growing result, and to whoever watches."""
        answer = _answer(future)
        if isinstance(answer, JobFailed):
            return
        scan_id = _scan_id(window.parcel_id, view, len(window.views))
        result = self._result(scan_id)
        if result.add(part, answer.detections):
            self._around.hub.publish(EarlyResult(self._lane, scan_id, result.early_record()))

    def _conclude(self, parcel: ParcelFinished, view: str, asked: _Asked) -> ScreenedScan | None:
        """The outcome of one view; None where the lane has to screen it from the spool."""
        answers = [(part, self._sure_answer(part, future, asked.ahead)) for part, future in asked.looks[view]]
        whole, last = answers[-1]
        doubts = list(parcel.doubts)
        if len(answers) == 1 and (coarse := coarse_reason(whole.scan, self._around.detector.card.input_px)):
            doubts.append(coarse)
        result = self._result(whole.scan.scan_id)
        unseen = []
        for part, answer in answers[:-1]:
            if isinstance(answer, WindowResult):
                result.add(part, answer.detections)
            else:
                unseen.append(f"a part of it was not looked at: {answer.reason}")
        if isinstance(last, JobFailed):
            return result.give_up(whole, doubts)
        timing = {**last.timing_ms, "total": 1e3 * (monotonic() - asked.asked)}
        return result.finish(whole, last.detections, last.dense_xyxy_px, [*doubts, *unseen], timing)

    def _sure_answer(self, part: BeltPart, future: WindowFuture, ahead: bool) -> WindowResult | JobFailed:
        """The answer; asked for again where it was optional, and shed."""
        answer = _answer(future)
        if ahead and isinstance(answer, JobFailed) and answer.cause in (LossCause.OVERLOAD, LossCause.DEADLINE):
            return _answer(self._submit(part))
        return answer

    def _result(self, scan_id: str) -> GrowingResult:
        if scan_id not in self._results:
            self._results[scan_id] = GrowingResult(scan_id, self._around.detector.card)
        return self._results[scan_id]

    def _hand_in(self, parcel: ParcelFinished, outcomes: Mapping[str, ScreenedScan]) -> None:
        """Deliver every view, until the lane has taken it or the program stops."""
        for view, part in parcel.views.items():
            judged = outcomes.get(view)
            if judged is None and parcel.doubts:
                judged = ScreenedScan(part.scan.scan_id, Verdict.REVIEW, "; ".join(parcel.doubts))
            arrival = Arrival(
                self._lane,
                part.scan.scan_id,
                datetime.now(UTC),
                scan=part.scan,
                judged=judged,
                place=BeltPlace(parcel.stream, view, len(parcel.views) > 1, parcel.first_line, parcel.end_line),
                clock_ms=parcel.first_ms,
                meta=_meta(parcel, view, part),
            )
            while isinstance(answer := self._deliver(arrival), Refusal):
                # It stays here: the scanner keeps its lines too, and sends them again after a restart.
                if answer.retry_after_s is None or self._stop.wait(answer.retry_after_s):
                    _log.error("%s: %s was refused: %s", self._lane, part.scan.scan_id, answer.reason)
                    break


def _answer(future: WindowFuture) -> WindowResult | JobFailed:
    """Wait for it; a future of the detector always ends."""
    failure = future.exception()
    if isinstance(failure, JobFailed):
        return failure
    return future.result()


def _scan_id(parcel_id: str, view: str, views: int) -> str:
    return f"{parcel_id}-{view}" if views > 1 else parcel_id


def _tile(whole: BeltPart, first: int, end: int) -> BeltPart:
    """Some rows of a scan."""
    scan = whole.scan
    pixels = np.ascontiguousarray(scan.pixels[first:end])
    tile = Scan(f"{scan.scan_id}.{first}", pixels, scan.kind, scan.pitch_mm, scan.view)
    row = whole.first_row + round(first * whole.rows_per_px)
    return BeltPart(tile, whole.first_detector, row, whole.rows_per_px, first > 0, end < scan.height_px)


def _meta(parcel: ParcelFinished, view: str, part: BeltPart) -> dict[str, str]:
    """What goes on record with the scan: where it lay, and what is wrong with its picture."""
    meta = {
        "parcel": parcel.parcel_id,
        "view": view,
        "views": str(len(parcel.views)),
        "lines": f"{parcel.first_line}-{parcel.end_line}",
        "rows": f"{parcel.first_row}-{parcel.end_row}",
        "first_detector": str(part.first_detector),
        "first_row": str(part.first_row),
        "rows_per_px": f"{part.rows_per_px:.4f}",
        LOOK: look_of(part.scan),
    }
    if parcel.lost_rows:
        meta["lost_rows"] = _ranges(parcel.lost_rows)
    for note in parcel.notes:
        meta[str(note.flaw)] = note.text[:200]
    return meta


def _ranges(stretches: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{first}-{end}" for first, end in stretches)[:200]
