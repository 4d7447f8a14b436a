"""One lane: takes arrivals from its source into the ledger, never more than it may, and sees each to its verdict."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Event, Lock
from time import monotonic

from ...detector.errors import LedgerError
from ..report import to_record
from ..screening import unscreened
from ..verdicts import ScreenedScan, Verdict
from .arrival import Arrival
from .causes import LossCause, LossPolicy
from .config import LaneConfig
from .entries import Entry
from .events import Hub, Pressed
from .health import HEALTH_CAUSES, ImageHealth, doubted
from .jobs import DetectorSeam, JobFailed, ScanFuture, ScanJob, ScanResult, Traits
from .ledger import REFUSED, Ledger, cause_of
from .recorder import Outcome, Recorder
from .source import Receipt, Refusal
from .state import Cause, State, StateBoard
from .traits import traits_of

_log = logging.getLogger(__name__)
_COME_AGAIN_S = 1.0
_FULL = "the lane is full; send the scan again later"
_LASTS_S = 1.0
_SHOWN_S = 5.0
"""After the last scan that an overload cost."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of a program have in common."""

    ledger: Ledger
    detector: DetectorSeam
    recorder: Recorder
    board: StateBoard
    hub: Hub
    on_storage: Callable[[LedgerError | None], None]
    stop: Event


class Lane:
    """One scanner's way through the program. `deliver` may be called from any thread."""

    def __init__(self, config: LaneConfig, shared: Shared) -> None:
        self.config = config
        self.name = config.name
        self._shared = shared
        self._room = Condition(Lock())
        self._unfinished = 0
        self._waiting = 0
        self._pressed_since: float | None = None
        self._shed = float("-inf")
        self._health = ImageHealth()
        self._health_lock = Lock()

    @property
    def depth(self) -> int:
        """Accepted scans without a verdict."""
        return self._unfinished

    @property
    def pressed(self) -> bool:
        """True while the belt is asked to stop."""
        return self._pressed_since is not None

    def turn_away(self) -> Refusal | None:
        """The refusal of a scan that has not been read yet, where the lane has been full for as long as it waits.

        Under overload this keeps what cannot be taken from costing the time of what was.
        """
        since = self._pressed_since
        if self.config.policy is not LossPolicy.REFUSE or since is None or self._unfinished < self.config.queue:
            return None
        if monotonic() - since < self.config.wait_s:
            return None
        self._shed = monotonic()
        return self._refuse(LossCause.OVERLOAD, _FULL)

    def look(self) -> None:
        """Called a few times a second: show an overload that lasts, hide one that is over."""
        now = monotonic()
        since = self._pressed_since
        if now - self._shed < _SHOWN_S:
            detail = "more comes than can be judged; what is too much goes to people unscreened, or is refused"
            self._shared.board.trouble(self.name, Cause.OVERLOAD, State.DEGRADED, detail)
        elif since is not None and now - since > _LASTS_S:
            detail = "the lane is full; the belt is asked to stop"
            self._shared.board.trouble(self.name, Cause.OVERLOAD, State.DEGRADED, detail)
        else:
            self._shared.board.well(self.name, Cause.OVERLOAD)

    def deliver(self, arrival: Arrival) -> Receipt | Refusal:
        """Take a scan, as `Deliver` says; blocks while the lane is full, as its policy says."""
        has_room = self._take_room()
        if self._shared.stop.is_set():
            if has_room:
                self._leave_room()
            return self._refuse(LossCause.STOPPING, "the program is being stopped; send the scan again later")
        if not has_room and self.config.policy is not LossPolicy.UNSCREENED:
            self._shed = monotonic()
            return self._refuse(LossCause.OVERLOAD, _FULL)
        receipt = self._accept(arrival)
        if has_room and (isinstance(receipt, Refusal) or receipt.again):
            self._leave_room()
        if isinstance(receipt, Refusal) or receipt.again:
            return receipt
        if has_room:
            self._begin(arrival, receipt.sequence)
        else:
            self._shed = monotonic()
            reason = "overload: more came than can be judged; a person must look at the parcel"
            screened = unscreened(arrival.scan_id, reason)
            self._finish(receipt.sequence, screened, LossCause.OVERLOAD, monotonic(), lambda: None)
        return receipt

    def _accept(self, arrival: Arrival) -> Receipt | Refusal:
        try:
            return self._shared.ledger.accept(arrival)
        except LedgerError as error:
            self._shared.on_storage(error)
            return self._refuse(cause_of(error), str(error))
        except Exception as error:  # an array that cannot be encoded, a lack of memory: the source goes on
            _log.exception("internal error while accepting %s", arrival.scan_id)
            return self._refuse(LossCause.INTERNAL, f"internal error: {type(error).__name__}: {error}", None)

    def resume(self, entry: Entry) -> None:
        """Screen a scan that an earlier run accepted and did not finish."""
        with self._room:
            self._unfinished += 1
        self._submit(entry)

    def _begin(self, arrival: Arrival, sequence: int) -> None:
        """From here on the scan must end in a verdict, whatever happens."""
        accepted = monotonic()
        try:
            if arrival.judged is not None and arrival.scan is not None:
                cause = LossCause.INTERNAL if arrival.judged.verdict is Verdict.UNSCREENED else None
                result = ScanResult(arrival.judged, cause, traits_of(arrival.scan))
                self._conclude(sequence, result, accepted)
                return
            entry = self._shared.ledger.entry(sequence)
            assert entry is not None, "accepted a moment ago"
            self._submit(entry)
        except Exception as error:
            self._give_up(sequence, arrival.scan_id, error, accepted)

    def _give_up(self, sequence: int, scan_id: str, error: Exception, accepted: float) -> None:
        _log.error("internal error while screening %s", scan_id, exc_info=error)
        screened = unscreened(scan_id, f"internal error: {type(error).__name__}: {error}")
        self._finish(sequence, screened, LossCause.INTERNAL, accepted, self._leave_room)

    def _submit(self, entry: Entry) -> None:
        accepted = monotonic()
        future = self._shared.detector.submit(ScanJob(entry.scan_id, entry.files), self.config.deadline_s)
        future.add_done_callback(lambda done: self._answered(entry, done, accepted))

    def _answered(self, entry: Entry, future: ScanFuture, accepted: float) -> None:
        failure = future.exception()
        if isinstance(failure, JobFailed):
            if failure.cause is not LossCause.STOPPING:  # then it stays in the spool, and the next run finishes it
                screened = unscreened(entry.scan_id, f"{failure.cause}: {failure.reason}")
                self._finish(entry.sequence, screened, failure.cause, accepted, self._leave_room)
            return
        try:
            self._conclude(entry.sequence, future.result(), accepted)
        except Exception as error:
            self._give_up(entry.sequence, entry.scan_id, error, accepted)

    def _conclude(self, sequence: int, result: ScanResult, accepted: float) -> None:
        """The detector's outcome, unless the lane's pictures forbid to believe it."""
        screened, cause = result.screened, result.cause
        if result.traits is not None and self.config.health:
            screened, doubt = self._watched(screened, result.traits)
            cause = cause or doubt
        self._finish(sequence, screened, cause, accepted, self._leave_room)

    def _watched(self, screened: ScreenedScan, traits: Traits) -> tuple[ScreenedScan, LossCause | None]:
        with self._health_lock:
            complaints = self._health.look(traits)
            wrong = {complaint.cause for complaint in complaints}
            for complaint in complaints:
                self._shared.board.trouble(self.name, complaint.cause, complaint.state, complaint.detail)
            for cause in HEALTH_CAUSES:
                if cause not in wrong:
                    self._shared.board.well(self.name, cause)
        return doubted(screened, traits, complaints)

    def _finish(
        self,
        sequence: int,
        screened: ScreenedScan,
        cause: LossCause | None,
        accepted: float,
        done: Callable[[], None],
    ) -> None:
        card = self._shared.detector.card
        record = {"model": f"{card.name} {card.version}", **to_record(screened, card)}
        self._shared.recorder.put(Outcome(sequence, self.name, record, cause, accepted, done))

    def _take_room(self) -> bool:
        """One more unfinished scan, as soon as there is room; False where the source was held long enough."""
        held_s = float("inf") if self.config.policy is LossPolicy.WAIT else self.config.wait_s
        until = monotonic() + held_s
        with self._room:
            if self._unfinished < self.config.queue and not self._waiting:
                self._unfinished += 1
                return True
            self._waiting += 1
            self._press()
            try:
                while self._unfinished >= self.config.queue:
                    left_s = until - monotonic()
                    if left_s <= 0 or self._shared.stop.is_set():
                        return False
                    self._room.wait(min(left_s, 0.25))
                self._unfinished += 1
                return True
            finally:
                self._waiting -= 1

    def _leave_room(self) -> None:
        with self._room:
            self._unfinished -= 1
            self._room.notify()
            # Not at the first free place: a belt that is stopped and started with every scan wears out.
            if self._pressed_since is not None and not self._waiting and self._unfinished <= self.config.queue // 2:
                self._pressed_since = None
                self._shared.hub.publish(Pressed(self.name, False))

    def _press(self) -> None:
        """Ask the belt to stop."""
        if self._pressed_since is None:
            self._pressed_since = monotonic()
            self._shared.hub.publish(Pressed(self.name, True))

    def _refuse(self, cause: LossCause, reason: str, retry_after_s: float | None = _COME_AGAIN_S) -> Refusal:
        self._shared.ledger.count(self.name, REFUSED, cause)
        return Refusal(cause, reason, retry_after_s)
