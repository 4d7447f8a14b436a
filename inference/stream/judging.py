"""One growing result a view of a parcel: windows while it passes, the whole at its end, one verdict.

The rule of the end: the verdict is that on the whole parcel, as one scan, **and** everything that was shown while it
passed. The whole decides because thresholds and their measured rates belong to whole parcels, and because only it shows
what is longer than a window. What was shown stays because a person may have acted on it; an alarm that vanishes by
itself teaches people to wait. Windows thus add alarms and take none away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...detector.card import ModelCard
from ...detector.detections import Detections
from ..fusion import Fusion, Look
from ..screening import dense_reason, verdict_on
from ..tiling import class_groups
from ..verdicts import ScreenedScan, Verdict
from .parcels import BeltPart

Boxes = NDArray[np.float32]


class GrowingResult:
    """What is known of one view of one parcel.

    Args:
        scan_id: of the whole scan that will come.
        card: of the model that looks.
    """

    def __init__(self, scan_id: str, card: ModelCard) -> None:
        self.scan_id = scan_id
        self.windows = 0
        """Looked at so far."""
        self._card = card
        self._fusion = Fusion(class_groups(card))

    @property
    def alarmed(self) -> bool:
        """True once something was shown."""
        return bool(self._fusion.claims)

    def add(self, part: BeltPart, found: Detections) -> bool:
        """Take in a window, with its detections in its pixels; True where what is shown has changed."""
        before = self._fusion.claims
        self._fusion.add(Look(part.xyxy, (False, part.before, False, part.behind)), part.to_belt(found))
        self.windows += 1
        return self._fusion.claims != before

    def early_record(self) -> dict[str, Any]:
        """What is shown now. Boxes are (detector, row, detector, row) of the belt; ids stay to the verdict."""
        return {
            "scan": self.scan_id,
            "verdict": str(Verdict.ALARM) if self.alarmed else None,
            "windows": self.windows,
            "detections": [
                {
                    "id": claim.number,
                    "xyxy_belt": [round(edge, 1) for edge in claim.xyxy],
                    "score": round(claim.score, 4),
                    "class": self._card.classes[claim.class_id].name,
                    "group": str(self._card.classes[claim.class_id].group),
                }
                for claim in self._fusion.claims
            ],
        }

    def finish(
        self,
        part: BeltPart,
        found: Detections,
        dense_xyxy_px: Boxes,
        doubts: Sequence[str],
        timing_ms: dict[str, float],
    ) -> ScreenedScan:
        """The outcome.

        Args:
            part: the whole parcel.
            found: what was detected in it, in its pixels.
            dense_xyxy_px: (n, 4) its areas too dense to judge.
            doubts: why silence about it means nothing.
            timing_ms: of the look at the whole.
        """
        self._fusion.finish(Look(part.xyxy), part.to_belt(found))
        doubts = [dense_reason(dense_xyxy_px), *doubts]
        return self._outcome(part, doubts, dense_xyxy_px, timing_ms)

    def give_up(self, part: BeltPart, doubts: Sequence[str]) -> ScreenedScan | None:
        """The outcome where the whole could not be looked at; None where nothing is known that must not be lost."""
        self._fusion.finish(Look(part.xyxy), Detections.empty())
        if not self.alarmed and not doubts:
            return None
        return self._outcome(part, [*doubts, "the whole parcel was not looked at"], np.zeros((0, 4), np.float32), {})

    def _outcome(
        self, part: BeltPart, doubts: Sequence[str], dense_xyxy_px: Boxes, timing_ms: dict[str, float]
    ) -> ScreenedScan:
        found = part.from_belt(self._fusion.detections)
        verdict, reason = verdict_on(found, doubts, self._card)
        numbers = tuple(claim.number for claim in self._fusion.claims)
        return ScreenedScan(self.scan_id, verdict, reason, found, timing_ms, dense_xyxy_px, numbers)
