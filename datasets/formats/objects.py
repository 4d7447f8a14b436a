"""The door for labelled objects: whatever the format says of one, it enters here checked or not at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..annotations import Annotations
from .problems import Problems

_MAX_LABEL = 200
_MAX_PX = 1e7


def number(value: object) -> float:
    """A finite number out of a JSON value or text.

    Raises:
        ValueError: for anything else, naming it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{_short(value)} is not a number")
    try:
        result = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{_short(value)} is not a number") from None
    if not math.isfinite(result):
        raise ValueError(f"{_short(value)} is not a finite number")
    return result


def stated_size(width: object, height: object) -> tuple[int, int] | None:
    """(width, height) in pixels as a label file states them; None where the two are no size of a picture."""
    try:
        sides = int(number(width)), int(number(height))
    except ValueError:
        return None
    return sides if min(sides) > 0 and max(sides) <= _MAX_PX else None


def label_name(value: object) -> str:
    """A label: one line of printable text without blanks around it.

    Raises:
        ValueError: for anything else, naming it.
    """
    if not isinstance(value, str):
        raise ValueError(f"class name {_short(value)} is not text")
    name = value.strip()
    if not name or len(name) > _MAX_LABEL or not name.isprintable():
        raise ValueError(f"class name {_short(value)} is empty, too long or not printable")
    return name


def box_fault(xyxy_px: Sequence[float]) -> str:
    """Why four numbers are no box; empty where they are one."""
    x1, y1, x2, y2 = xyxy_px
    if not all(math.isfinite(v) for v in xyxy_px):
        return "box holds values that are not finite"
    if max(abs(v) for v in xyxy_px) > _MAX_PX:
        return "box lies beyond any picture"
    if x2 < x1 or y2 < y1:
        return f"box is inverted (x {x1:g} to {x2:g}, y {y1:g} to {y2:g})"
    if x2 == x1 or y2 == y1:
        return f"box has no area (x {x1:g} to {x2:g}, y {y1:g} to {y2:g})"
    return ""


class ObjectList:
    """Gathers the objects of one scan; what cannot be taken is dropped and told to ``problems``."""

    def __init__(self, scan_id: str, file: object, problems: Problems) -> None:
        self._scan_id = scan_id
        self._file = file
        self._problems = problems
        self._boxes: list[Sequence[float]] = []
        self._labels: list[str] = []
        self._attributes: list[Mapping[str, object]] = []
        self._dropped = 0

    def add(self, xyxy_px: Sequence[float], label: str, attributes: Mapping[str, object]) -> None:
        """Take an object, or drop it if its box is none."""
        fault = box_fault(xyxy_px)
        if fault:
            self.drop(f"object {self.seen + 1} ({label}): {fault}", "correct or delete this object")
            return
        self._boxes.append(tuple(xyxy_px))
        self._labels.append(label)
        self._attributes.append(attributes)

    def drop(self, message: str, remedy: str) -> None:
        """Leave an object out, and say so."""
        self._dropped += 1
        self._problems.drop(self._file, message, remedy, self._scan_id)

    @property
    def seen(self) -> int:
        """Objects met so far, taken or dropped."""
        return len(self._labels) + self._dropped

    def annotations(self) -> Annotations | None:
        """What was taken; None where every object was dropped, for such a scan must not pass as threat-free."""
        if self._dropped and not self._labels:
            self._problems.set_aside(
                self._file,
                "none of its objects could be read",
                "correct the labels; the scan is not taken as threat-free",
                self._scan_id,
            )
            return None
        return Annotations.of(self._boxes, self._labels, self._attributes)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
