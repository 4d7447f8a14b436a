"""Plain words on what limits the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from ..detector.card import ClassSpec
from ..detector.taxonomy import TAXONOMY
from .evaluation_result import MeasuredPoint
from .intervals import FEWEST_GROUPS
from .operating_points import FEWEST_FALSE_ALARMS
from .scoring import Scored


def notes_of(
    scored: Scored, classes: Sequence[ClassSpec], point: MeasuredPoint | None, n_groups: int
) -> tuple[str, ...]:
    """What a reader has to know.

    Args:
        scored: the measured scans.
        classes: the model's.
        point: the operating point, where one could be chosen.
        n_groups: how many groups the scans come from.
    """
    labels = [label for record, _ in scored.scans for label in record.annotations.labels]
    foreign = sorted({label for label in labels if TAXONOMY.group_of(label) is None})
    known = {spec.name for spec in classes}
    unknown = sorted({label for label in labels if label in TAXONOMY.groups and label not in known})
    found = (
        (bool(foreign), f"labels outside the taxonomy count as benign: {', '.join(foreign)}"),
        (
            bool(unknown),
            f"the model has no class {', '.join(unknown)}: such objects count for their group and for any threat only",
        ),
        (point is None, "no threat-free parcel, so no threshold and no recall: add some with --threat-free"),
        (
            point is not None and not point.resolved,
            "the thresholds were chosen on too few threat-free parcels to keep the wanted false-alarm rate on others: "
            f"fewer than {FEWEST_FALSE_ALARMS} of them may alarm",
        ),
        (
            n_groups < FEWEST_GROUPS,
            f"the scans come from {n_groups} group(s); intervals of average precision are too narrow below "
            f"{FEWEST_GROUPS}",
        ),
    )
    return tuple(text for holds, text in found if holds)
