"""Rendered scans: labels tight to footprints, contrast, views, framing, the signal chain and determinism."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import trimesh

from parcelsight.configs.loading import shipped
from parcelsight.datasets.scan import AIR_LEVEL, ScanKind, transmission
from parcelsight.datasets.synthetic.detector_array import DetectorArray
from parcelsight.datasets.synthetic.looks import GREY, Palette, apply_look, load_look, palette_of
from parcelsight.datasets.synthetic.pipeline import beside
from parcelsight.datasets.synthetic.render import render
from parcelsight.datasets.synthetic.scanner import Range, Scanner, dual_energy_presets, load_scanner
from parcelsight.datasets.synthetic.solids import Item, Mesh, Parcel, Solid
from parcelsight.detector.errors import ConfigError


def body(shape: trimesh.Trimesh, at: tuple[float, float, float]) -> Mesh:
    moved = shape.copy()
    moved.apply_translation(at)
    return Mesh(np.asarray(moved.vertices, np.float32), np.asarray(moved.faces, np.int32))


def item(name: str, label: str | None, *solids: Solid) -> Item:
    return Item(name, label, f"{name}/00", solids, {"material": solids[0].material})


def carton() -> Item:
    outer, inner = trimesh.creation.box((300, 200, 100)), trimesh.creation.box((294, 194, 94))
    shell = Solid(body(outer, (0, 0, 50)), "cardboard")
    return item("carton", None, shell, Solid(body(inner, (0, 0, 50)), "air", inside="cardboard"))


def cylinder(label: str | None = "barrel", at: tuple[float, float, float] = (0, 0, 40)) -> Item:
    turn = trimesh.transformations.rotation_matrix(0.5, [0.3, 1, 0.2])
    tube = trimesh.creation.annulus(4, 8, 90)
    tube.apply_transform(turn)
    return item("tube", label, Solid(body(tube, at), "steel"))


def plate(thickness_mm: float, at: tuple[float, float, float] = (0, 0, 20)) -> Item:
    return item("plate", None, Solid(body(trimesh.creation.box((200, 150, thickness_mm)), at), "steel"))


def quiet(name: str = "tunnel160") -> Scanner:
    """A scanner without noise, blur or residue, so that levels are transmissions."""
    scanner = load_scanner(name)
    nil = Range(low=0, high=0)
    fields = (
        "electronic_noise",
        "scatter",
        "blur_px",
        "belt_blur_px",
        "afterglow",
        "gain_residue",
        "dark_residue",
        "line_drift",
    )
    signal = scanner.preset.signal.model_copy(
        update=dict.fromkeys(fields, nil) | {"dead_share": 0.0, "photons": Range(low=1e12, high=1e12)}
    )
    return replace(scanner, preset=scanner.preset.model_copy(update={"signal": signal}))


@pytest.mark.parametrize("name", sorted(shipped("scanners")))
def test_boxes_are_tight_in_every_view(name: str) -> None:
    """The label's edges are where the object alone stops changing the beam, within one pixel."""
    scanner = quiet(name)
    views = len(scanner.preset.views)
    rng = np.random.default_rng(1)
    full = render(Parcel(carton(), (cylinder(),), "threat"), scanner, np.random.default_rng(1), views=views)
    without = render(Parcel(carton(), (cylinder(None),), "threat"), scanner, rng, views=views)
    empty = render(Parcel(carton(), (), "benign"), scanner, np.random.default_rng(1), views=views)
    for seen, unlabelled, nothing in zip(full, without, empty, strict=True):
        assert len(unlabelled.annotations) == 0
        assert seen.annotations.labels == ("barrel",)
        changed = (
            np.abs(transmission(seen.scan) - transmission(nothing.scan)).reshape(*seen.scan.pixels.shape[:2], -1).max(2)
        )
        rows, columns = np.nonzero(changed > 1e-3)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.abs(seen.annotations.xyxy_px[0] - box).max() <= 1.0


def test_masks_and_boxes_agree() -> None:
    scan = render(
        Parcel(carton(), (cylinder(),), "threat"), load_scanner("duo140"), np.random.default_rng(3), masks=True
    )[0]
    mask = scan.annotations.attributes[0]["segmentation"]
    assert isinstance(mask, dict)
    height, width = mask["size"]
    assert (height, width) == scan.scan.pixels.shape[:2]
    runs = np.array(mask["counts"])
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    filled = flat.reshape(width, height).T
    rows, columns = np.nonzero(filled)
    assert scan.annotations.xyxy_px[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize(
    ("thickness_mm", "labelled"), [(0.5, True), (5.0, True), (120.0, False)], ids=["foil", "plate", "vault"]
)
def test_what_nothing_gets_through_hides(thickness_mm: float, labelled: bool) -> None:
    parcel = Parcel(
        carton(), (cylinder(at=(0, 0, 220)), plate(thickness_mm, (0, 0, thickness_mm / 2 + 1))), "behind_plate"
    )
    scan = render(parcel, load_scanner("tunnel160"), np.random.default_rng(0))[0]
    assert len(scan.annotations) == int(labelled)


def test_superposition_and_contrast_follow_what_lies_over() -> None:
    scanner = load_scanner("tunnel160")
    values = [
        render(Parcel(carton(), (cylinder(at=(0, 0, 60)), plate(t)), "threat"), scanner, np.random.default_rng(0))[0]
        .annotations.attributes[0]
        for t in (0.3, 3.0, 10.0)
    ]  # fmt: skip
    overlap = [float(str(v["superposition"])) for v in values]
    contrast = [float(str(v["visible_contrast"])) for v in values]
    assert overlap == sorted(overlap)
    assert contrast == sorted(contrast, reverse=True)


@pytest.mark.parametrize(
    ("turn_deg", "least", "most"), [(0, 0.0, 0.05), (45, 0.0, 0.35), (90, 0.6, 1.0)], ids=["flat", "leaning", "end-on"]
)
def test_view_difficulty_grows_as_an_object_turns_away(turn_deg: float, least: float, most: float) -> None:
    board = trimesh.creation.box((120, 80, 15))
    board.apply_transform(trimesh.transformations.rotation_matrix(np.radians(turn_deg), [0, 1, 0]))
    standing = item("board", "slide", Solid(body(board, (0, 0, 90)), "aluminium"))
    scan = render(Parcel(carton(), (standing,), "threat"), load_scanner("duo140"), np.random.default_rng(0), views=2)
    top, side = (float(str(view.annotations.attributes[0]["view_difficulty"])) for view in scan)
    assert least <= top <= most
    assert side >= 0.6 if turn_deg == 0 else True


def test_an_object_cut_by_the_frame_is_labelled_as_clipped() -> None:
    close = item("tube", "barrel", Solid(body(trimesh.creation.annulus(4, 8, 300), (0, 150, 160)), "steel"))
    scanner = load_scanner("tunnel160")
    parcel = Parcel(carton(), (), "benign")
    passer = Parcel(
        item("film", None, Solid(body(trimesh.creation.box((10, 10, 0.1)), (0, 180, 1)), "polyethylene")),
        (close,),
        "threat",
    )
    scan = render(parcel, scanner, np.random.default_rng(0), passers_by=(passer,))[0]
    for box, attributes in zip(scan.annotations.xyxy_px, scan.annotations.attributes, strict=True):
        assert box[3] <= scan.scan.height_px
        assert attributes["clipped"] is bool(box[3] == scan.scan.height_px)


@pytest.mark.parametrize("scanner", dual_energy_presets(views=2))
def test_another_parcel_beside_is_never_where_the_side_view_has_its_source(scanner: str) -> None:
    preset = load_scanner(scanner).preset
    nearest_mm = 0.9 * min(view.distance_mm for view in preset.views)
    sides = 0
    for first, other, seed in product((100, 350, 600), (100, 350, 600), range(25)):
        one, two = (
            Parcel(item("box", None, Solid(body(trimesh.creation.box((wide, 200, 100)), (0, 0, 50)), "paper")), (), "")
            for wide in (first, other)
        )
        moved = beside(one, two, preset.framing.width_mm, np.random.default_rng(seed))
        across = np.array([each.bounds_mm for each in moved.items])[:, :, 0]
        sides += bool(abs(across.mean()) > 200)
        assert np.abs(across).max() < nearest_mm
    assert sides > 20


def test_same_seed_same_pixels() -> None:
    parcel = Parcel(carton(), (cylinder(), plate(2.0)), "threat")
    one, other = (render(parcel, load_scanner("duo140"), np.random.default_rng(9), views=2) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert a.scan.pixels.tobytes() == b.scan.pixels.tobytes()
        assert a.annotations.attributes == b.annotations.attributes


def test_a_single_energy_scanner_gives_grey_scans() -> None:
    scan = render(Parcel(carton(), (cylinder(),), "threat"), load_scanner("mono120"), np.random.default_rng(2))[0].scan
    assert scan.kind is ScanKind.GREY
    assert scan.pixels.dtype == np.uint16


def test_noise_in_air_is_that_of_the_photons() -> None:
    signal = quiet().preset.signal.model_copy(update={"photons": Range(low=10_000, high=10_000)})
    rng = np.random.default_rng(0)
    array = DetectorArray.draw(signal, 300, 2, rng)
    levels = array.read_out(np.ones((200, 300, 2), np.float32), rng) / AIR_LEVEL
    assert levels.mean() == pytest.approx(1, abs=1e-3)
    assert levels[..., 0].std() == pytest.approx(0.01, rel=0.05)
    assert levels[..., 1].std() == pytest.approx(0.01 / np.sqrt(0.6), rel=0.05)


def test_afterglow_trails_behind_what_was_bright() -> None:
    signal = quiet().preset.signal.model_copy(update={"afterglow": Range(low=0.1, high=0.1)})
    rng = np.random.default_rng(0)
    lit = np.ones((40, 32, 2), np.float32)
    lit[20:] = 0.0
    levels = DetectorArray.draw(signal, 32, 2, rng).read_out(lit, rng)[:, 16, 0] / AIR_LEVEL
    assert levels[21] > 0.01 > levels[30]
    assert levels[18] == pytest.approx(1, abs=0.01)


def test_a_dead_detector_is_a_line_along_the_belt() -> None:
    signal = quiet().preset.signal.model_copy(update={"dead_share": 0.2})
    rng = np.random.default_rng(0)
    levels = DetectorArray.draw(signal, 64, 2, rng).read_out(np.full((50, 64, 2), 0.6, np.float32), rng)
    stuck = np.flatnonzero(np.abs(levels[:, :, 0].mean(axis=0) / AIR_LEVEL - 0.6) > 0.05)
    assert 4 <= len(stuck) <= 24
    assert levels[:, stuck].std(axis=0).max() == 0


@pytest.mark.parametrize("name", [*sorted(shipped("looks")), "canonical", "random", "grey"])
def test_looks_keep_air_light_and_steel_dark(name: str) -> None:
    scan = render(
        Parcel(carton(), (plate(15.0, (0, 0, 30)),), "benign"), load_scanner("tunnel160"), np.random.default_rng(0)
    )[0].scan
    palette = palette_of(name, np.random.default_rng(4))
    picture = palette.picture(scan).astype(int)
    air, steel = picture[1:3, 1:3].mean(), picture[scan.height_px // 2, scan.width_px // 2].mean()
    inverted = palette.look is not None and palette.look.invert
    assert (steel - air if inverted else air - steel) > 100


def test_material_classes_have_their_colours() -> None:
    levels = np.array([[[0.55, 0.62], [0.50, 0.66], [0.30, 0.62]]]) * AIR_LEVEL
    organic, mixed, metal = apply_look(
        levels.astype(np.uint16), load_look("amber").model_copy(update={"sharpen": 0.0, "detail": 0.0})
    )[0].astype(int)
    assert organic[0] > organic[1] > organic[2]
    assert mixed[1] == mixed.max()
    assert metal[2] == metal.max()


def test_enhancement_draws_outlines_and_leaves_air_and_flat_matter() -> None:
    levels = np.full((40, 60, 2), AIR_LEVEL, np.uint16)
    levels[:, 30:] = (0.6 * AIR_LEVEL, 0.7 * AIR_LEVEL)
    plain = load_look("amber").model_copy(update={"sharpen": 0.0, "detail": 0.0})
    flat, crisp = (apply_look(levels, plain.model_copy(update={"detail": d})).astype(int).sum(2) for d in (0.0, 3.0))
    np.testing.assert_array_equal(crisp[:, :20], flat[:, :20])
    np.testing.assert_array_equal(crisp[:, 40:], flat[:, 40:])
    assert (crisp[:, 30] < flat[:, 30] - 40).all(), "the edge of matter is darker than its middle"


def test_what_lets_nothing_through_takes_the_opaque_colour() -> None:
    levels = np.array([[[0.002, 0.004], [0.3, 0.5]]]) * AIR_LEVEL
    look = load_look("harbour").model_copy(update={"sharpen": 0.0, "detail": 0.0, "background": (255, 255, 255)})
    opaque, metal = apply_look(levels.astype(np.uint16), look)[0]
    assert tuple(opaque) == look.opaque
    without = apply_look(levels.astype(np.uint16), look.model_copy(update={"opaque": None}))[0]
    assert tuple(metal) == tuple(without[1]) and tuple(without[0]) != look.opaque


def test_inverted_grey_is_the_complement() -> None:
    levels = np.random.default_rng(0).integers(0, AIR_LEVEL, (8, 8, 2), dtype=np.uint16)
    inverted = GREY.model_copy(update={"invert": True})
    assert (apply_look(levels, GREY).astype(int) + apply_look(levels, inverted) == 255).all()


def test_an_unknown_look_is_named() -> None:
    with pytest.raises(ConfigError, match="neon: no such file"):
        palette_of("neon", np.random.default_rng(0))


def test_the_canonical_palette_is_the_runtime_one() -> None:
    scan = render(Parcel(carton(), (cylinder(),), "threat"), load_scanner("tunnel160"), np.random.default_rng(0))[
        0
    ].scan
    from parcelsight.datasets.canonical import canonical_rgb

    assert (Palette("canonical", None).picture(scan) == canonical_rgb(scan)).all()
