"""Flips, quarter turns, zoom and shift: the same for transmissions and for colours, by albumentations."""

from __future__ import annotations

from dataclasses import replace

import albumentations
import cv2
import numpy as np

from ..datasets.scan import AIR_LEVEL
from ..detector.lesson import Sample
from .recipe import Augmentation
from .transmission import is_coloured

LEAST_VISIBLE = 0.4
"""An object of which less remains inside the picture is no longer asked for."""
_WHITE = 255


class Geometry:
    """Where a parcel lies in its picture."""

    def __init__(self, recipe: Augmentation, translate: float | None = None) -> None:
        """From a recipe; ``translate`` replaces the recipe's."""
        shift = recipe.translate if translate is None else translate
        self._pipelines = {air: _pipeline(recipe, shift, air) for air in (_WHITE, AIR_LEVEL)}

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """The picture moved; what comes into view is air."""
        pipeline = self._pipelines[_WHITE if is_coloured(sample) else AIR_LEVEL]
        pipeline.set_random_seed(int(rng.integers(2**31)))
        x1, y1, x2, y2 = sample.content_px
        corners = np.array([[x1, y1], [x2, y2]], np.float32)
        moved = pipeline(image=sample.pixels, bboxes=sample.xyxy_px, class_ids=sample.class_ids, keypoints=corners)
        side = sample.pixels.shape[0]
        corners = np.clip(np.rint(moved["keypoints"]), 0, side).astype(int)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return replace(
            sample,
            pixels=moved["image"],
            xyxy_px=np.asarray(moved["bboxes"], np.float32).reshape(-1, 4),
            class_ids=np.asarray(moved["class_ids"], np.int64).reshape(-1),
            content_px=(left, top, right, bottom),
        )


def _pipeline(recipe: Augmentation, translate: float, air: int) -> albumentations.Compose:
    shift = (-translate, translate)
    return albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=recipe.flip_horizontal),
            albumentations.VerticalFlip(p=recipe.flip_vertical),
            albumentations.RandomRotate90(p=recipe.rotate_90),
            albumentations.Affine(
                scale=(1 - max(recipe.scale, recipe.shrink), 1 + recipe.scale),
                translate_percent={"x": shift, "y": shift},
                keep_ratio=True,
                border_mode=cv2.BORDER_CONSTANT,
                fill=air,
                p=1.0 if recipe.scale or recipe.shrink or translate else 0.0,
            ),
        ],
        bbox_params=albumentations.BboxParams(
            format="pascal_voc", label_fields=["class_ids"], min_visibility=LEAST_VISIBLE, min_area=1.0, clip=True
        ),
        keypoint_params=albumentations.KeypointParams(format="xy", remove_invisible=False),
    )
