"""What varying a training picture costs: all of a recipe's variation, and each part of it alone, on one core.

    python benchmarks/augmentation_speed.py DATA [--input-px 416] [--pictures 200]

DATA is a data set with a train and a val split; scans of 16 bits and 8-bit pictures take different ways. Each line is
the mean time of the processor over the pictures, already letterboxed and in memory, with that one variation always on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from parcelsight.detector.lesson import Augment, Sample
from parcelsight.detector.network import EnginePictures
from parcelsight.training.augmentation import make_augment
from parcelsight.training.material import open_splits, prepare
from parcelsight.training.pictures import choose_labels
from parcelsight.training.recipe import Augmentation, TrainingRecipe, Transmissions
from parcelsight.training.train import make_lesson

OFF = {name: 0.0 for name in Augmentation.model_fields if name not in ("transmissions", "window_px")}
DARK = dict.fromkeys(Transmissions.model_fields, 0.0)
FULL = {
    "scale": 0.4,
    "translate": 0.1,
    "gain": 0.25,
    "brightness": 0.1,
    "noise": 0.03,
    "air_level": 0.015,
    "quantum_noise": 0.02,
}
"""Values of what is no probability; 1 is given to the rest."""


def with_one(name: str) -> Augmentation:
    """A recipe that does one thing always and nothing else."""
    value = FULL.get(name, 1.0)
    inner = DARK | ({name: value} if name in DARK else {})
    outer = OFF | ({name: value} if name in OFF else {})
    return Augmentation.model_validate(outer | {"transmissions": Transmissions(**inner)})


def milliseconds(augment: Augment, pictures: EnginePictures, count: int) -> float:
    """Mean of one picture."""
    taken = []
    for number in range(count):
        sample: Sample = pictures._square(number % len(pictures.labels))
        began = time.thread_time()
        augment(sample, number, pictures._square)
        taken.append(time.thread_time() - began)
    return 1e3 * float(np.mean(taken))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--input-px", type=int, default=416)
    parser.add_argument("--pictures", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    recipe = TrainingRecipe(name="speed", data=(options.data,), input_px=options.input_px)
    splits = open_splits(recipe)
    material = prepare(recipe, splits, choose_labels(None, splits.train), lambda done, total: None)
    lesson = make_lesson(recipe, Path(), material, "cpu")
    pictures = EnginePictures(lesson.train, lesson, varied=True)
    for index in range(len(lesson.train)):
        pictures._square(index)
    chosen = {"everything, as by default": Augmentation(), "nothing": with_one("")}
    for name, augmentation in {**chosen, **{name: with_one(name) for name in (*OFF, *DARK)}}.items():
        augment = make_augment(augmentation, lesson.train)
        milliseconds(augment, pictures, 20)
        print(f"{name:28s} {milliseconds(augment, pictures, options.pictures):6.2f} ms")


if __name__ == "__main__":
    main()
