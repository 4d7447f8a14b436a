"""The data of a training: splits opened, every scan read and checked, and what an epoch shows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..datasets.annotations import Dataset
from ..datasets.formats.problems import Outcome, Problems
from ..datasets.native import open_dataset
from ..detector.errors import DatasetError, RunError
from ..detector.lesson import Draw
from .hard_negatives import read_hard_negatives
from .pictures import Prepared, SetAside, prepare_split
from .recipe import TrainingRecipe
from .sampling import make_draw
from .scoring import Part, identify


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """The data sets of a recipe, opened."""

    train: tuple[Dataset, ...]
    val: tuple[Dataset, ...]
    set_aside: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The splits, checked and ready."""

    train: Prepared
    val: Prepared
    data: dict[str, Any]
    """Content of data.json."""
    draw: Draw
    """Which of the training pictures each epoch shows."""


def open_splits(recipe: TrainingRecipe) -> Splits:
    """Open the train and the val split of every data set.

    Raises:
        RunError, DatasetError, AnnotationError: if there is none, or a split is missing or empty.
    """
    if not recipe.data:
        raise RunError("the recipe names no data", "give it with --data DIR, or as data: in the recipe")
    problems = Problems()
    train = tuple(open_dataset(data, split="train", problems=problems) for data in recipe.data)
    val = tuple(open_dataset(data, split="val", problems=problems) for data in recipe.data)
    for split, datasets in (("train", train), ("val", val)):
        if not any(map(len, datasets)):
            raise DatasetError(
                f"{', '.join(map(str, recipe.data))}: the {split} split is empty",
                "split it again with: parcelsight dataset split",
            )
    # An object that could not be read would be taught as background; its whole scan goes.
    broken = {problem.scan_id: problem.message for problem in problems if problem.outcome is Outcome.OBJECT_DROPPED}
    lost = {problem.scan_id: problem.message for problem in problems if problem.outcome is Outcome.SCAN_SET_ASIDE}
    return Splits(
        tuple(_without(dataset, broken) for dataset in train),
        tuple(_without(dataset, broken) for dataset in val),
        tuple(SetAside(scan_id, reason) for scan_id, reason in {**broken, **lost}.items()),
    )


def _without(dataset: Dataset, broken: dict[str, str]) -> Dataset:
    return dataset.with_records([record for record in dataset if record.scan_id not in broken])


def prepare(
    recipe: TrainingRecipe, splits: Splits, labels: tuple[str, ...], preparing: Callable[[int, int], None]
) -> Material:
    """Read and check every scan.

    Args:
        recipe: what is wanted.
        splits: of its data sets.
        labels: what to learn, in class-id order.
        preparing: called with the scans done and all of them, for progress.

    Raises:
        DatasetError, RunError: where nothing can be learned from them as the recipe wants it.
    """
    total = sum(len(dataset) for dataset in (*splits.train, *splits.val))
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        preparing(done, total)

    train_part = prepare_split(splits.train, labels, one_more, varied=True)
    val_part = prepare_split(splits.val, labels, one_more)
    for name, part, datasets in (("train", train_part, splits.train), ("val", val_part, splits.val)):
        _require_objects(name, part, datasets)
    hard, described = _hard_negatives(recipe, train_part)
    draw = make_draw(recipe.sampling, train_part.pictures, recipe.seed, hard)
    data = _describe_data(recipe, splits, train_part, val_part) | {"hard_negatives": described}
    return Material(train_part, val_part, data, draw)


def _hard_negatives(recipe: TrainingRecipe, train_part: Prepared) -> tuple[frozenset[str], dict[str, Any] | None]:
    """Names of the pictures that are hard negatives, and what data.json tells of them."""
    if (file := recipe.sampling.hard_negatives) is None:
        return frozenset(), None
    listed, sha256 = read_hard_negatives(file)
    known = listed.scan_ids & {picture.name for picture in train_part.pictures}
    if not known:
        raise RunError(
            f"{file}: names {len(listed.scan_ids)} scans of {listed.data.name} ({listed.data.split}), "
            "none of which is in the train split",
            "write it on the scans you train with: parcelsight mine MODEL DATA --split train",
        )
    return known, {"file": str(file), "sha256": sha256, "scans": len(known), "mined_with": listed.model.name}


def _require_objects(split: str, part: Prepared, datasets: Sequence[Dataset]) -> None:
    where = ", ".join(dataset.name for dataset in datasets)
    if not part.pictures:
        reason = f" (set aside: {len(part.set_aside)}; the first: {part.set_aside[0].reason})" if part.set_aside else ""
        raise DatasetError(
            f"{where}: the {split} split has no scan that can be read{reason}",
            "check it with: parcelsight dataset check",
        )
    if not sum(part.objects.values()):
        raise DatasetError(
            f"{where}: the {split} split shows no object of the classes {', '.join(part.objects)}",
            "split it again with: parcelsight dataset split",
        )


def _describe_data(recipe: TrainingRecipe, splits: Splits, train_part: Prepared, val_part: Prepared) -> dict[str, Any]:
    """Content of data.json."""
    return {
        "sets": [
            {"path": str(path), **identify(Part(dataset, split)).model_dump()}
            for split, datasets in (("train", splits.train), ("val", splits.val))
            for path, dataset in zip(recipe.data, datasets, strict=True)
        ],
        **{
            split: {
                "scans": len(part.pictures),
                "threat_free_scans": sum(not len(picture.class_ids) for picture in part.pictures),
                "objects": dict(part.objects),
                "background": dict(part.background),
                "set_aside": {scan.scan_id: scan.reason for scan in part.set_aside},
            }
            for split, part in (("train", train_part), ("val", val_part))
        },
        "broken_labels": {scan.scan_id: scan.reason for scan in splits.set_aside},
    }
