"""Projected threats at work: rare, unforeseeable, provable, and never where something real is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from parcelsight.detector.errors import UsageError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.rates import Rate
from parcelsight.screening.tutor.tip import (
    Passing,
    Projection,
    TipOutcome,
    TipPolicy,
    abandoned,
    answered,
    projection_for,
)

SECRET = bytes(range(32))
POLICY = TipPolicy(0.03)


def day(parcels: int = 10_000, seed: int = 0) -> list[Passing]:
    """What a lane sees."""
    verdicts = np.random.default_rng(seed).choice(list(Verdict), parcels, p=_shares())
    return [Passing("lane 1", number, Verdict(verdict)) for number, verdict in enumerate(verdicts, start=1)]


def _shares() -> list[float]:
    some = {Verdict.ALARM: 0.04, Verdict.REVIEW: 0.03, Verdict.UNSCREENED: 0.01, Verdict.NO_ALARM: 0.92}
    return [some[verdict] for verdict in Verdict]


def projections(parcels: list[Passing], policy: TipPolicy = POLICY, secret: bytes = SECRET) -> list[Projection]:
    found = (projection_for(parcel, policy, secret) for parcel in parcels)
    return [projection for projection in found if projection is not None]


def test_the_rate_is_kept_and_real_alarms_are_left_alone() -> None:
    parcels = day()
    verdicts = Counter(parcel.verdict for parcel in parcels)
    verdict_of = {parcel.lane_number: parcel.verdict for parcel in parcels}
    found = projections(parcels)
    low, high = Rate(len(found), verdicts[Verdict.NO_ALARM]).interval
    assert low < 0.03 < high
    assert {verdict_of[projection.lane_number] for projection in found} == {Verdict.NO_ALARM}
    assert Counter(parcel.verdict for parcel in parcels) == verdicts  # what is counted is as it was


def test_nothing_before_tells_what_comes() -> None:
    marks = np.array(
        [projection_for(Passing("1", n, Verdict.NO_ALARM), POLICY, SECRET) is not None for n in range(40_000)]
    )
    chance = marks.mean()
    gaps = np.diff(np.flatnonzero(marks))
    assert abs(gaps.mean() * chance - 1) < 0.1
    assert 0.85 < gaps.std() / gaps.mean() < 1.15  # geometric: as spread as it is long
    for lag in (1, 2, 3, 10, 33, 100):
        after = marks[lag:][marks[:-lag]].mean()
        assert abs(after - chance) < 4 * np.sqrt(chance * (1 - chance) / marks.sum())


def test_the_secret_decides_and_proves() -> None:
    parcels = day(3000)
    assert projections(parcels) == projections(parcels)
    other = {projection.lane_number for projection in projections(parcels, secret=bytes(32))}
    mine = {projection.lane_number for projection in projections(parcels)}
    assert len(mine & other) < 0.25 * len(mine)
    elsewhere = projections([replace(parcel, lane="lane 2") for parcel in parcels])
    assert len(mine & {projection.lane_number for projection in elsewhere}) < 0.25 * len(mine)
    assert len({projection.seed for projection in projections(parcels)}) == len(mine)


def test_more_of_them_keeps_those_there_were() -> None:
    """A supervisor who raises the rate reshuffles nothing."""
    parcels = day(3000)
    few = {projection.lane_number for projection in projections(parcels)}
    assert few < {projection.lane_number for projection in projections(parcels, TipPolicy(0.1))}


def test_the_mix_is_kept() -> None:
    found = projections(day(20_000), TipPolicy(0.2, {"slide": 3, "cartridge": 1, "pistol": 0}))
    labels = Counter(projection.label for projection in found)
    assert set(labels) == {"slide", "cartridge"}
    low, high = Rate(labels["slide"], len(found)).interval
    assert low < 0.75 < high
    assert {projection.label for projection in projections(day(20_000), TipPolicy(0.2))} == set(TAXONOMY.classes)


@pytest.mark.parametrize("policy", [TipPolicy(0.2, is_stopped=True), TipPolicy(0)], ids=["stopped", "nil"])
def test_stopped_is_stopped(policy: TipPolicy) -> None:
    assert projections(day(2000), policy) == []


def test_answers_are_revealed_and_are_no_decisions() -> None:
    projection = Projection("1", 7, "frame_receiver", 1)
    hit, miss = answered(projection, 5, was_released=False, took_ms=4100), answered(projection, 5, True, -3)
    assert (hit.outcome, hit.took_ms) == (TipOutcome.HIT, 4100)
    assert hit.revealed == "Well seen: this was a projected frame receiver. Now decide the parcel itself."
    assert (miss.outcome, miss.took_ms) == (TipOutcome.MISS, 0)
    assert "was let pass" in miss.revealed
    given_up = abandoned(projection, 5)
    assert given_up.outcome is TipOutcome.ABANDONED and "Decide the parcel itself" in given_up.revealed


BAD: dict[str, tuple[dict[str, object], str]] = {
    "more than a fifth": ({"rate": 0.5}, "choose 0 to 20%"),
    "negative": ({"rate": -0.1}, "choose 0 to 20%"),
    "no number": ({"rate": float("nan")}, "choose 0 to 20%"),
    "no such class": ({"rate": 0.1, "mix": {"banana": 1}}, "'banana' is no class"),
    "empty mix": ({"rate": 0.1, "mix": {}}, "mix of projected threats is empty"),
    "nil mix": ({"rate": 0.1, "mix": {"slide": 0}}, "mix of projected threats is empty"),
    "negative weight": ({"rate": 0.1, "mix": {"slide": 2, "bolt": -1}}, "mix of projected threats is empty"),
    "endless weight": ({"rate": 0.1, "mix": {"slide": float("inf")}}, "mix of projected threats is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_policies_that_make_no_sense(case: str) -> None:
    values, message = BAD[case]
    with pytest.raises(UsageError, match=message):
        TipPolicy(**values)  # type: ignore[arg-type]


def test_a_secret_that_can_be_guessed() -> None:
    with pytest.raises(UsageError, match="3 bytes can be guessed"):
        projection_for(day(1)[0], POLICY, b"abc")
