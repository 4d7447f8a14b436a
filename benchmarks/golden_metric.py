"""The metric that the shipped model is held to on the golden set, tests/golden.

    python benchmarks/golden_metric.py            # measure the shipped model, beside what is recorded
    python benchmarks/golden_metric.py --record   # after a retraining: record what it reaches now

tests/test_golden.py fails where the model falls below the recorded values by more than their tolerances.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from parcelsight.datasets.native import open_dataset
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.errors import RunError
from parcelsight.inference.detector import Detector
from parcelsight.training.categories import Level, categories_of
from parcelsight.training.coco_reference import reference_precision
from parcelsight.training.hits import found_objects
from parcelsight.training.operating_points import ThresholdRule, alarming, choose_thresholds
from parcelsight.training.parcels import threat_free_parcels
from parcelsight.training.scoring import Part, identify_with_files, score_scans

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
RECORDED = GOLDEN / "metric.json"
FALSE_ALARMS = 0.05
"""Share of the golden threat-free parcels that may alarm where recall is measured."""
_FLOOR = 0.001


@dataclass(frozen=True, slots=True)
class GoldenMetric:
    """What a model reaches on the golden set."""

    model: str
    weights_sha256: str
    set_sha256: str
    """Of the set's files: another set is another metric."""
    mean_ap50: float
    """Over the classes."""
    any_threat_recall: float
    """Objects found, as a threat of any class, where FALSE_ALARMS of the threat-free parcels alarm."""
    tolerance_ap50: float = 0.01
    tolerance_recall: float = 0.02
    """What another processor's rounding may change: a pair of scores that swap places, an object or two."""


def measure(model: Path = SHIPPED_MODEL) -> GoldenMetric:
    """Run a model over the golden set.

    Raises:
        RunError: if a picture of the set cannot be read.
    """
    detector = Detector(model, device="cpu")
    classes = detector.card.classes
    part = Part(open_dataset(GOLDEN), "all")
    scored = score_scans(lambda rgb: detector.detect(rgb, _FLOOR), part)
    if scored.unreadable:
        raise RunError(f"{scored.unreadable[0].reason}", "restore tests/golden")
    categories = categories_of(classes)
    precision = reference_precision(scored.scans, categories)
    by_class = [
        ap50 for category, (ap50, _) in zip(categories, precision, strict=True) if category.level is Level.CLASS
    ]
    free = threat_free_parcels(scored.scans, len(classes)).scores
    thresholds = choose_thresholds(free, FALSE_ALARMS, ThresholdRule.COMMON, _FLOOR)
    found = np.concatenate(
        [found_objects(record, alarming(every, thresholds), categories[-1]) for record, every in scored.scans]
    )
    return GoldenMetric(
        model=f"{detector.card.name} {detector.card.version}",
        weights_sha256=detector.card.weights_sha256,
        set_sha256=str(identify_with_files(part).files_sha256),
        mean_ap50=round(float(np.nanmean(by_class)), 4),
        any_threat_recall=round(float(found.mean()), 4),
    )


def recorded() -> GoldenMetric:
    """What the shipped model reached when it was recorded."""
    return GoldenMetric(**json.loads(RECORDED.read_text("utf-8")))


def main() -> int:
    """Print, and record where asked to; the exit status."""
    measured = measure()
    print(json.dumps(asdict(measured), indent=1))
    if "--record" in sys.argv[1:]:
        RECORDED.write_text(json.dumps(asdict(measured), indent=1) + "\n", "utf-8")
    elif RECORDED.is_file():
        print(f"recorded: mean AP50 {recorded().mean_ap50}, any-threat recall {recorded().any_threat_recall}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
