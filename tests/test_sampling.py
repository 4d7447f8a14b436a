"""Which pictures an epoch shows: in the proportions asked for, the same ones each time, after an interruption too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.detector.errors import RunError
from parcelsight.detector.lesson import LabelledPicture
from parcelsight.training.recipe import Sampling
from parcelsight.training.sampling import make_draw, systematic

FREE: list[int] = []


def pictures(classes: Sequence[Sequence[int]]) -> tuple[LabelledPicture, ...]:
    blank = np.zeros((1, 1, 3), np.uint8)
    return tuple(
        LabelledPicture(f"scan{i}", lambda: blank, np.zeros((len(ids), 4), np.float32), np.asarray(ids, np.int64))
        for i, ids in enumerate(classes)
    )


COMMON_AND_RARE = [[0]] * 80 + [[1]] * 5 + [FREE] * 15


def counts(recipe: Sampling, epoch: int = 0, hard: frozenset[str] = frozenset(), seed: int = 0) -> Counter[str]:
    kinds = ["common"] * 80 + ["rare"] * 5 + ["free"] * 15
    drawn = make_draw(recipe, pictures(COMMON_AND_RARE), seed, hard)(epoch)
    return Counter(kinds[i] for i in drawn)


def test_with_everything_off_each_picture_comes_once_in_order() -> None:
    drawn = make_draw(Sampling(rare_classes=0), pictures(COMMON_AND_RARE), 5)(3)
    assert drawn.tolist() == list(range(100))


def test_one_class_alone_is_shown_once_each_by_default_too() -> None:
    assert make_draw(Sampling(), pictures([[0], [0], FREE]), 0)(0).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("power", "ratio"), [(0.5, 4.0), (1.0, 16.0)])
def test_rare_classes_come_more_often_by_the_stated_power(power: float, ratio: float) -> None:
    drawn = sum((counts(Sampling(rare_classes=power), epoch) for epoch in range(40)), Counter())
    assert (drawn["rare"] / 5) / (drawn["common"] / 80) == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_the_share_of_threat_free_scans_is_kept(share: float) -> None:
    for epoch in range(3):
        drawn = counts(Sampling(threat_free=share), epoch)
        assert abs(drawn["free"] - 100 * share) <= 1
        assert drawn["rare"] > 5 * (1 - share), "classes stay balanced within their share"


def test_hard_negatives_come_as_often_as_said() -> None:
    hard = frozenset({"scan90", "scan91"})
    recipe = Sampling(rare_classes=0, hard_negative_weight=4)
    drawn = Counter[int]()
    for epoch in range(50):
        drawn.update(make_draw(recipe, pictures(COMMON_AND_RARE), 0, hard)(epoch).tolist())
    assert (drawn[90] + drawn[91]) / 2 / (drawn[92] + drawn[93]) * 2 == pytest.approx(4, rel=0.1)


def test_an_epoch_has_as_many_pictures_as_asked_for() -> None:
    assert sum(counts(Sampling(pictures=37)).values()) == 37
    few = make_draw(Sampling(pictures=250, rare_classes=0), pictures([[0]] * 100), 0)(0)
    assert len(few) == 250 and set(Counter(few.tolist()).values()) == {2, 3}


def test_draws_depend_on_seed_and_epoch_alone() -> None:
    recipe = Sampling()
    draw, again = (make_draw(recipe, pictures(COMMON_AND_RARE), 7) for _ in range(2))
    later = [draw(epoch).tolist() for epoch in range(5)]
    assert [again(epoch).tolist() for epoch in (4, 2)] == [later[4], later[2]], "as a resumed training asks for them"
    assert later[0] != later[1]
    assert make_draw(recipe, pictures(COMMON_AND_RARE), 8)(0).tolist() != later[0]


@pytest.mark.parametrize(("classes", "says"), [([[0], [0]], "has no threat"), ([FREE, FREE], "has a threat")])
def test_a_share_of_what_is_missing_is_refused(classes: list[list[int]], says: str) -> None:
    with pytest.raises(RunError, match=rf"sampling\.threat_free.*{says}"):
        make_draw(Sampling(threat_free=0.5), pictures(classes), 0)


@settings(max_examples=50, deadline=None)
@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40),
    count=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_comes_as_often_as_expected_rounded_up_or_down(weights: list[float], count: int, seed: int) -> None:
    expected = np.asarray(weights) * (count / sum(weights))
    kinds = np.arange(len(weights)) % 3
    drawn = np.bincount(systematic(expected, kinds, np.random.default_rng(seed)), minlength=len(weights))
    assert drawn.sum() == count
    assert (drawn >= np.floor(expected - 1e-6)).all() and (drawn <= np.ceil(expected + 1e-6)).all()
    of_a_kind = [abs(drawn[kinds == kind].sum() - expected[kinds == kind].sum()) for kind in range(3)]
    assert max(of_a_kind) < 1 + 1e-6, "all of a kind together lose or gain one at most"
