"""Variation of training pictures, restricted to what keeps an X-ray picture true (see recipe.Augmentation)."""

from __future__ import annotations

from typing import Any

import albumentations
import cv2
import numpy as np

from ..detector.lesson import Augment, Boxes, ClassIds, Rgb
from .recipe import Augmentation

_LEAST_VISIBLE = 0.4
"""An object of which less remains inside the picture is no longer asked for."""
_AIR = 255


def make_augment(recipe: Augmentation) -> Augment:
    """The recipe's variations as one function of a picture, its objects and a seed."""
    pipeline = albumentations.Compose(
        _operations(recipe),
        bbox_params=albumentations.BboxParams(
            format="pascal_voc", label_fields=["class_ids"], min_visibility=_LEAST_VISIBLE, min_area=1.0, clip=True
        ),
    )

    def augment(rgb: Rgb, xyxy_px: Boxes, class_ids: ClassIds, seed: int) -> tuple[Rgb, Boxes, ClassIds]:
        pipeline.set_random_seed(seed)
        varied = pipeline(image=rgb, bboxes=xyxy_px, class_ids=class_ids)
        return (
            varied["image"],
            np.asarray(varied["bboxes"], np.float32).reshape(-1, 4),
            np.asarray(varied["class_ids"], np.int64).reshape(-1),
        )

    return augment


def _operations(recipe: Augmentation) -> list[Any]:
    """Geometry first, then intensity."""
    zoom = (1 - recipe.scale, 1 + recipe.scale)
    shift = (-recipe.translate, recipe.translate)
    power = (100 * (1 - recipe.gain), 100 * (1 + recipe.gain))
    return [
        albumentations.HorizontalFlip(p=recipe.flip_horizontal),
        albumentations.VerticalFlip(p=recipe.flip_vertical),
        albumentations.RandomRotate90(p=recipe.rotate_90),
        albumentations.Affine(
            scale=zoom,
            translate_percent={"x": shift, "y": shift},
            keep_ratio=True,
            border_mode=cv2.BORDER_CONSTANT,
            fill=_AIR,
            p=1.0 if recipe.scale or recipe.translate else 0.0,
        ),
        albumentations.RandomGamma(gamma_limit=power, p=1.0 if recipe.gain else 0.0),
        albumentations.RandomBrightnessContrast(
            brightness_limit=recipe.brightness, contrast_limit=0.0, p=0.5 if recipe.brightness else 0.0
        ),
        albumentations.GaussianBlur(sigma_limit=(0.3, 1.0), p=recipe.blur),
        albumentations.GaussNoise(std_range=(0.0, recipe.noise), p=1 / 3 if recipe.noise else 0.0),
        albumentations.ToGray(p=recipe.grey),
    ]
