"""What is wrong with the labels of a data set, collected while reading, so that one bad file never stops the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of the object or scan a problem was found on."""

    OBJECT_DROPPED = "object dropped"
    SCAN_SET_ASIDE = "scan set aside"
    """Its labels are unknown: it is neither a scan with threats nor a threat-free one."""
    KEPT = "kept"
    """Read as it stands; a person should look."""
    REMARK = "remark"
    """Nothing is wrong, but a person should know."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, where, and what to do about it."""

    file: str
    message: str
    remedy: str
    outcome: Outcome
    scan_id: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.message}; {self.remedy} [{self.outcome}]"


class Problems:
    """Problems in the order they were found."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def drop(self, file: object, message: str, remedy: str, scan_id: str = "") -> None:
        """One labelled object cannot be taken."""
        self._found.append(Problem(str(file), message, remedy, Outcome.OBJECT_DROPPED, scan_id))

    def set_aside(self, file: object, message: str, remedy: str, scan_id: str = "") -> None:
        """The labels of a scan, or its picture, cannot be read."""
        self._found.append(Problem(str(file), message, remedy, Outcome.SCAN_SET_ASIDE, scan_id))

    def note(self, file: object, message: str, remedy: str, scan_id: str = "") -> None:
        """Something looks wrong but could be read."""
        self._found.append(Problem(str(file), message, remedy, Outcome.KEPT, scan_id))

    def remark(self, file: object, message: str, remedy: str) -> None:
        """Something to know of a sound data set."""
        self._found.append(Problem(str(file), message, remedy, Outcome.REMARK))

    def count(self, outcome: Outcome) -> int:
        """Problems with this outcome."""
        return sum(problem.outcome is outcome for problem in self._found)

    def losses(self) -> list[Problem]:
        """Problems that cost an object or a scan."""
        lost = (Outcome.OBJECT_DROPPED, Outcome.SCAN_SET_ASIDE)
        return [problem for problem in self._found if problem.outcome in lost]

    def scans_set_aside(self) -> set[str]:
        """Ids of the scans whose labels or picture cannot be read."""
        return {p.scan_id for p in self._found if p.outcome is Outcome.SCAN_SET_ASIDE and p.scan_id}
