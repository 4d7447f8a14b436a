"""One list of claims from several looks at the same thing: windows of a belt, tiles of a strip, the whole at the end.

Looks overlap, so an object is seen more than once, and where a look ends in the middle of matter it may be seen in
part. All boxes are brought into one frame of coordinates; then, look by look:

- **One object, one claim.** A claim continues an earlier one when their boxes, each cut to what both looks saw, overlap
  by SAME_IOU, and their classes are the same or of one group (there SAME_GROUP_IOU). Each continues one at most.
- **Nothing is cut.** A box that touches a side where its look was cut waits: the next look decides. If that sees it
  whole, its box is taken; if it sees it cut at the other side, the two are one longer object; if it sees the place
  whole and claims nothing, the claim was an artefact of the cut and is dropped.
- **Nothing jumps.** A claim keeps its number, and from when it is shown its box too, but for a cut one that grows.
- **Nothing is taken back.** What was shown once stays to the end, with the best score it ever had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..detector.detections import Detections

SAME_IOU = 0.35
"""Of boxes of one class, within what both looks saw."""
SAME_GROUP_IOU = 0.6
"""Of boxes of two classes of a group, such as pistol and revolver."""
EDGE_SHARE = 0.02
"""A box that ends within this share of a look's side (at least EDGE_PX) from a cut touches it."""
EDGE_PX = 4.0
MAX_CLAIMS = 300
"""Of one thing; a detector gives at most so many a look. Those with the lowest scores go first, shown ones never."""

Box = tuple[float, float, float, float]
Sides = tuple[bool, bool, bool, bool]
"""Left, top, right, bottom."""
CLOSED: Sides = (False, False, False, False)


@dataclass(frozen=True, slots=True)
class Look:
    """What one detection saw."""

    xyxy: Box
    """In the common frame."""
    cut: Sides = CLOSED
    """Sides where there is more of the thing than the look shows."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One object, as all looks so far tell it."""

    number: int
    """Stays; counted from 1 in the order in which claims were first made."""
    xyxy: Box
    score: float
    """The best of all looks."""
    class_id: int
    """Of the look with the best score."""
    looks: int = 1
    """How many saw it."""
    shown: bool = False
    """False while it touches a cut and no second look has confirmed it."""
    whole: bool = False
    """A look saw it without touching a cut."""


@dataclass(slots=True)
class _Kept:
    claim: Claim
    seen: Box
    """What the looks that contributed to its box saw."""


@dataclass(slots=True)
class Fusion:
    """The claims about one thing. ``groups``: the group of each class, by class id; any numbers."""

    groups: Sequence[int]
    _kept: list[_Kept] = field(default_factory=list)
    _made: int = 0

    def add(self, look: Look, found: Detections) -> None:
        """Take in one look; boxes are in the common frame."""
        cuts = [_touches(box, look) for box in found.xyxy_px.astype(np.float64)]
        continued = self._match(look, found)
        before = len(self._kept)
        for index, kept in enumerate(continued):
            box = _as_box(found.xyxy_px[index])
            score, class_id = float(found.score[index]), int(found.class_id[index])
            if kept is None:
                self._made += 1
                claim = Claim(self._made, box, score, class_id, shown=not cuts[index], whole=not cuts[index])
                self._kept.append(_Kept(claim, look.xyxy))
            else:
                _continue(kept, box, score, class_id, look, cuts[index])
        seen = {id(kept) for kept in continued if kept is not None}
        self._kept = [
            kept
            for position, kept in enumerate(self._kept)
            if position >= before or id(kept) in seen or kept.claim.shown or not _inside(kept.claim.xyxy, look)
        ]
        self._bound()

    def finish(self, look: Look, found: Detections) -> None:
        """Take in the look at the whole; what still waits and is not confirmed by it is dropped."""
        self.add(look, found)
        self._kept = [kept for kept in self._kept if kept.claim.shown]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Those shown, best first."""
        return tuple(sorted((k.claim for k in self._kept if k.claim.shown), key=lambda c: (-c.score, c.number)))

    @property
    def detections(self) -> Detections:
        """The shown claims as detections, in their order."""
        claims = self.claims
        return Detections(
            np.array([c.xyxy for c in claims], np.float32).reshape(-1, 4),
            np.array([c.score for c in claims], np.float32),
            np.array([c.class_id for c in claims], np.int64),
        )

    def _match(self, look: Look, found: Detections) -> list[_Kept | None]:
        """For each detection the claim that it continues; best overlaps first, one to one."""
        matched: list[_Kept | None] = [None] * len(found)
        if not self._kept or not len(found):
            return matched
        seen = np.array([kept.seen for kept in self._kept])
        shared = np.hstack([np.maximum(seen[:, :2], look.xyxy[:2]), np.minimum(seen[:, 2:], look.xyxy[2:])])
        old = np.array([kept.claim.xyxy for kept in self._kept])
        overlap = _overlap(found.xyxy_px.astype(np.float64), old, shared)
        classes = np.array([kept.claim.class_id for kept in self._kept])
        groups = np.asarray(self.groups)
        same_class = found.class_id[:, None] == classes
        same_group = groups[found.class_id][:, None] == groups[classes]
        allowed = (same_class & (overlap >= SAME_IOU)) | (same_group & (overlap >= SAME_GROUP_IOU))
        taken: set[int] = set()
        for flat in np.argsort(-overlap, axis=None, kind="stable"):
            index, position = divmod(int(flat), len(self._kept))
            if allowed[index, position] and matched[index] is None and position not in taken:
                matched[index] = self._kept[position]
                taken.add(position)
        return matched

    def _bound(self) -> None:
        """Keep memory and time bounded, whatever a model claims."""
        if len(self._kept) > MAX_CLAIMS:
            order = sorted(self._kept, key=lambda k: (not k.claim.shown, -k.claim.score))
            shown = sum(kept.claim.shown for kept in self._kept)
            self._kept = order[: max(MAX_CLAIMS, shown)]


def _continue(kept: _Kept, box: Box, score: float, class_id: int, look: Look, cut: bool) -> None:
    """A claim seen once more."""
    claim = kept.claim
    if claim.whole:
        place = claim.xyxy
    elif cut:
        place, kept.seen = _hull(claim.xyxy, box), _hull(kept.seen, look.xyxy)
    else:
        place, kept.seen = box, look.xyxy
    kept.claim = replace(
        claim,
        xyxy=place,
        score=max(score, claim.score),
        class_id=class_id if score > claim.score else claim.class_id,
        looks=claim.looks + 1,
        shown=True,
        whole=claim.whole or not cut,
    )


def _overlap(new: NDArray[np.float64], old: NDArray[np.float64], shared: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k) intersection over union of boxes (n, 4) and (k, 4), each pair cut to what both looks saw, (k, 4)."""
    first = np.concatenate(
        [np.maximum(new[:, None, :2], shared[:, :2]), np.minimum(new[:, None, 2:], shared[:, 2:])], axis=2
    )
    second = np.concatenate([np.maximum(old[:, :2], shared[:, :2]), np.minimum(old[:, 2:], shared[:, 2:])], axis=1)[
        None
    ]
    both = np.concatenate(
        [np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])], axis=2
    )
    area = _area(both)
    union = _area(first) + _area(second) - area
    return np.divide(area, union, out=np.zeros_like(area), where=union > 0)


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)
    return area


def _touches(box: NDArray[np.float64], look: Look) -> bool:
    """True where a box reaches a side at which its look was cut."""
    return bool((np.array(look.cut) & (_room(box, look) <= _edge(look))).any())


def _inside(box: Box, look: Look) -> bool:
    """True where a look saw all of a box, with a margin to its cut sides."""
    room = _room(np.array(box), look)
    return bool((room >= 0).all() and (room > _edge(look) * np.array(look.cut)).all())


def _room(box: NDArray[np.float64], look: Look) -> NDArray[np.float64]:
    """(4,) distance of a box to the look's sides, positive inside."""
    sides = np.array(look.xyxy)
    return np.concatenate([box[:2] - sides[:2], sides[2:] - box[2:]])


def _edge(look: Look) -> NDArray[np.float64]:
    width, height = look.xyxy[2] - look.xyxy[0], look.xyxy[3] - look.xyxy[1]
    return np.maximum(np.array([width, height, width, height]) * EDGE_SHARE, EDGE_PX)


def _hull(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _as_box(values: NDArray[np.float32]) -> Box:
    x1, y1, x2, y2 = (float(value) for value in values)
    return x1, y1, x2, y2
