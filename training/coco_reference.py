"""Average precision by faster-coco-eval, the field's reference implementation: the values every report quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from ..datasets.annotations import Record
from ..detector.detections import Detections
from .categories import Category, claims_of, truth_of


def reference_precision(
    scored: Sequence[tuple[Record, Detections]], categories: Sequence[Category]
) -> tuple[tuple[float, float], ...]:
    """AP50 and AP50-95 of each category; NaN where a category has no object.

    Args:
        scored: scans with what the model detected in them.
        categories: what to score; a scan's labels and detections enter once for each category they belong to.
    """
    if not scored:
        return tuple((float("nan"), float("nan")) for _ in categories)
    truth, claims = _coco(scored, categories)
    evaluator = COCOeval_faster(truth, claims, iouType="bbox", print_function=_silent)
    evaluator.evaluate()
    evaluator.accumulate()
    # (IoU threshold, recall point, category, area range "all", 100 detections a scan); -1 where there is no object.
    precision = np.asarray(evaluator.eval["precision"])[:, :, :, 0, -1]
    values = np.where(precision < 0, np.nan, precision).mean(axis=1)
    return tuple((float(values[0, i]), float(values[:, i].mean())) for i in range(len(categories)))


def _coco(scored: Sequence[tuple[Record, Detections]], categories: Sequence[Category]) -> tuple[COCO, COCO]:
    """Labels and detections as COCO data sets; ids count from 1."""
    truths: list[dict[str, Any]] = []
    claims: list[dict[str, Any]] = []
    for image_id, (record, detections) in enumerate(scored, start=1):
        for category_id, category in enumerate(categories, start=1):
            where = {"image_id": image_id, "category_id": category_id}
            truth = truth_of(record, category)
            for box, ignore in zip(truth.xyxy_px, truth.ignore, strict=True):
                truths.append({**where, "id": len(truths) + 1, **_region(box), "iscrowd": int(ignore)})
            claim = claims_of(detections, category)
            for box, score in zip(claim.xyxy_px.astype(np.float64), claim.score, strict=True):
                claims.append({**where, "id": len(claims) + 1, **_region(box), "iscrowd": 0, "score": float(score)})
    shared = {
        "images": [
            {"id": i, "width": record.width_px, "height": record.height_px}
            for i, (record, _) in enumerate(scored, start=1)
        ],
        "categories": [{"id": i, "name": category.name} for i, category in enumerate(categories, start=1)],
    }
    return (
        COCO({**shared, "annotations": truths}, print_function=_silent),
        COCO({**shared, "annotations": claims}, print_function=_silent),
    )


def _region(box: Any) -> dict[str, Any]:
    """A box as COCO writes it: x, y, width, height."""
    x1, y1, x2, y2 = (float(value) for value in box)
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}


def _silent(*_: object) -> None:
    """COCO's tools print by default; only commands print here."""
