"""The measurement of what might tell a projection: it finds a leak that is there; lanes have none of the plain kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.tip_telltale import area, border_features, border_pair
from benchmarks.tip_wire import wire_samples

pytest.importorskip("sklearn", reason="pip install scikit-learn")


def test_a_leak_is_found_and_noise_is_none() -> None:
    rng = np.random.default_rng(2)
    groups, carries = np.repeat(np.arange(200), 2), np.tile([0, 1], 200)
    noise = rng.standard_normal((400, 6))
    assert all(
        0.4 < one["auc"] < 0.6 and one["low"] < one["auc"] < one["high"]
        for one in area(noise, carries, groups).values()
    )
    leaking = noise.copy()
    leaking[:, 3] += 2.5 * carries
    assert all(one["auc"] > 0.9 for one in area(leaking, carries, groups).values())


def test_a_pasted_border_shows_in_the_features() -> None:
    lit = np.full((40, 40, 2), 0.8, np.float32)
    footprint = np.zeros((40, 40), np.bool_)
    footprint[12:28, 12:28] = True
    soft, hard = lit.copy(), lit.copy()
    hard[footprint] = 0.2
    assert np.isfinite(border_features(soft, footprint)).all()
    assert np.abs(border_features(hard, footprint) - border_features(soft, footprint)).max() > 1


def test_what_a_browser_receives_has_the_same_form_for_all(tmp_path: Path) -> None:
    features, carrying, names = wire_samples(tmp_path, 14, None)
    assert 0 < carrying.sum() < len(carrying)
    for column, name in enumerate(names):
        if name.endswith((".ms", "delay_s")):
            continue
        with_it, without = features[carrying == 1, column], features[carrying == 0, column]
        assert with_it.min() <= without.max() and without.min() <= with_it.max(), (
            f"{name} tells which parcels carry one"
        )


def test_scenes_give_pairs() -> None:
    pytest.importorskip("xraylib", reason="pip install 'parcelsight[synthetic]'")
    pairs = [pair for pair in map(border_pair, range(1, 5)) if pair is not None]
    assert pairs and all(one.shape == other.shape and np.isfinite([one, other]).all() for one, other in pairs)
