"""Pictures made up for the parity proof: X-ray-like clutter in every shape a scan can have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets.opencv import cv2
from .parity import Picture

SIZES_PX: tuple[tuple[str, int, int], ...] = (
    ("square as the input", 640, 640),
    ("portrait", 480, 800),
    ("tall portrait", 300, 1200),
    ("landscape", 1000, 600),
    ("wide landscape", 1600, 400),
    ("odd sides", 517, 733),
    ("a pixel off square", 640, 641),
    ("small", 96, 64),
    ("tiny", 17, 9),
    ("one row", 50, 1),
    ("large", 2400, 1800),
    ("large portrait", 1300, 2600),
)
"""Name, width, height."""
_BLOBS = 40
_DRAWN_SIDE_PX = 800


def generated_pictures() -> tuple[Picture, ...]:
    """Two pictures of each size, always the same ones."""
    return tuple(
        Picture(f"generated: {name} {version}", _clutter(width, height, seed=2 * i + version))
        for i, (name, width, height) in enumerate(SIZES_PX)
        for version in range(2)
    )


def _clutter(width_px: int, height_px: int, seed: int) -> NDArray[np.uint8]:
    """Overlapping coloured boxes and ellipses on white, darkening each other as absorbers do: (H, W, 3)."""
    rng = np.random.default_rng(seed)
    scale = min(1.0, _DRAWN_SIDE_PX / max(width_px, height_px))
    width, height = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    transmission = np.ones((height, width, 3), np.float32)
    for _ in range(_BLOBS):
        layer = np.ones_like(transmission)
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(1, width // 6 + 2)), int(rng.integers(1, height // 6 + 2)))
        colour = tuple(float(value) for value in rng.uniform(0.35, 1.0, 3))
        if rng.random() < 0.5:
            cv2.ellipse(layer, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            cv2.rectangle(layer, centre, (centre[0] + axes[0], centre[1] + axes[1]), colour, -1)
        transmission *= layer
    picture = np.clip(transmission * 255 + rng.normal(0, 2, transmission.shape), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_LINEAR))
