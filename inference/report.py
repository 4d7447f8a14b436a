"""Verdicts for programs and for people: the JSON line of one scan, and the tally of many."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..detector.card import ModelCard
from .sources import Fate, SourceItem
from .verdicts import ScreenedScan, Verdict


def to_record(screened: ScreenedScan, card: ModelCard) -> dict[str, Any]:
    """One scan as a plain value: ``scan, verdict, reason, detections, dense, timing_ms``.

    A detection that was followed while its parcel passed has its ``id``. Boxes are rounded to a tenth of a
    pixel, scores to four digits, times to a microsecond.
    """
    found = screened.detections
    numbers = [{"id": number} for number in screened.claim_numbers] or [{}] * len(found)
    return {
        "scan": screened.scan_id,
        "verdict": str(screened.verdict),
        "reason": screened.reason,
        "detections": [
            {
                "xyxy_px": _rounded(box),
                "score": round(float(score), 4),
                "class": card.classes[class_id].name,
                "group": str(card.classes[class_id].group),
                **number,
            }
            for box, score, class_id, number in zip(found.xyxy_px, found.score, found.class_id, numbers, strict=True)
        ],
        "dense": [{"xyxy_px": _rounded(box)} for box in screened.dense_xyxy_px],
        "timing_ms": {stage: round(ms, 3) for stage, ms in screened.timing_ms.items()},
    }


def _rounded(box: NDArray[np.float32]) -> list[float]:
    return [round(float(edge), 1) for edge in box]


def to_json_line(screened: ScreenedScan, card: ModelCard) -> str:
    """One scan as one line of JSON, plain ASCII: file names may hold anything."""
    return json.dumps(to_record(screened, card), allow_nan=False)


@dataclass(slots=True)
class Tally:
    """Every input of a run, by what became of it."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    passed_over: Counter[Fate] = field(default_factory=Counter)
    """Inputs that are no scan of their own, by why."""

    def add(self, item: SourceItem, screened: ScreenedScan | None) -> None:
        """Count one input and, where it was a scan, its verdict."""
        if screened is None:
            self.passed_over[item.fate] += 1
        else:
            self.verdicts[screened.verdict] += 1

    @property
    def scans(self) -> int:
        """All scans; each has exactly one verdict."""
        return self.verdicts.total()

    @property
    def unscreened(self) -> int:
        """Scans that nothing looked at."""
        return self.verdicts[Verdict.UNSCREENED]

    @property
    def inputs(self) -> int:
        """All inputs that were met."""
        return self.scans + self.passed_over.total()
