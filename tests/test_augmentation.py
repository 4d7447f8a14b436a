"""Variation of training pictures: boxes follow pixels, mixtures multiply, air stays air, and it all repeats itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("albumentations", reason="training packages are not installed: pip install 'parcelsight[train]'")

from parcelsight.datasets.canonical import MATERIAL_RATIOS, canonical_rgb
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.lesson import LabelledPicture, Sample
from parcelsight.training.augmentation import make_augment
from parcelsight.training.picture_effects import inverted, recoloured
from parcelsight.training.recipe import Augmentation, Transmissions
from parcelsight.training.scanner_effects import (
    blurred,
    coarser,
    glowing,
    noisy,
    streaked,
    thicker,
    with_dead_detectors,
)
from parcelsight.training.threat_cutting import cut_threat
from parcelsight.training.transmission import as_pixels, light_of

SIDE = 96
BOX = np.array([[20, 30, 60, 50]], np.float32)
ORGANIC, METAL = (0.55, 0.62), (0.10, 0.30)
"""(low, high) transmissions."""


def levels_of(light: Sequence[float] | NDArray[np.float32]) -> Any:
    return np.rint(np.asarray(light) * AIR_LEVEL).astype(np.uint16)


def dual(box: NDArray[np.float32] = BOX, class_id: int = 2, objects: bool = True) -> Sample:
    """A parcel in air: an organic sheet with a metal bar in it, as transmissions."""
    levels = np.full((SIDE, SIDE, 2), AIR_LEVEL, np.uint16)
    levels[16:80, 10:86] = levels_of((0.9, 0.92))
    x1, y1, x2, y2 = box[0].astype(int)
    if objects:
        levels[y1:y2, x1:x2] = levels_of(METAL)
    ids = np.array([class_id] if objects else [], np.int64)
    return Sample(levels, box if objects else box[:0], ids, (0, 8, SIDE, 88))


def colour(objects: bool = True) -> Sample:
    """The same as a picture that a scanner has coloured."""
    plain = dual(objects=objects)
    rgb = canonical_rgb(Scan("parcel", plain.pixels, ScanKind.DUAL_ENERGY))
    return Sample(rgb, plain.xyxy_px, plain.class_ids, plain.content_px)


def single_energy() -> Sample:
    """The same with one energy."""
    plain = dual()
    return Sample(np.ascontiguousarray(plain.pixels[:, :, :1]), plain.xyxy_px, plain.class_ids, plain.content_px)


KINDS = {"dual-energy": dual, "one energy": single_energy, "coloured": colour}


def only(**given: object) -> Augmentation:
    """A recipe that does nothing but what is given."""
    inner = dict.fromkeys(Transmissions.model_fields, 0.0)
    outer: dict[str, Any] = {name: 0.0 for name in Augmentation.model_fields if name != "transmissions"}
    inner.update({name: value for name, value in given.items() if name in inner})  # type: ignore[misc]
    outer.update({name: value for name, value in given.items() if name not in inner})
    return Augmentation(**outer, transmissions=Transmissions(**inner))


def pictures_of(*samples: Sample) -> tuple[LabelledPicture, ...]:
    return tuple(
        LabelledPicture(str(i), lambda s=s: s.pixels, s.xyxy_px, s.class_ids)  # type: ignore[misc]
        for i, s in enumerate(samples)
    )


def vary(recipe: Augmentation, sample: Sample, seed: int, *others: Sample) -> Sample:
    return make_augment(recipe, pictures_of(sample, *others))(sample, seed, lambda i: (sample, *others)[i])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_variation_gives_a_picture_of_the_same_size_and_repeats_itself(kind: str, seed: int) -> None:
    recipe = Augmentation(mix=0.5, threats=0.5)
    sample, other = KINDS[kind](), KINDS[kind]()
    before = sample.pixels.copy()
    varied, again = vary(recipe, sample, seed, other), vary(recipe, sample, seed, other)
    assert varied.pixels.shape == (SIDE, SIDE, 3) and varied.pixels.dtype == np.uint8
    assert len(varied.xyxy_px) == len(varied.class_ids)
    boxes = varied.xyxy_px
    assert ((boxes >= 0) & (boxes <= SIDE)).all() and (boxes[:, 2:] > boxes[:, :2]).all()
    assert np.array_equal(varied.pixels, again.pixels) and np.array_equal(varied.xyxy_px, again.xyxy_px)
    assert np.array_equal(sample.pixels, before), "what is kept in memory must not change"


GEOMETRIC = {
    "flips": only(flip_horizontal=0.5, flip_vertical=0.5),
    "turns": only(rotate_90=0.5),
    "zoom and shift": only(scale=0.4, translate=0.1),
    "everything but tones": Augmentation(
        mix=0, threats=0, grey=0, invert=0, gain=0, brightness=0, background=0, noise=0
    ),
}


@pytest.mark.parametrize("kind", ["dual-energy", "coloured"])
@pytest.mark.parametrize("recipe", GEOMETRIC)
@pytest.mark.parametrize("seed", range(6))
def test_boxes_follow_the_pixels(kind: str, recipe: str, seed: int) -> None:
    augmentation = GEOMETRIC[recipe].model_copy(update={"transmissions": Transmissions(looks=0, dead_detectors=0)})
    varied = vary(augmentation, KINDS[kind](), seed)
    if not len(varied.xyxy_px):
        return
    dark = varied.pixels.astype(int).sum(axis=2) < 330
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    np.testing.assert_allclose(varied.xyxy_px[0], found, atol=2.5)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_window_shows_as_much_of_the_scan_as_it_can_and_its_box(kind: str, seed: int) -> None:
    shrunk = vary(only(shrink=0.5, window_px=64), KINDS[kind](), seed)
    assert shrunk.pixels.shape == (64, 64, 3)
    x1, y1, x2, y2 = shrunk.content_px
    whole = vary(only(shrink=0.5), KINDS[kind](), seed).content_px
    assert x2 - x1 == min(64, whole[2] - whole[0]) and y2 - y1 == min(64, whole[3] - whole[1])
    if not len(shrunk.xyxy_px):
        return
    dark = shrunk.pixels.astype(int).sum(axis=2) < 330
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    np.testing.assert_allclose(shrunk.xyxy_px[0], found, atol=2.5)


def test_a_window_leaves_out_what_it_hardly_shows() -> None:
    seen = [len(vary(only(window_px=32), colour(), seed).class_ids) for seed in range(40)]
    assert {0, 1} == set(seen)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_variation_keeps_the_material_code(seed: int) -> None:
    transmissions = Transmissions(looks=0, dead_detectors=0)
    recipe = Augmentation(grey=0, invert=0, mix=0, threats=0, noise=0, jpeg=0, transmissions=transmissions)
    for sample in (dual(), colour()):
        varied = vary(recipe, sample, seed)
        if not len(varied.xyxy_px):
            continue
        x, y = ((varied.xyxy_px[0, :2] + varied.xyxy_px[0, 2:]) / 2).astype(int)
        red, green, blue = varied.pixels[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean(axis=(0, 1))
        assert blue > green >= red, "what was metal blue is still blue"
        assert varied.class_ids.tolist() == [2]


def test_mixing_multiplies_transmissions_and_keeps_both_labels() -> None:
    sample, other = dual(), dual(np.array([[30, 60, 50, 76]], np.float32), class_id=1)
    recipe = only(mix=1)
    mixed = [vary(recipe, sample, seed, other) for seed in range(12)]
    both = [each for each in mixed if sorted(each.class_ids.tolist()) == [1, 2]]
    assert both, "a parcel was laid over another one"
    alone = vary(only(), sample, 0)
    for each in both:
        assert (each.pixels.astype(int) <= alone.pixels.astype(int) + 2).all(), "shadows add up, nothing gets brighter"


def test_light_multiplies_exactly() -> None:
    air = np.full(2, AIR_LEVEL, np.float32)
    one, two = (light_of(sample.pixels, air) for sample in (dual(), dual(np.array([[40, 40, 70, 60]], np.float32))))
    product = as_pixels(one * two, air, dual().pixels)[45, 50].astype(float) / AIR_LEVEL
    np.testing.assert_allclose(product, np.array(METAL) ** 2, atol=2 / AIR_LEVEL)


def test_what_would_hide_a_labelled_object_is_not_mixed() -> None:
    sample = dual()
    opaque = Sample(np.full_like(sample.pixels, 300), BOX[:0], np.zeros(0, np.int64), (0, 0, SIDE, SIDE))
    for seed in range(8):
        varied = vary(only(mix=1), sample, seed, opaque)
        x, y = 30, 40
        assert varied.pixels[y, x].max() > 40 or np.array_equal(varied.pixels, vary(only(), sample, seed).pixels)


def test_dark_backgrounds_and_grey_over_colour_are_not_mixed() -> None:
    coloured = colour()
    inverse = Sample(255 - coloured.pixels, coloured.xyxy_px, coloured.class_ids, coloured.content_px)
    grey = Sample(
        np.repeat(coloured.pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
        coloured.xyxy_px,
        coloured.class_ids,
        coloured.content_px,
    )
    for other in (inverse, grey):
        for seed in range(6):
            varied = make_augment(only(mix=1), pictures_of(coloured, other))(coloured, seed, lambda _, o=other: o)  # type: ignore[misc]
            assert np.array_equal(varied.pixels, coloured.pixels)


def test_a_threat_is_laid_over_another_parcel_where_its_label_says() -> None:
    empty, giver = dual(objects=False), dual(class_id=7)
    laid = [vary(only(threats=1), empty, seed, giver) for seed in range(10)]
    laid = [each for each in laid if each.class_ids.tolist() == [7]]
    assert laid
    for each in laid:
        dark = each.pixels.astype(int).sum(axis=2) < 330
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        np.testing.assert_allclose(each.xyxy_px[0], found, atol=2.5)


def test_a_cut_threat_fades_to_nothing_at_its_rim() -> None:
    sample = dual()
    cut = cut_threat(sample, light_of(sample.pixels, np.full(2, AIR_LEVEL, np.float32)), np.random.default_rng(1))
    assert cut is not None and cut.light.max() <= 1
    for rim in (cut.light[0], cut.light[-1], cut.light[:, 0], cut.light[:, -1]):
        assert rim.min() > 0.9
    x1, y1, x2, y2 = np.rint(cut.xyxy_px).astype(int)
    middle = cut.light[(y1 + y2) // 2, (x1 + x2) // 2]
    np.testing.assert_allclose(middle, np.array(METAL) / (0.9, 0.92), rtol=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_nothing_makes_an_object_out_of_air(kind: str, seed: int) -> None:
    sample = KINDS[kind]()
    air = np.full_like(sample.pixels, 255 if kind == "coloured" else AIR_LEVEL)
    empty = Sample(air, BOX[:0], np.zeros(0, np.int64), (0, 0, SIDE, SIDE))
    recipe = Augmentation(
        background=1, blur=1, transmissions=Transmissions(looks=1, belt_blur=1, afterglow=1, streaks=1)
    )
    grey = vary(recipe, empty, seed).pixels.astype(float).mean(axis=2)
    cells = grey.reshape(12, 8, 12, 8).mean(axis=(1, 3))
    middle = cells[2:-2, 2:-2]  # beyond the scan's edge the padding may have another tone
    lines, columns = np.median(middle, axis=1, keepdims=True), np.median(middle, axis=0, keepdims=True)
    besides = middle - lines - columns + np.median(middle)
    assert np.abs(besides).max() < 12, "what differs from air is a straight line through the whole picture"


def test_what_moves_into_view_is_air() -> None:
    dark = Sample(np.zeros((SIDE, SIDE, 3), np.uint8), BOX[:0], np.zeros(0, np.int64), (0, 0, SIDE, SIDE))
    assert set(np.unique(vary(only(translate=0.5), dark, 5).pixels)) == {0, 255}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_off_changes_nothing(kind: str) -> None:
    sample = KINDS[kind]()
    varied = vary(only(), sample, 1)
    kinds = {1: ScanKind.GREY, 2: ScanKind.DUAL_ENERGY, 3: ScanKind.PSEUDO_COLOUR}
    channels = sample.pixels.shape[2]
    plain = canonical_rgb(Scan("s", sample.pixels[:, :, 0] if channels == 1 else sample.pixels, kinds[channels]))
    assert np.array_equal(varied.pixels[8:88], plain[8:88])
    np.testing.assert_allclose(varied.xyxy_px, BOX, atol=1e-4)
    assert varied.class_ids.tolist() == [2]


EVERY = [name for name in (*Augmentation.model_fields, *Transmissions.model_fields) if name != "transmissions"]
MOST: dict[str, float] = {"scale": 0.4, "shrink": 0.5, "translate": 0.3, "gain": 0.5, "brightness": 0.3, "noise": 0.2}
MOST |= {"air_level": 0.2, "window_px": 64}
COLOURED_ONLY = {"brightness", "background", "noise"}


@pytest.mark.parametrize("name", EVERY)
def test_each_key_does_something_to_the_pictures_it_is_for(name: str) -> None:
    kinds = ["coloured"] if name in COLOURED_ONLY else ["dual-energy"]
    kinds += ["coloured"] if name not in Transmissions.model_fields and name not in COLOURED_ONLY else []
    for kind in kinds:
        sample, other = KINDS[kind](), KINDS[kind]()
        recipe = only(**{name: MOST.get(name, 0.2 if name == "quantum_noise" else 1.0)})
        changed = [
            not np.array_equal(vary(recipe, sample, seed, other).pixels, vary(only(), sample, seed, other).pixels)
            for seed in range(8)
        ]
        assert any(changed), f"{name} leaves {kind} pictures as they are"


@pytest.mark.parametrize("factors", [(2.0, 1.0), (1.0, 2.0), (1.7, 1.3)])
def test_a_coarser_pitch_keeps_the_light_and_takes_fine_lines(factors: tuple[float, float]) -> None:
    light = np.ones((SIDE, SIDE, 2), np.float32)
    light[:, ::4] = light[::4, :] = 0.2
    coarse = coarser(light, *factors)
    assert coarse.shape == light.shape and abs(float(coarse.mean() - light.mean())) < 0.01
    spread = [float(coarse[:, :, 0].mean(axis=axis).std() / light[:, :, 0].mean(axis=axis).std()) for axis in (0, 1)]
    for told, factor in zip(spread, factors, strict=True):
        assert told < 0.9 if factor > 1.2 else abs(told - 1) < 0.05


def _steps(along: int) -> NDArray[np.float32]:
    """A step along one axis."""
    light = np.ones((SIDE, SIDE, 2), np.float32)
    (light if along == 0 else light.swapaxes(0, 1))[40:] = 0.2
    return light


@pytest.mark.parametrize("along", [0, 1])
def test_effects_along_the_belt_act_along_it_alone(along: int) -> None:
    light = _steps(along)
    across = _steps(1 - along)
    assert np.abs(blurred(light, 1.0, along) - light).max() > 0.02
    assert np.abs(glowing(light, 0.2, along, False) - light).max() > 0.02
    np.testing.assert_allclose(blurred(across, 1.0, along), across, atol=1e-5)
    np.testing.assert_allclose(glowing(across, 0.2, along, False), across, atol=1e-5)


def test_afterglow_comes_after_and_keeps_the_sum() -> None:
    light = np.zeros((SIDE, SIDE, 2), np.float32)
    light[40] = 1
    glown = glowing(light, 0.2, 0, backwards=False)
    assert glown[41, 5, 0] > glown[42, 5, 0] > 0 and glown[39].max() == 0
    np.testing.assert_allclose(glown.sum(), light.sum(), rtol=1e-5)


def test_thickness_multiplies_attenuation_and_noise_is_that_of_counts() -> None:
    light = np.full((SIDE, SIDE, 1), 0.25, np.float32)
    np.testing.assert_allclose(thicker(light, 1.5), 0.125, rtol=1e-5)
    assert thicker(light, 1) is light
    noise = {
        level: np.std([noisy(np.full_like(light, level), 0.02, np.random.default_rng(s)) - level for s in range(40)])
        for level in (1.0, 0.25)
    }
    assert noise[0.25] / noise[1.0] == pytest.approx(0.5, rel=0.05), "spread grows with the root of the light"


@pytest.mark.parametrize("factor", [0.75, 1.25])
@pytest.mark.parametrize("mean", [0.5, 1.0, 2.0])
def test_thicker_matter_is_still_the_same_matter(mean: float, factor: float) -> None:
    depths, *materials = zip(*MATERIAL_RATIOS, strict=True)
    for ratios in materials:
        ratio = np.interp(mean, depths, ratios)
        high = 2 * mean / (1 + ratio)
        light = np.exp(-np.array([ratio * high, high], np.float32))[None, None]
        low, high = -np.log(thicker(light, factor))[0, 0]
        assert (low + high) / 2 == pytest.approx(factor * mean, rel=0.04)
        assert low / high == pytest.approx(np.interp(factor * mean, depths, ratios), rel=0.04)


def test_drift_and_dead_detectors_run_through_the_whole_picture() -> None:
    light = np.ones((SIDE, SIDE, 2), np.float32)
    drifting = streaked(light, 0, np.random.default_rng(0))
    ratio = drifting / drifting[:1]
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-5)
    dead = with_dead_detectors(light, 1, np.random.default_rng(0)) < 1
    assert 1 <= dead[:, :, 0].all(axis=1).sum() <= 3 and dead.all(axis=1).sum() == dead.any(axis=1).sum()


def test_inversion_keeps_hue_and_is_its_own_inverse() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    turned = inverted(rgb)
    assert np.array_equal(inverted(turned), rgb)
    assert np.array_equal(turned.argmax(axis=2), rgb.argmax(axis=2)), "the strongest channel stays the strongest"
    assert (inverted(np.full((1, 1, 3), 255, np.uint8)) == 0).all()


@pytest.mark.parametrize("power", [0.0, 2.0, None], ids=["everywhere", "thin matter", "air alone"])
def test_air_takes_its_new_tone_and_dense_matter_keeps_its_own(power: float | None) -> None:
    sample, tone = colour(), np.array([190, 192, 199], np.float32)
    picture = recoloured(sample.pixels, np.full(3, 255, np.float32), tone, power)
    np.testing.assert_allclose(picture[2, 2], tone, atol=1)
    before, after = sample.pixels[40, 40].astype(int), picture[40, 40].astype(int)
    assert np.abs(after - before).max() <= (70 if power == 0 else 12)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(8, axis=0)
    if power is not None:
        rising = np.diff(recoloured(ramp, np.full(3, 255, np.float32), tone, power)[4, :, 0].astype(int))
        assert (rising >= 0).all(), "what is thicker is still darker"


def test_a_label_beyond_the_scan_is_never_painted_over() -> None:
    sample, other = dual(), dual(np.array([[30, 60, 50, 76]], np.float32), class_id=1)
    recipe = only(mix=1, threats=1, looks=1)
    for seed in range(20):
        varied = vary(recipe, sample, seed, other)
        for box in varied.xyxy_px:
            x1, y1, x2, y2 = np.clip(np.rint(box), 0, SIDE).astype(int)
            if min(x2 - x1, y2 - y1) >= 4:
                inside = varied.pixels[y1:y2, x1:x2].astype(int).sum(axis=2)
                assert np.ptp(varied.pixels.astype(int).sum(axis=2)) > 150 and not (inside == 765).all()
