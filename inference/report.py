"""Verdicts for programs and for people: the JSON line of one scan, and the tally of many."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..detector.card import ModelCard
from .sources import Fate, SourceItem
from .verdicts import ScreenedScan, Verdict


def to_record(screened: ScreenedScan, card: ModelCard) -> dict[str, Any]:
    """One scan as a plain value: ``scan, verdict, reason, detections, timing_ms``.

    Boxes are rounded to a tenth of a pixel, scores to four digits, times to a microsecond.
    """
    found = screened.detections
    return {
        "scan": screened.scan_id,
        "verdict": str(screened.verdict),
        "reason": screened.reason,
        "detections": [
            {
                "xyxy_px": [round(float(edge), 1) for edge in box],
                "score": round(float(score), 4),
                "class": card.classes[class_id].name,
                "group": str(card.classes[class_id].group),
            }
            for box, score, class_id in zip(found.xyxy_px, found.score, found.class_id, strict=True)
        ],
        "timing_ms": {stage: round(ms, 3) for stage, ms in screened.timing_ms.items()},
    }


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
