"""The golden metric: the shipped model may not get worse on a small rendered test set of designs it never saw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.golden_metric import GOLDEN, GoldenMetric, measure, recorded
from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.synthetic.solids import split_of_design
from parcelsight.detector.taxonomy import TAXONOMY
from tests.models import constant_model, model_card, save


@pytest.fixture(scope="module")
def shipped() -> GoldenMetric:
    return measure()


def test_the_shipped_model_reaches_what_was_recorded(shipped: GoldenMetric) -> None:
    wanted = recorded()
    again = "if the model was retrained and is better in service: python benchmarks/golden_metric.py --record"
    assert shipped.mean_ap50 >= wanted.mean_ap50 - wanted.tolerance_ap50, again
    assert shipped.any_threat_recall >= wanted.any_threat_recall - wanted.tolerance_recall, again


def test_the_record_is_of_this_set_and_these_weights(shipped: GoldenMetric) -> None:
    """A better model whose value was not recorded would leave room to get worse unseen."""
    assert (shipped.set_sha256, shipped.weights_sha256) == (recorded().set_sha256, recorded().weights_sha256)


def test_a_blind_model_fails_it(tmp_path: Path) -> None:
    blind = measure(save(constant_model([(0, 0, 1, 1, 0.9, 0)], model_card()), tmp_path / "blind.onnx"))
    assert blind.mean_ap50 < recorded().mean_ap50 - recorded().tolerance_ap50
    assert blind.any_threat_recall < recorded().any_threat_recall - recorded().tolerance_recall


def test_the_set_is_small_whole_and_unseen() -> None:
    dataset = open_dataset(GOLDEN)
    labels = Counter(label for record in dataset for label in record.annotations.labels)
    assert set(labels) == set(TAXONOMY.classes) and min(labels.values()) >= 4
    free = sum(not len(record.annotations) for record in dataset)
    assert len(dataset) >= 100 and 0.4 < free / len(dataset) < 0.6
    designs = {str(each["design_id"]) for record in dataset for each in record.annotations.attributes}
    assert {split_of_design(design) for design in designs} == {"test"}
    assert sum(file.stat().st_size for file in GOLDEN.rglob("*") if file.is_file()) < 2_000_000
