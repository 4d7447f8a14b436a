"""The virtual scanner: rendered parcels as one continuous stream of lines, as a real scanner delivers them.

Everything follows from the seed, whatever the size of the blocks that are asked for: parcels from
``SeedSequence([seed, index])``, the detectors once for the whole belt, noise from numbered stretches of lines. Memory
holds a few parcels and some stretches of belt, never the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...detector.errors import UsageError
from ..belt import BeltParcel, LineBlock, Lines
from .belt_parcels import LaidParcel, Tunnel, draw_parcel, lay
from .belt_plan import BeltPlan
from .detector_array import DetectorArray, digitise, veiled
from .scanner import Scanner

_STRETCH_ROWS = 1024
"""Rows whose scatter and blur are computed at once."""
_HALO_ROWS = 288
"""Rows on either side that reach into a stretch: scatter spreads four times 60 rows, in steps of 16."""
_NOISE_LINES = 252
"""Lines whose noise is drawn at once."""
_DRIFT_LINES = 12
"""Tube output wanders over about this many lines, as in single scans; a stretch of noise is a multiple."""
_RAW_GAIN = (0.7, 0.95)
_RAW_OFFSET = (0.02, 0.06)
_DETECTORS, _PARCEL, _NOISE, _DRIFT, _JITTER = range(1, 6)
"""First words of seeds, so that no two things share one."""


class VirtualScanner:
    """A scanner with parcels running through it."""

    def __init__(
        self, plan: BeltPlan, scanner: Scanner, on_parcel: Callable[[BeltParcel], None] = lambda parcel: None
    ) -> None:
        """Args:
            plan: what runs over the belt.
            scanner: the loaded preset that the plan names.
            on_parcel: told the truth about each parcel, in order, before a block with any of its lines is given out.

        Raises:
            UsageError: for a single-energy scanner, a tunnel too small for parcels or an impossible event.
        """
        if not scanner.dual_energy:
            raise UsageError(f"scanner {scanner.name} has one energy", "choose a dual-energy scanner")
        self.plan = plan
        self.scanner = scanner
        self.motion = plan.motion(scanner.preset.pitch_mm)
        self.lines = None if plan.seconds is None else max(1, round(plan.seconds * self.motion.line_rate_hz))
        self.tunnel = Tunnel.of(scanner, self.motion.line_pitch_mm)
        self.arrays = _draw_arrays(plan, scanner)
        self._on_parcel = on_parcel

    @property
    def dead_detectors(self) -> Mapping[str, tuple[int, ...]]:
        """By view: detectors that answer to nothing."""
        return {
            name: tuple(int(i) for i in np.flatnonzero((array.gain == 0).all(axis=1)))
            for name, array in self.arrays.items()
        }

    def blocks(self, lines: int = 64) -> Iterator[LineBlock]:
        """The stream from its first line, in blocks of so many lines; only the last may be shorter."""
        first, rest = 0, {name: _no_lines(self.tunnel.detectors) for name in self.arrays}
        for fresh in self._stretches():
            rest = {name: np.concatenate([rest[name], fresh[name]]) for name in rest}
            count = len(next(iter(rest.values())))
            for at in range(0, count - lines + 1, lines):
                yield LineBlock(first + at, {name: levels[at : at + lines] for name, levels in rest.items()})
            taken = count - count % lines
            first += taken
            rest = {name: levels[taken:] for name, levels in rest.items()}
        if len(next(iter(rest.values()))):
            yield LineBlock(first, rest)

    def _stretches(self) -> Iterator[dict[str, Lines]]:
        """Levels of all views, in stretches of lines of one length but for the last."""
        belt = _Belt(self)
        first = 0
        while True:
            rows, beam = self.motion.rows(first, _NOISE_LINES), self.motion.beam(first, _NOISE_LINES)
            belt.lay_until(int(rows.max()) + _STRETCH_ROWS + _HALO_ROWS)
            count = belt.lines_left(first, rows)
            belt.forget(self.motion.lowest_row_from(first))
            yield {name: self._levels(belt, name, first, rows, beam)[:count] for name in self.arrays}
            if count < _NOISE_LINES:
                return
            first += _NOISE_LINES

    def _levels(self, belt: _Belt, view: str, first: int, rows: NDArray[np.int64], beam: NDArray[np.bool_]) -> Lines:
        """Noise, gain, offset and rounding: drawn for each line anew, also where it reads a row again."""
        array, number = self.arrays[view], list(self.arrays).index(view)
        rng = np.random.default_rng([_NOISE, self.plan.seed, number, first])
        lit = np.ascontiguousarray(belt.lit(view, rows) * beam[:, None, None].astype(np.float32))
        normal = rng.standard_normal(lit.shape, dtype=np.float32)
        tube = 1 + np.float32(array.line_drift) * self._drift(number, first)
        levels = np.empty(lit.shape, np.uint16)
        electronic = np.float32(array.electronic_noise**2)
        digitise(levels, lit, normal, tube, array.gain, array.dark, 1 / array.photons, electronic, array.saturation)
        return levels

    def _drift(self, view: int, first: int) -> NDArray[np.float32]:
        """(_NOISE_LINES,) deviation of the tube's output: a slow wander without seams, and a little jitter."""
        knots = [
            np.random.default_rng([_DRIFT, self.plan.seed, view, at]).standard_normal(_NOISE_LINES // _DRIFT_LINES)
            for at in (first, first + _NOISE_LINES)
        ]
        slow = np.interp(np.arange(_NOISE_LINES) / _DRIFT_LINES, np.arange(2 * len(knots[0])), np.concatenate(knots))
        jitter = np.random.default_rng([_JITTER, self.plan.seed, view, first]).standard_normal(_NOISE_LINES)
        return (slow + 0.2 * jitter).astype(np.float32)

    def _truth(self, index: int, laid: LaidParcel) -> None:
        first_line, end_line = self.motion.span_of_rows(laid.first_row, laid.end_row)
        views = {name: exposure.annotations for name, exposure in laid.views.items()}
        name = f"b{self.plan.seed}-{index:06d}"
        self._on_parcel(BeltParcel(name, laid.scenario, laid.first_row, laid.end_row, first_line, end_line, views))


class _Belt:
    """The part of the belt that lines still need: parcels, and what reaches the detectors row by row."""

    def __init__(self, owner: VirtualScanner) -> None:
        self._owner = owner
        self._parcels: list[LaidParcel] = []
        self._laid = 0
        self._full = False
        self._next_row = _HALO_ROWS
        self._stretches: dict[tuple[str, int], NDArray[np.float32]] = {}
        self._end_row = None if owner.lines is None else int(owner.motion.rows(owner.lines - 1, 1)[0]) + 1

    def lines_left(self, first: int, rows: NDArray[np.int64]) -> int:
        """How many of the lines from ``first`` on, which read these rows, belong to the stream."""
        if self._owner.lines is not None:
            return min(len(rows), self._owner.lines - first)
        passed = rows >= self._end_row if self._end_row is not None else np.zeros(len(rows), np.bool_)
        return int(passed.argmax()) if passed.any() else len(rows)

    def lay_until(self, row: int) -> None:
        """Lay parcels until one ends behind a row, or there are no more."""
        owner, plan = self._owner, self._owner.plan
        while self._next_row <= row and not self._full:
            if self._laid == plan.parcels:
                self._full = True
                self._end_row = self._end_row or self._next_row + _HALO_ROWS
                return
            rng = np.random.default_rng([_PARCEL, plan.seed, self._laid])
            touching = self._laid > 0 and rng.random() < plan.touching
            gap = 0 if touching else round(rng.uniform(*plan.gap_mm) / owner.motion.line_pitch_mm)
            parcel = draw_parcel(rng, plan.split, plan.threat_share, owner.tunnel)
            laid = lay(parcel, self._next_row + gap, owner.tunnel, owner.arrays)
            if self._end_row is not None and laid.end_row > self._end_row:
                self._full = True
                return
            owner._truth(self._laid, laid)
            self._parcels.append(laid)
            self._laid += 1
            self._next_row = laid.end_row

    def forget(self, row: int) -> None:
        """Drop what only rows before this one need."""
        self._parcels = [p for p in self._parcels if p.end_row + _STRETCH_ROWS + _HALO_ROWS > row]
        done = [key for key in self._stretches if (key[1] + 1) * _STRETCH_ROWS <= row]
        for key in done:
            del self._stretches[key]

    def lit(self, view: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, detectors, C) of the beam that arrives in the detectors at each of these rows."""
        lit = np.empty((len(rows), self._owner.tunnel.detectors, 2), np.float32)
        numbers = rows // _STRETCH_ROWS
        for number in np.unique(numbers):
            chosen = numbers == number
            lit[chosen] = self._stretch(view, int(number))[rows[chosen] - number * _STRETCH_ROWS]
        return lit

    def _stretch(self, view: str, number: int) -> NDArray[np.float32]:
        """Ideal transmissions, then scatter, blur and afterglow, of one stretch of rows."""
        key = view, number
        if key not in self._stretches:
            array = self._owner.arrays[view]
            ideal, empty = self._ideal(view, number * _STRETCH_ROWS - _HALO_ROWS)
            if not empty:
                lit = veiled(ideal, array.scatter)
                ideal = cv2.sepFilter2D(lit, -1, array.across, array.along, borderType=cv2.BORDER_REPLICATE)
            self._stretches[key] = ideal[_HALO_ROWS:-_HALO_ROWS].copy()
        return self._stretches[key]

    def _ideal(self, view: str, first_row: int) -> tuple[NDArray[np.float32], bool]:
        """Ideal transmissions of a stretch with its halo, and whether all of it is air."""
        rows = _STRETCH_ROWS + 2 * _HALO_ROWS
        ideal = np.ones((rows, self._owner.tunnel.detectors, 2), np.float32)
        empty = True
        for parcel in self._parcels:
            begin, end = max(parcel.first_row, first_row), min(parcel.end_row, first_row + rows)
            if begin < end:
                seen = parcel.views[view]
                columns = slice(seen.first_detector, seen.first_detector + seen.transmission.shape[1])
                part = seen.transmission[begin - parcel.first_row : end - parcel.first_row]
                ideal[begin - first_row : end - first_row, columns] = part
                empty = False
        return ideal, empty


def _draw_arrays(plan: BeltPlan, scanner: Scanner) -> dict[str, DetectorArray]:
    """The detectors of each view, in one state for the whole belt."""
    detectors = round(scanner.preset.framing.width_mm / scanner.preset.pitch_mm)
    arrays = {}
    for number, view in enumerate(scanner.preset.views):
        rng = np.random.default_rng([_DETECTORS, plan.seed, number])
        array = DetectorArray.draw(scanner.preset.signal, detectors, 2, rng)
        arrays[view.name] = _uncalibrated(array, rng) if plan.raw else array
    return arrays


def _uncalibrated(array: DetectorArray, rng: np.random.Generator) -> DetectorArray:
    """The same detectors before their offsets and gains are corrected; those that are dead stay so."""
    alive = array.gain != 0
    gain = array.gain * rng.uniform(*_RAW_GAIN, array.gain.shape)
    dark = array.dark + alive * rng.uniform(*_RAW_OFFSET, array.dark.shape)
    return replace(array, gain=gain.astype(np.float32), dark=dark.astype(np.float32))


def _no_lines(detectors: int) -> Lines:
    return np.empty((0, detectors, 2), np.uint16)
