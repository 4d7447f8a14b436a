"""The seam to whatever wants verdicts, and the fake that keeps them in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from ...detector.errors import UsageError
from ..lanes.state import LaneStatus

Record = Mapping[str, Any]
"""A verdict as ``Ledger.verdicts_since`` gives it; its ``number`` is the key by which a receiver drops repeats."""


class Sink(Protocol):
    """One receiver of verdicts. Called by one thread alone, which may be kept waiting: nothing else waits with it."""

    def resume(self, cursor: int) -> int:
        """Called at the start and after each failure: the number of the last verdict this sink has; usually the cursor
        it is given.

        Raises:
            SinkError: if the receiver cannot be reached; tried again later.
        """

    def deliver(self, record: Record) -> None:
        """Hand over one verdict, in order of numbers; it counts as taken after the next ``flush``.

        Raises:
            SinkError: if it was not taken; this and later ones are delivered again.
        """

    def flush(self) -> None:
        """Return when everything delivered is safe with the receiver.

        Raises:
            SinkError: if it is not; everything since the last flush is delivered again.
        """

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """The states of all lanes, after each change and at the start; sinks without use for them ignore it.

        Raises:
            SinkError: if they were not taken; told again later.
        """

    def close(self) -> None:
        """Let go of files and connections; never raises."""


class SinkConfig(BaseModel):
    """One entry of ``sinks:`` in LANES.yaml; subclasses add ``kind`` and their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    """Its cursor in the ledger is kept under this name: a new name begins with the first verdict of the ledger."""

    def open(self) -> Sink:
        """Make the sink; the receiver need not be there yet.

        Raises:
            ParcelSightError: if it can be told now that it will never work.
        """
        raise NotImplementedError

    def password_in(self, file: Path | None) -> str | None:
        """The one line of a password file; None where none is named. Raises UsageError if it cannot be read."""
        if file is None:
            return None
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"sink {self.name}: {file} cannot be read ({error})", "name a readable text file"
            ) from error


class ListSink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.told: list[tuple[LaneStatus, ...]] = []
        self.closed = False

    def resume(self, cursor: int) -> int:
        """Where the cursor stands."""
        return cursor

    def deliver(self, record: Record) -> None:
        """Keep it."""
        self.records.append(record)

    def flush(self) -> None:
        """Nothing to do."""

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """Keep them."""
        self.told.append(tuple(statuses))

    def close(self) -> None:
        """Note it."""
        self.closed = True
