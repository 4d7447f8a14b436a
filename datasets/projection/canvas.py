"""A scan that is being projected into: one door for transmissions and for pseudo-colour."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..levels import as_levels
from ..scan import Scan, ScanKind, transmission
from .colour import ColourTraits, colour_traits, luminance, project_colour
from .compose import Shade, project
from .parcel_region import ParcelRegion, find_region
from .realism import Change
from .scan_traits import TYPICAL_ELECTRONIC, TYPICAL_GAIN, ScanTraits, traits_of

_DARKEST = 1e-3


class Canvas(Protocol):
    """What projecting needs of a scan."""

    scan: Scan
    region: ParcelRegion
    depth: NDArray[np.float32]
    """(H, W) -ln of the scan, mean over its channels; about nil in air."""
    light: NDArray[np.float32]
    """(H, W) what is left of the beam in the channel that sees most."""

    @property
    def blur_px(self) -> float:
        """Of the scan's point spread."""

    @property
    def single_energy(self) -> bool:
        """True where one channel is projected."""

    def attempt(self, shade: Shade, rng: np.random.Generator) -> tuple[NDArray[Any], Change]:
        """The window's new pixels with the threat in it, and what changed. The scan itself stays as it was."""

    def with_window(self, shade: Shade, pixels: NDArray[Any]) -> Scan:
        """A copy of the scan with new pixels in the window."""


@dataclass(slots=True)
class BeamCanvas:
    """A dual-energy or grey scan."""

    scan: Scan
    pitch_mm: float
    lit: NDArray[np.float32] = field(init=False)
    traits: ScanTraits = field(init=False)
    depth: NDArray[np.float32] = field(init=False)
    light: NDArray[np.float32] = field(init=False)
    region: ParcelRegion = field(init=False)

    def __post_init__(self) -> None:
        lit = transmission(self.scan)
        self.lit = np.ascontiguousarray(lit if lit.ndim == 3 else lit[:, :, None])
        self.traits = traits_of(self.lit)
        self.depth = _depth(self.lit)
        self.light = self.lit.max(axis=2)
        self.region = find_region(self.depth, self.pitch_mm)

    @property
    def blur_px(self) -> float:
        """Of the scan's point spread."""
        return self.traits.blur_px

    @property
    def single_energy(self) -> bool:
        """True for grey scans."""
        return self.scan.kind is ScanKind.GREY

    def attempt(self, shade: Shade, rng: np.random.Generator) -> tuple[NDArray[Any], Change]:
        """As Canvas says."""
        parcel = self.lit[shade.slices]
        layered = project(parcel, shade, self.traits, rng)
        after = np.maximum(layered.expected, _DARKEST)
        noise = (self.traits.noise(layered.expected) / after).mean(axis=2)
        change = Change(
            found=_depth(layered.transmission) - self.depth[shade.slices],
            predicted=_depth(layered.expected) - self.depth[shade.slices],
            noise=noise,
            footprint=shade.footprint,
            # The mean over channels is less noisy than each.
            whole_noise=noise / np.float32(np.sqrt(parcel.shape[2])),
            after=_depth(layered.transmission),
        )
        return self._stored(layered.transmission), change

    def with_window(self, shade: Shade, pixels: NDArray[Any]) -> Scan:
        """As Canvas says."""
        return _replaced(self.scan, shade, pixels)

    def _stored(self, lit: NDArray[np.float32]) -> NDArray[Any]:
        """Pixels of the scan's own type."""
        pixels = lit if self.scan.pixels.ndim == 3 else lit[:, :, 0]
        if self.scan.pixels.dtype == np.uint8:
            return np.rint(pixels * 255).astype(np.uint8)
        return as_levels(pixels) if self.scan.pixels.dtype == np.uint16 else pixels


@dataclass(slots=True)
class ColourCanvas:
    """A pseudo-colour scan."""

    scan: Scan
    pitch_mm: float
    look: str | None
    rng: np.random.Generator
    traits: ColourTraits = field(init=False)
    depth: NDArray[np.float32] = field(init=False)
    light: NDArray[np.float32] = field(init=False)
    region: ParcelRegion = field(init=False)

    def __post_init__(self) -> None:
        self.traits = colour_traits(self.scan.pixels, self.look, self.rng)
        self.light = luminance(self.scan.pixels, self.traits.air_rgb)
        self.depth = -np.log(self.light)
        self.region = find_region(self.depth, self.pitch_mm)

    @property
    def blur_px(self) -> float:
        """Of the scan's edges."""
        return self.traits.blur_px

    @property
    def single_energy(self) -> bool:
        """Never: colours come from two energies."""
        return False

    def attempt(self, shade: Shade, rng: np.random.Generator) -> tuple[NDArray[Any], Change]:
        """As Canvas says."""
        before = self.depth[shade.slices]
        layered = project_colour(self.scan.pixels[shade.slices], shade, self.traits, rng)
        tone = self.traits.air_rgb
        expected = -np.log(luminance(np.rint(layered.expected * 255).astype(np.uint8), tone))
        after = -np.log(luminance(layered.levels, tone))
        # 8-bit steps, and the noise of a usual scanner, in the darkened picture.
        noise = np.float32(1.5 / 255) * np.exp(expected) + np.sqrt(TYPICAL_GAIN) * np.exp(expected / 2)
        noise = np.minimum(noise + TYPICAL_ELECTRONIC, 1.0).astype(np.float32)
        change = Change(after - before, expected - before, noise, shade.footprint, noise, after)
        return layered.levels, change

    def with_window(self, shade: Shade, pixels: NDArray[Any]) -> Scan:
        """As Canvas says."""
        return _replaced(self.scan, shade, pixels)


def canvas_of(scan: Scan, pitch_mm: float, look: str | None, rng: np.random.Generator) -> Canvas:
    """The canvas of a scan; ``look`` names the palette of a pseudo-colour one, where known. Raises ConfigError."""
    if scan.kind is ScanKind.PSEUDO_COLOUR:
        return ColourCanvas(scan, pitch_mm, look, rng)
    return BeamCanvas(scan, pitch_mm)


def _depth(lit: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(-np.log(np.maximum(lit, _DARKEST)).mean(axis=2), np.float32)


def _replaced(scan: Scan, shade: Shade, pixels: NDArray[Any]) -> Scan:
    copy = scan.pixels.copy()
    copy[shade.slices] = pixels
    # Said in the scan as in its labels: a projected threat must never pass for a find.
    return replace(scan, pixels=copy, meta={**scan.meta, "projected": "yes"})
