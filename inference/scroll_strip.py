"""A scrolling display's frames stitched into one scan a parcel.

The strip always ends in the newest frame, whole: what lies in sight is taken from one frame, so a parcel that fits the
window is never pieced together, and only what has scrolled out of sight comes from earlier frames. A parcel is done
when air has followed it in; where two frames have nothing in common (the display jumped, or shows one parcel after the
other) what was held is given out before it is let go. Nothing that was shown is dropped; some may be given twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2
from .scroll_shift import darkness, energy, estimate, is_same, lacking

_AIR_DARKNESS = 26
"""A column whose darkest pixels, but the darkest hundredth, lack no more to white is air: paper, and compression."""
_GAP_SHARE = 0.025
"""Of the window's width: so much air parts two parcels."""
_LEAST_SHARE = 0.03
"""Of the window's width: less than this between two gaps is dirt on the belt."""
_SMALL_SHARE = 0.1
"""Of the window's width: something shorter must have come half through it, for what a video codec leaves behind in the
air looks like a small thing, but does not move with the belt."""
_LONGEST_WINDOWS = 4
"""A parcel that is longer is given out in pieces that overlap by a quarter window."""
_VOTES = 3
_STILL_PX = 2
_IN_PLACE = 0.9
"""Correlation of what stays in its place, 0…1."""
_NEAR_SHARE = 0.4
"""Part of the window at which new columns come in, asked first: there the shift counts."""
_TELLING_SHARE = 0.05
"""Of the whole window's energy. A part with less shows air with what a video codec left behind in it, which tells
nothing of the belt."""
_STANDING_LEVELS = 1.0
"""A column that changes by no more, of 255, stands still."""


class Direction(StrEnum):
    """Where the picture moves to."""

    RIGHT = "right"
    LEFT = "left"
    DOWN = "down"
    UP = "up"

    def turned(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture so that it moves to the left, new columns coming in at the right; turns back as well."""
        if self in (Direction.UP, Direction.DOWN):
            picture = picture if self is Direction.UP else picture[::-1]
            return np.ascontiguousarray(picture.swapaxes(0, 1))
        return np.ascontiguousarray(picture if self is Direction.LEFT else picture[:, ::-1])

    def turned_back(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The inverse of ``turned``."""
        if self in (Direction.UP, Direction.DOWN):
            picture = picture.swapaxes(0, 1)
            return np.ascontiguousarray(picture if self is Direction.UP else picture[::-1])
        return np.ascontiguousarray(picture if self is Direction.LEFT else picture[:, ::-1])


class DirectionFinder:
    """Votes of frame pairs on where the picture moves."""

    def __init__(self) -> None:
        self._votes: dict[Direction, int] = dict.fromkeys(Direction, 0)

    def add(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Direction | None:
        """Look at two frames, one after the other; the direction once it is sure."""
        along = estimate(darkness(before), darkness(after))
        across = estimate(darkness(_transposed(before)), darkness(_transposed(after)))
        best, ways = (along, (Direction.LEFT, Direction.RIGHT))
        if across.correlation > along.correlation:
            best, ways = across, (Direction.UP, Direction.DOWN)
        if best.is_sure and best.px:
            self._votes[ways[best.px > 0]] += 1
        leader = max(self._votes, key=lambda way: self._votes[way])
        others = sum(self._votes.values()) - self._votes[leader]
        return leader if self._votes[leader] >= _VOTES + 2 * others else None


def _transposed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(picture.swapaxes(0, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Stitched:
    """One parcel, or one piece of a long one."""

    rgb: NDArray[np.uint8]
    """(H, W, 3) as the display shows it."""
    from_px: int
    """Where it begins along the belt since the start, in pixels of the display."""
    complete: bool
    """False where its end was not seen, or it is one piece of several."""


class ScrollStrip:
    """Takes the window of each frame, gives out parcels.

    Args:
        direction: where the picture moves to.
    """

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._strip: NDArray[np.uint8] | None = None
        self._begin_px = 0
        """Of the strip, along the belt."""
        self._done_px = 0
        """Along the belt: everything before was given out."""
        self._in_pieces = False
        """What follows ``_done_px`` is the rest of a parcel."""
        self._width_px = 0
        self._before: NDArray[np.float32] | None = None
        self._speed_px = 0
        self.repeated = 0
        """Frames that showed the same as the one before."""
        self.jumps = 0
        """Times two frames had nothing in common."""

    def add(self, rgb: NDArray[np.uint8]) -> list[Stitched]:
        """Take a frame's window, uint8 (H, W, 3); the parcels that are done by it."""
        picture = self._direction.turned(rgb)
        dark = darkness(picture)
        if self._strip is None or self._before is None or self._before.shape != dark.shape:
            return self._begin(picture, dark)
        if is_same(self._before, dark):
            self.repeated += 1
            return []
        shift = self._shift(self._before, dark)
        if shift is None:
            self.jumps += 1
            return self._begin(picture, dark)
        self._before = dark
        self._append(picture, shift)
        return self._cut(everything=False)

    def finish(self) -> list[Stitched]:
        """No more frames: what is held."""
        held = self._cut(everything=True)
        self._strip = self._before = None
        return held

    def _begin(self, picture: NDArray[np.uint8], dark: NDArray[np.float32]) -> list[Stitched]:
        """A new strip; what the old one held."""
        held = self._cut(everything=True)
        if self._strip is not None:
            self._begin_px += self._strip.shape[1]
        self._done_px, self._in_pieces = self._begin_px, False
        self._strip, self._before, self._width_px = picture, dark, picture.shape[1]
        return held

    def _shift(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> int | None:
        """Columns that came in; None where the frames have nothing in common."""
        # What stands still in every row while the rest moves is no part of the belt's picture.
        moving = np.abs(after - before).max(axis=0) > _STANDING_LEVELS
        before, after = before * moving, after * moving
        near, middle = round(before.shape[1] * (1 - _NEAR_SHARE)), before.shape[1] // 2
        least = _TELLING_SHARE * max(energy(before), energy(after))
        blind = True
        # Where columns come in is asked first: some displays draw every parcel for itself and move them differently.
        for part in (slice(near, None), slice(middle, None), slice(None), slice(None, middle)):
            earlier, later = before[:, part], after[:, part]
            if part != slice(None) and min(energy(earlier), energy(later)) < least:
                continue
            shift = estimate(earlier, later)
            blind &= shift.correlation == 0
            if shift.fits(-self._speed_px):
                if abs(shift.px) <= _STILL_PX and estimate(before, after).correlation < _IN_PLACE:
                    return None  # it stayed where it was and became another: a display that shows one after the other
                self._speed_px = -shift.px
                return -shift.px
        return self._speed_px if blind else None  # nothing but air to see: the belt moves on as it did

    def _append(self, picture: NDArray[np.uint8], came_px: int) -> None:
        """Move the strip on, with the newest frame at its end; a belt that runs back takes columns away again."""
        assert self._strip is not None
        kept_px = self._strip.shape[1] - self._width_px + came_px
        if kept_px < 0:
            self._begin_px += kept_px
        self._strip = np.concatenate([self._strip[:, : max(0, kept_px)], picture], axis=1)

    def _cut(self, everything: bool) -> list[Stitched]:
        """Give out what is done, and let go of what is done and out of sight."""
        if self._strip is None:
            return []
        done: list[Stitched] = []
        gap_px, end_px = self._gap_px, self._strip.shape[1]
        for start, end in _parcels(self._strip, gap_px):
            given_px = self._done_px - self._begin_px
            if start < given_px and not self._in_pieces and end - given_px < (end - start) / 2:
                self._done_px = max(self._done_px, self._begin_px + end)  # was given; it is drawn a little further on
                continue
            start = max(start, given_px)
            open_end = end > end_px - gap_px and not everything
            too_long = end - start > _LONGEST_WINDOWS * self._width_px
            young = end - start < _SMALL_SHARE * self._width_px and start > end_px - self._width_px // 2
            if (open_end and not too_long) or (young and not everything):
                break
            if end - start >= max(2, _LEAST_SHARE * self._width_px):
                done.append(self._stitched(start, end, not (self._in_pieces or too_long or end > end_px - gap_px)))
            self._in_pieces = open_end
            self._done_px = self._begin_px + (end - self._width_px // 4 if open_end else end)
        self._let_go()
        return done

    @property
    def _gap_px(self) -> int:
        return max(2, round(_GAP_SHARE * self._width_px))

    def _stitched(self, start: int, end: int, complete: bool) -> Stitched:
        assert self._strip is not None
        part = self._strip[:, max(0, start - self._gap_px) : end + self._gap_px]
        return Stitched(self._direction.turned_back(part), self._begin_px + start, complete)

    def _let_go(self) -> None:
        assert self._strip is not None
        out_px = min(self._strip.shape[1] - self._width_px, self._done_px - self._begin_px - self._gap_px)
        if out_px > 0:
            self._strip = self._strip[:, out_px:]
            self._begin_px += out_px


def _parcels(strip: NDArray[np.uint8], gap_px: int) -> list[tuple[int, int]]:
    """Runs of columns that are not air, from and to; runs parted by less than a gap are one."""
    dark = cv2.compare(lacking(strip), _AIR_DARKNESS, cv2.CMP_GT)  # 255 where it is
    # The darkest hundredth of a column may be a dead line of the display or a speck.
    counts = cv2.reduce(dark, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0] // 255
    filled = counts > max(1, strip.shape[0] // 100)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]])))
    runs: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] < gap_px:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
