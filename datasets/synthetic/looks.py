"""Looks: how scanners of different makes colour their pictures.

A dual-energy scan becomes a picture as scanners do it: the material index m (low- over high-energy attenuation,
corrected for beam hardening) chooses between an organic, a mixed and a metal colour; the depth of attenuation takes
that colour from the background's white over its middle tone to its dark one. Edges are enhanced in both channels
before (which brings out seams, draws dark outlines round metal, and turns noise into colour noise) and in the picture
after; what lets nothing through may have a colour of its own; air gets the background tone; the picture is compressed.
Presets imitate kinds of looks, not makers. A *random* look draws one of them, or the canonical palette, grey or
inverted grey, and varies it, so that a detector learns no palette.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ...configs.loading import load_config, shipped
from ..canonical import FLOOR_TRANSMISSION, canonical_rgb
from ..scan import AIR_LEVEL, Scan, ScanKind

KIND = "looks"
CANONICAL = "canonical"
RANDOM = "random"
_STEPS = 256
_DEEPEST = float(-np.log(FLOOR_TRANSMISSION))
_DENSE = 4.5
"""Low-energy attenuation from which on the material index is less and less trusted."""
_LEAST_LEFT = 0.4
"""Share of a pixel's light that enhancement of the channels leaves at least: outlines are dark, not black."""
_OPAQUE_RISE = 0.3
"""Over how much attenuation a look's opaque colour takes over."""

Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ramp(_Frozen):
    """The colours of one material class."""

    index: float = Field(gt=0.8, lt=5, description="material index m at which this class is pure")
    middle: Colour
    dark: Colour


class Look(_Frozen):
    """How a scanner colours."""

    ramps: tuple[Ramp, ...] = Field(min_length=1, description="by rising index; one ramp makes a grey look")
    middle_depth: float = Field(default=0.45, gt=0.05, lt=0.95, description="depth 0…1 of the middle tone")
    exponent: float = Field(default=0.6, gt=0.2, le=1.5, description="compresses attenuation to depth")
    deepest: float = Field(default=5.0, gt=1, le=7, description="attenuation of depth 1")
    hardening: float = Field(default=0.3, ge=0, le=1, description="rise of m - 1 per unit of high-energy attenuation")
    fade: float = Field(default=0.03, gt=0, le=0.5, description="high-energy attenuation below which m is not trusted")
    crisp: float = Field(default=1.0, ge=1, le=6, description="1 blends classes, more divides them sharply")
    sharpen: float = Field(default=0.8, ge=0, le=4, description="edge enhancement")
    sharpen_px: float = Field(default=1.2, ge=0.5, le=6)
    detail: float = Field(default=0.0, ge=0, le=6, description="enhancement of both channels before colouring")
    detail_px: float = Field(default=1.5, ge=0.5, le=8)
    opaque: Colour | None = Field(default=None, description="colour of what hardly lets anything through")
    opaque_from: float = Field(default=4.0, gt=1, le=6.5, description="mean attenuation where that colour sets in")
    background: Colour = Field(default=(255, 255, 255), description="tone of air")
    air: float = Field(default=0.02, ge=0, lt=0.3, description="attenuation below which a pixel is shown as air")
    invert: bool = False
    jpeg_quality: int = Field(default=90, ge=30, le=100)


@cache
def load_look(source: str) -> Look:
    """A look by the name of a shipped one or the path of a YAML file. Raises ConfigError."""
    return load_config(source, Look, KIND)


GREY = Look(ramps=(Ramp(index=1.0, middle=(120, 120, 120), dark=(0, 0, 0)),), sharpen=0.4, detail=0.8)
"""Density alone, bright air."""


@dataclass(frozen=True, slots=True)
class Palette:
    """What a scan's picture is made with."""

    name: str
    look: Look | None
    """None for the canonical palette."""
    jpeg_quality: int = 92

    def picture(self, scan: Scan) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB of a dual-energy or grey scan of 16 bits."""
        if self.look is None:
            return canonical_rgb(scan)
        levels = scan.pixels if scan.kind is ScanKind.DUAL_ENERGY else np.repeat(scan.pixels[:, :, None], 2, axis=2)
        return apply_look(levels, self.look)


def palette_of(name: str, rng: np.random.Generator) -> Palette:
    """The palette that ``--looks`` names: canonical, grey, random, or a look.

    Raises:
        ConfigError: if there is no such look.
    """
    if name == CANONICAL:
        return Palette(CANONICAL, None)
    if name == RANDOM:
        return _random_palette(rng)
    look = GREY if name == "grey" else load_look(name)
    return Palette(name, look, look.jpeg_quality)


def _random_palette(rng: np.random.Generator) -> Palette:
    """Canonical 30 %, a maker's look 50 %, grey 15 %, inverted grey 5 %; all but the first varied."""
    kind = rng.random()
    quality = int(rng.integers(60, 97))
    if kind < 0.3:
        return Palette(CANONICAL, None, quality)
    if kind < 0.8:
        name = str(rng.choice(sorted(shipped(KIND))))
        return Palette(name, varied(load_look(name), rng), quality)
    return Palette("grey", varied(GREY, rng).model_copy(update={"invert": bool(kind >= 0.95)}), quality)


def varied(look: Look, rng: np.random.Generator) -> Look:
    """The same kind of look from another scanner: contrast, colours, enhancement and background a little different."""
    shift = rng.normal(0, 10, 3)
    ramps = tuple(
        ramp.model_copy(
            update={
                "index": ramp.index * float(rng.uniform(0.96, 1.04)),
                "middle": _tinted(ramp.middle, shift + rng.normal(0, 8, 3)),
                "dark": _tinted(ramp.dark, 0.5 * shift),
            }
        )
        for ramp in look.ramps
    )
    tone = look.background if rng.random() < 0.6 else _tinted((235, 235, 235), rng.normal(0, 12) + rng.normal(0, 3, 3))
    return look.model_copy(
        update={
            "ramps": tuple(sorted(ramps, key=lambda ramp: ramp.index)),
            "middle_depth": float(np.clip(look.middle_depth + rng.normal(0, 0.05), 0.25, 0.7)),
            "exponent": float(np.clip(look.exponent * rng.uniform(0.8, 1.25), 0.35, 1.2)),
            "deepest": float(np.clip(look.deepest * rng.uniform(0.75, 1.2), 2.0, 6.9)),
            "hardening": look.hardening * float(rng.uniform(0.4, 1.3)),
            "crisp": float(np.clip(look.crisp * rng.uniform(0.7, 1.6), 1, 6)),
            "sharpen": look.sharpen * float(rng.uniform(0.0, 1.6)),
            "detail": float(np.clip(look.detail * rng.uniform(0.3, 1.7), 0, 6)),
            "detail_px": float(np.clip(look.detail_px * rng.uniform(0.7, 1.5), 0.6, 6)),
            "opaque": look.opaque if rng.random() < 0.7 else None,
            "opaque_from": float(np.clip(look.opaque_from * rng.uniform(0.8, 1.2), 2.0, 6.5)),
            "sharpen_px": float(np.clip(look.sharpen_px * rng.uniform(0.7, 1.6), 0.6, 4)),
            "background": tone,
        }
    )


def _tinted(colour: Colour, shift: NDArray[np.float64]) -> Colour:
    red, green, blue = (int(level) for level in np.clip(np.asarray(colour) + shift, 0, 255))
    return red, green, blue


def _colours(low: NDArray[np.float32], high: NDArray[np.float32], look: Look) -> NDArray[np.float32]:
    """(…, 3) in 0…255 for attenuations, before sharpening and background."""
    index = low / np.maximum(high, 1e-4)
    index = 1.0 + (index - 1.0) * (1.0 + look.hardening * high)
    first, last = look.ramps[0].index, look.ramps[-1].index
    # Where hardly anything gets through m tells nothing; what is that dense is metal.
    index = index + (np.maximum(index, last) - index) * np.clip((low - _DENSE) / (_DEEPEST - _DENSE), 0, 1)
    index = first + (index - first) * np.minimum(high / look.fade, 1.0)
    mean = (low + high) / 2
    depth = np.clip((mean - look.air) / (look.deepest - look.air), 0, 1) ** look.exponent
    place = np.interp(index, [ramp.index for ramp in look.ramps], range(len(look.ramps)))
    whole = np.floor(place)
    near, far = (place - whole) ** look.crisp, (1 - place + whole) ** look.crisp
    place = whole + near / (near + far)
    channels = []
    for channel in range(3):
        middle = np.interp(place, range(len(look.ramps)), [ramp.middle[channel] for ramp in look.ramps])
        dark = np.interp(place, range(len(look.ramps)), [ramp.dark[channel] for ramp in look.ramps])
        rising = 255 + (middle - 255) * np.minimum(depth / look.middle_depth, 1)
        falling = (dark - middle) * np.maximum((depth - look.middle_depth) / (1 - look.middle_depth), 0)
        channels.append(rising + falling)
    rgb = np.stack(channels, axis=-1).astype(np.float32)
    if look.opaque is None:
        return rgb
    share = np.clip((mean - look.opaque_from) / _OPAQUE_RISE, 0, 1)[..., None].astype(np.float32)
    return np.asarray(rgb * (1 - share) + np.asarray(look.opaque, np.float32) * share, np.float32)


def _enhanced(levels: NDArray[np.uint16], look: Look) -> NDArray[np.uint16]:
    """Levels with local contrast raised, not brighter than air and not much darker than they were."""
    plain = levels.astype(np.float32)
    soft = cv2.GaussianBlur(plain, (0, 0), look.detail_px)
    sharp = cv2.addWeighted(plain, 1 + look.detail, soft, -look.detail, 0)
    enhanced: NDArray[np.uint16] = np.clip(sharp, _LEAST_LEFT * plain, AIR_LEVEL * 1.09).astype(np.uint16)
    return enhanced


@cache
def _step_of_level() -> NDArray[np.uint16]:
    """Table step of each 16-bit level; steps are even in the square root of attenuation."""
    transmission = np.clip(np.arange(65_536) / AIR_LEVEL, FLOOR_TRANSMISSION, 1.0)
    steps: NDArray[np.uint16] = np.rint(np.sqrt(-np.log(transmission) / _DEEPEST) * (_STEPS - 1)).astype(np.uint16)
    return steps


def apply_look(levels: NDArray[np.uint16], look: Look, table_steps: int = _STEPS) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB of dual-energy levels (H, W, 2).

    Args:
        levels: of a scan.
        look: how to colour them.
        table_steps: attenuations a channel whose colours are computed; those between are interpolated, which is
            several times faster where every picture has another look.
    """
    attenuation = (_DEEPEST * (np.arange(table_steps) / (table_steps - 1)) ** 2).astype(np.float32)
    low, high = np.meshgrid(attenuation, attenuation, indexing="ij")
    table = _colours(low, high, look) * (np.asarray(look.background, np.float32) / 255)
    if table_steps != _STEPS:
        place = np.linspace(0, table_steps - 1, _STEPS, dtype=np.float32)
        table = cv2.remap(table, *np.meshgrid(place, place), cv2.INTER_LINEAR)
    steps = _step_of_level().take(_enhanced(levels, look) if look.detail > 0 else levels)
    cells = steps[:, :, 0].astype(np.int32) * _STEPS + steps[:, :, 1]
    picture: NDArray[np.uint8] = np.rint(table).astype(np.uint8).reshape(-1, 3).take(cells, axis=0)
    if look.sharpen > 0:
        soft = cv2.GaussianBlur(picture, (0, 0), look.sharpen_px)
        picture = cv2.addWeighted(picture, 1 + look.sharpen, soft, -look.sharpen, 0)
        # Sharpening must not brighten edges beyond the background.
        picture = np.minimum(picture, np.asarray(look.background, np.uint8))
    return 255 - picture if look.invert else picture
