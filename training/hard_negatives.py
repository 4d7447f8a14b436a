"""Hard negatives: the false alarms of a trained model, named so that the next training sees those scans more often.

A false alarm is a detection that touches no labelled threat. What lies under it is told where the labels name benign
objects: it says what to render, or to collect, next.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..datasets.annotations import Record
from ..detector.detections import Detections
from ..detector.errors import RunError
from ..detector.taxonomy import TAXONOMY
from .categories import is_threat_free
from .evaluation_result import DataIdentity, ModelIdentity, Unreadable
from .scoring import Part, Predict, identify, score_scans

UNLABELLED = "not labelled"
_TOUCHES = 0.1
"""Where a detection and a threat share more than this part of either, it is no false alarm: perhaps a poor box."""
_LIES_ON = 0.5
_MAX_BYTES = 200_000_000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FalseAlarm(_Frozen):
    """One detection where no threat is."""

    scan_id: str
    claim: str
    """The class that the model claims."""
    score: float = Field(ge=0, le=1)
    xyxy_px: tuple[float, float, float, float]
    lies_on: str = UNLABELLED
    """Label of the benign object under most of it."""
    in_threat_free_scan: bool


class HardNegatives(_Frozen):
    """The content of a list."""

    model: ModelIdentity
    data: DataIdentity
    floor: float = Field(ge=0, le=1)
    """Detections scored lower are not looked at."""
    scans: int
    threat_free_scans: int
    false_alarms: tuple[FalseAlarm, ...]
    """Highest score first."""
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def scan_ids(self) -> frozenset[str]:
        """Scans with a false alarm."""
        return frozenset(alarm.scan_id for alarm in self.false_alarms)

    def by(self, what: Callable[[FalseAlarm], str]) -> list[tuple[str, int, int, float]]:
        """(name, false alarms, scans, highest score) of each name that ``what`` gives, most alarms first."""
        counts = Counter(what(alarm) for alarm in self.false_alarms)
        scans = {name: {a.scan_id for a in self.false_alarms if what(a) == name} for name in counts}
        best = {name: max(a.score for a in self.false_alarms if what(a) == name) for name in counts}
        return [(name, count, len(scans[name]), best[name]) for name, count in counts.most_common()]


def mine(
    predict: Predict,
    model: ModelIdentity,
    part: Part,
    floor: float,
    on_scan: Callable[[], None] = lambda: None,
) -> HardNegatives:
    """Run a model over labelled scans and name its false alarms.

    Args:
        predict: the model, giving detections down to ``floor`` or lower.
        model: which it is.
        part: scans, with and without threats.
        floor: the least score that is a false alarm.
        on_scan: called after each scan.
    """
    scored = score_scans(predict, part, on_scan)
    alarms = [alarm for record, found in scored.scans for alarm in _false_alarms(record, found, model.classes, floor)]
    return HardNegatives(
        model=model,
        data=identify(part),
        floor=floor,
        scans=len(scored.scans),
        threat_free_scans=sum(is_threat_free(record) for record, _ in scored.scans),
        false_alarms=tuple(sorted(alarms, key=lambda alarm: -alarm.score)),
        unreadable=scored.unreadable,
    )


def _false_alarms(record: Record, found: Detections, classes: Sequence[str], floor: float) -> list[FalseAlarm]:
    labels = record.annotations.labels
    threats = np.array([TAXONOMY.group_of(label) is not None for label in labels], bool)
    boxes = record.annotations.xyxy_px
    found = found.keep(found.score >= floor)
    claimed = found.xyxy_px.astype(np.float64)
    touched = np.maximum(_shared(claimed, boxes[threats]), _shared(boxes[threats], claimed).T)
    on_benign = _shared(claimed, boxes[~threats])
    sizes = (boxes[~threats, 2:] - boxes[~threats, :2]).prod(axis=1)
    names = [label for label, threat in zip(labels, threats, strict=True) if not threat]
    return [
        FalseAlarm(
            scan_id=record.scan_id,
            claim=classes[int(found.class_id[i])],
            score=round(float(found.score[i]), 4),
            xyxy_px=tuple(round(float(edge), 1) for edge in claimed[i]),  # type: ignore[arg-type]
            lies_on=_smallest_under(on_benign[i], sizes, names),
            in_threat_free_scan=is_threat_free(record),
        )
        for i in range(len(found))
        if touched[i].max(initial=0.0) < _TOUCHES
    ]


def _smallest_under(shares: NDArray[np.float64], sizes: NDArray[np.float64], names: Sequence[str]) -> str:
    """The name of the smallest object under at least half of a detection: a box and all in it lie under each other."""
    under = np.flatnonzero(shares >= _LIES_ON)
    return names[int(under[sizes[under].argmin()])] if len(under) else UNLABELLED


def _shared(of: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) share of each box of ``of`` (n, 4) that lies in each of ``by`` (m, 4)."""
    low = np.maximum(of[:, None, :2], by[None, :, :2])
    high = np.minimum(of[:, None, 2:], by[None, :, 2:])
    areas = np.maximum((of[:, 2:] - of[:, :2]).prod(axis=1), 1e-9)
    shared: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2) / areas[:, None]
    return shared


def write_hard_negatives(found: HardNegatives, file: Path) -> None:
    """Raises RunError if the file cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{file}: cannot be written ({error.strerror})", "give --out a file you may write") from error


def read_hard_negatives(file: Path) -> tuple[HardNegatives, str]:
    """A list and its sha256.

    Raises:
        RunError: if it is missing, or is no such list.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise RunError(f"{file}: too large for a list of hard negatives", "write it again with a higher --floor")
        content = file.read_bytes()
        return HardNegatives.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})", "correct sampling.hard_negatives:") from error
    except ValidationError as error:
        raise RunError(
            f"{file}: is no list of hard negatives ({error.error_count()} errors)", "write it with: parcelsight mine"
        ) from error
