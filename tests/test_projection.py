"""Threat projection: the physics of the overlay, the realism check's reasons, real scans, and the verb."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.annotations import Annotations
from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.point_spread import point_spread
from parcelsight.datasets.projection.beam import Beam
from parcelsight.datasets.projection.canvas import BeamCanvas
from parcelsight.datasets.projection.compose import Shade, project, shade_of
from parcelsight.datasets.projection.jpeg_traces import jpeg_traces
from parcelsight.datasets.projection.parcel_region import find_region
from parcelsight.datasets.projection.placement import Placement, candidates
from parcelsight.datasets.projection.projecting import ProjectionSettings, project_into
from parcelsight.datasets.projection.realism import Change, Reject, fits_parcel, looks_real, may_lie
from parcelsight.datasets.projection.scan_traits import ScanTraits, edge_spread, traits_of
from parcelsight.datasets.projection.threat_image import ThreatImage
from parcelsight.datasets.projection.threat_render import beam_of, draw_threat
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind, transmission
from parcelsight.datasets.synthetic.scanner import Scanner, load_scanner
from parcelsight.datasets.writers import write_dual_energy
from parcelsight.detector.errors import ParcelSightError, UsageError

PITCH_MM = 1.5
GAIN = 4e-5
SMALL = ("magazine", "slide", "barrel")


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    """A shipped dual-energy preset."""
    return load_scanner("tunnel160")


def parcel_scan(seed: int = 0, blur_px: float = 0.5) -> Scan:
    """A box with a few slabs in it, blurred and noisy like a scan; air around."""
    rng = np.random.default_rng(seed)
    fine = np.ones((880, 1120), np.float32)
    fine[120:760, 120:1000] = 0.82
    for _ in range(14):
        y, x = rng.integers(140, 620), rng.integers(140, 820)
        fine[y : y + rng.integers(40, 130), x : x + rng.integers(40, 170)] *= np.float32(rng.uniform(0.55, 0.95))
    ideal = cv2.GaussianBlur(cv2.resize(fine, (280, 220), interpolation=cv2.INTER_AREA), (0, 0), blur_px)
    both = np.stack([ideal, ideal**0.75], axis=-1)
    noisy = both + rng.standard_normal(both.shape) * np.sqrt(GAIN * both)
    levels = np.clip(np.rint(noisy * AIR_LEVEL), 0, 65_535).astype(np.uint16)
    return Scan("box", levels, ScanKind.DUAL_ENERGY, PITCH_MM)


def slab(size_px: tuple[int, int] = (40, 60), passed: float = 0.3, height_mm: float = 20.0) -> ThreatImage:
    """A plain plate as a threat."""
    pixels = np.ones((size_px[0] + 4, size_px[1] + 4, 2), np.float32)
    pixels[2:-2, 2:-2] = (passed, passed**0.6)
    return ThreatImage("barrel", "barrel/00", pixels, Beam.plain(2), PITCH_MM, "tunnel160", height_mm)


def quiet(traits: ScanTraits) -> ScanTraits:
    """The same scanner without noise."""
    return replace(traits, gain=np.zeros(2, np.float32), electronic=np.zeros(2, np.float32))


# -- physics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parcel_mm", [{"water": 60}, {"steel": 3}, {"water": 30, "steel": 1}, {"aluminium": 8}])
def test_a_hardened_beam_meets_the_full_sum(scanner: Scanner, parcel_mm: dict[str, float]) -> None:
    nodes, beam = scanner.nodes, beam_of(scanner)
    behind = sum((nodes.attenuation_per_mm(name) * mm for name, mm in parcel_mm.items()), np.zeros(8, np.float32))
    threat = nodes.attenuation_per_mm("steel") * np.float32(2)
    alone, together = (np.exp(-a) @ nodes.weights for a in (behind, behind + threat))
    share = beam.through(alone[None].astype(np.float32), np.exp(-threat)[None].astype(np.float32))[0]
    assert alone * share == pytest.approx(together, rel=0.01, abs=2e-4)
    in_air = np.exp(-threat) @ nodes.weights
    assert abs(alone[0] * in_air[0] - together[0]) > 3 * abs(alone[0] * share[0] - together[0])


@given(parcel=st.floats(0.02, 1), threat=st.floats(0, 1))
def test_one_energy_a_channel_is_the_plain_product(parcel: float, threat: float) -> None:
    beam = Beam.plain(2)
    lit = beam.through(np.full((1, 2), parcel, np.float32), np.full((1, 2), threat, np.float32))
    assert lit == pytest.approx(threat, abs=1e-4)


@given(ratio=st.floats(1.0, 5.0), shift=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)))
def test_resampling_keeps_the_light(ratio: float, shift: tuple[float, float]) -> None:
    image = slab((37, 53))
    coarse = image.at_pitch(PITCH_MM * ratio, shift)
    lost, kept = ((1 - x.transmission).sum(axis=(0, 1)) * x.pitch_mm**2 for x in (image, coarse))
    assert kept == pytest.approx(lost, rel=0.01)


def test_thinned_noise_is_that_of_the_lower_signal() -> None:
    rng = np.random.default_rng(1)
    traits = ScanTraits(
        gain=np.full(2, GAIN, np.float32), electronic=np.full(2, 1e-3, np.float32), blur_px=0.0,
        floor=np.zeros(2, np.float32), ceiling=np.full(2, 1.09, np.float32), steps=None,
    )  # fmt: skip
    flat = np.full((300, 300, 2), 0.6, np.float32)
    noisy = flat + rng.standard_normal(flat.shape, dtype=np.float32) * traits.noise(flat)
    threat = replace(slab(), passed=np.full((300, 300, 2), 0.25, np.float32))
    after = project(noisy, Shade(threat, np.ones((300, 300), bool), 0, 0), traits, rng).transmission
    assert after.mean() == pytest.approx(0.15, rel=0.002)
    assert after.std(axis=(0, 1)) == pytest.approx(float(np.sqrt(GAIN * 0.15 + 1e-6)), rel=0.02)


def test_nothing_goes_below_the_floor_or_above_the_ceiling() -> None:
    traits = replace(traits_of(transmission(parcel_scan())), floor=np.full(2, 0.01, np.float32))
    shade = shade_of(slab(passed=0.0001), Placement(90, 70), PITCH_MM, 0.5)
    lit = transmission(parcel_scan())[shade.slices]
    assert project(lit, shade, quiet(traits), np.random.default_rng(0)).transmission.min() >= 0.0099


def test_eight_bit_scans_stay_on_their_levels() -> None:
    scan = parcel_scan()
    coarse = np.rint(np.clip(transmission(scan), 0, 1) * 255) / 255
    coarse_scan = replace(scan, pixels=np.rint(coarse * AIR_LEVEL).astype(np.uint16))
    canvas = BeamCanvas(coarse_scan, PITCH_MM)
    pixels, _ = canvas.attempt(shade_of(slab(), Placement(90, 70), PITCH_MM, 0.5), np.random.default_rng(0))
    steps = pixels.astype(np.float64) / AIR_LEVEL * 255
    assert np.abs(steps - np.rint(steps)).max() < 0.01


@pytest.mark.parametrize("sigma_px", [0.1, 0.3, 0.45, 0.7, 1.0, 1.5])
def test_a_point_spread_is_as_wide_as_it_says(sigma_px: float) -> None:
    kernel = point_spread(sigma_px)
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1) and (kernel >= 0).all() and kernel == pytest.approx(kernel[::-1])
    assert np.sqrt((kernel * offsets**2).sum()) == pytest.approx(sigma_px)


@pytest.mark.parametrize("blur_px", [0.5, 0.7, 1.0, 1.4])
def test_sharpness_is_read_off_the_scan(blur_px: float) -> None:
    rng = np.random.default_rng(0)
    fine = np.ones((1600, 1600), np.float32)
    for _ in range(40):
        x, y, width, height = rng.uniform((0, 0, 60, 60), (1500, 1500, 300, 300))
        corners = cv2.boxPoints(((x, y), (width, height), float(rng.uniform(-8, 8)))).astype(np.int32)
        fine *= 1 - float(rng.uniform(0.1, 0.6)) * cv2.fillPoly(np.zeros_like(fine), [corners], 1.0)
    kernel = point_spread(blur_px)
    picture = cv2.sepFilter2D(cv2.resize(fine, (400, 400), interpolation=cv2.INTER_AREA), -1, kernel, kernel)
    noisy = picture + rng.normal(0, 0.005, picture.shape).astype(np.float32)
    assert edge_spread(noisy) == pytest.approx(blur_px, abs=0.15)


def test_noise_is_read_off_the_scan() -> None:
    traits = traits_of(transmission(parcel_scan()))
    assert traits.gain == pytest.approx(GAIN, rel=0.5)


# -- the parcel and the places in it ---------------------------------------------------------------------------------


def test_the_region_is_the_box() -> None:
    region = find_region(-np.log(np.clip(transmission(parcel_scan()).mean(axis=2), 1e-3, 1)), PITCH_MM)
    expected = np.zeros((220, 280), bool)
    expected[30:190, 30:250] = True
    assert (region.mask ^ expected).mean() < 0.02
    assert region.widest_mm() == pytest.approx((330, 240), abs=6)


def test_air_alone_is_no_parcel() -> None:
    noise = np.random.default_rng(0).normal(0, 0.003, (200, 200)).astype(np.float32)
    region = find_region(noise, PITCH_MM)
    assert region.empty and fits_parcel(slab(), region) is Reject.NO_PARCEL


@settings(deadline=None)
@given(seed=st.integers(0, 50), margin_mm=st.floats(3, 25))
def test_every_candidate_lies_inside(seed: int, margin_mm: float) -> None:
    region = find_region(-np.log(np.clip(transmission(parcel_scan()).mean(axis=2), 1e-3, 1)), PITCH_MM)
    barred = np.zeros(region.mask.shape, bool)
    barred[:, :100] = True
    threat = slab()
    for place in candidates(region, threat, barred, np.random.default_rng(seed), 3, margin_mm):
        shade = shade_of(threat, place, PITCH_MM, 0.5)
        assert may_lie(shade, np.ones(barred.shape, np.float32), region, barred, margin_mm) is None


# -- the realism check -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threat", "at", "reason"),
    [
        pytest.param(slab(), (100, 80), None, id="inside"),
        pytest.param(slab(), (220, 80), Reject.CROSSES_BORDER, id="over the wall"),
        pytest.param(slab((12, 12)), (4, 4), Reject.IN_AIR, id="beside the parcel"),
        pytest.param(slab(), (260, 80), Reject.CROSSES_BORDER, id="over the picture's edge"),
        pytest.param(slab(), (60, 60), Reject.OVERLAPS_THREAT, id="on another threat"),
        pytest.param(slab(), (150, 130), Reject.NO_LIGHT_LEFT, id="behind what is opaque"),
    ],
)
def test_places_are_refused_by_name(threat: ThreatImage, at: tuple[int, int], reason: Reject | None) -> None:
    lit = transmission(parcel_scan())
    region = find_region(-np.log(np.clip(lit.mean(axis=2), 1e-3, 1)), PITCH_MM)
    taken = np.zeros(region.mask.shape, bool)
    taken[50:80, 50:90] = True
    light = lit.max(axis=2)
    light[125:185, 145:220] = 0.003
    assert may_lie(shade_of(threat, Placement(*at), PITCH_MM, 0.5), light, region, taken) is reason


@pytest.mark.parametrize(
    ("threat", "reason"),
    [
        pytest.param(slab(), None, id="fits"),
        pytest.param(slab((10, 300)), Reject.LARGER_THAN_PARCEL, id="too long"),
        pytest.param(slab((170, 170)), Reject.LARGER_THAN_PARCEL, id="too wide"),
        pytest.param(slab(height_mm=400), Reject.LARGER_THAN_PARCEL, id="too high"),
        pytest.param(slab(passed=1.0), Reject.INVISIBLE, id="nothing to see"),
    ],
)
def test_parcels_hold_what_fits(threat: ThreatImage, reason: Reject | None) -> None:
    region = find_region(-np.log(np.clip(transmission(parcel_scan()).mean(axis=2), 1e-3, 1)), PITCH_MM)
    assert fits_parcel(threat, region) is reason


def tampered(change: Change, how: str, parcel: NDArray[np.float32], shade: Shade) -> Change:
    """What a careless projection would have shown."""
    depth = -np.log(np.maximum(parcel, 1e-3)).mean(axis=2)
    alone = -np.log(np.maximum(shade.threat.transmission, 1e-3)).mean(axis=2)
    if how == "pasted over":
        found = np.where(shade.footprint, alone - depth, 0).astype(np.float32)
    elif how == "halo":
        halo = cv2.dilate(shade.footprint.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~shade.footprint
        found = change.found - np.float32(0.15) * halo
    elif how == "rectangle":
        found = change.found + np.float32(0.06)
    elif how == "too soft":
        found = cv2.GaussianBlur(change.found, (0, 0), 2.5)
    else:
        found = np.roll(change.found, 3, axis=1)
    return replace(change, found=found)


@pytest.mark.parametrize("how", ["pasted over", "halo", "rectangle", "too soft", "shifted"])
def test_edge_artefacts_are_found(how: str) -> None:
    canvas = BeamCanvas(parcel_scan(3), PITCH_MM)
    shade = shade_of(slab(), Placement(100.3, 80.6), PITCH_MM, canvas.blur_px)
    _, change = canvas.attempt(shade, np.random.default_rng(0))
    assert looks_real(change, check_noise=True) is None
    assert looks_real(tampered(change, how, canvas.lit[shade.slices], shade), check_noise=True) is Reject.EDGE_ARTEFACT


def test_a_threat_without_noise_is_found() -> None:
    canvas = BeamCanvas(parcel_scan(3), PITCH_MM)
    shade = shade_of(slab((60, 90), passed=0.2), Placement(80, 70), PITCH_MM, canvas.blur_px)
    _, change = canvas.attempt(shade, np.random.default_rng(0))
    smooth = cv2.bilateralFilter(change.after, 9, 0.3, 3)
    assert looks_real(replace(change, after=smooth), check_noise=True) is Reject.WRONG_NOISE
    assert looks_real(change, check_noise=True) is None


def test_a_shadow_too_faint_is_invisible() -> None:
    canvas = BeamCanvas(parcel_scan(), PITCH_MM)
    _, change = canvas.attempt(shade_of(slab(passed=0.97), Placement(100, 80), PITCH_MM, 0.5), np.random.default_rng(0))
    assert looks_real(change, check_noise=True) is Reject.INVISIBLE


# -- whole scans -----------------------------------------------------------------------------------------------------


def project_some(scanner: Scanner, scan: Scan, seed: int = 0, threats: int = 1) -> tuple[Scan, Annotations]:
    done = project_into(
        scan, Annotations.empty(), lambda rng, _: draw_threat(rng, SMALL, "test", scanner), PITCH_MM,
        np.random.default_rng(seed), ProjectionSettings(threats),
    )  # fmt: skip
    return done.scan, done.annotations


def test_a_projection_is_labelled_and_the_original_untouched(scanner: Scanner) -> None:
    scan = parcel_scan()
    before = scan.pixels.copy()
    after, labels = project_some(scanner, scan, threats=3)
    assert np.array_equal(scan.pixels, before)
    assert 1 <= len(labels) <= 3 and after.meta["projected"] == "yes"
    assert all(attributes["projected"] == "yes" and attributes["design_id"] for attributes in labels.attributes)
    changed = (after.pixels != before).any(axis=2)
    allowed = np.zeros_like(changed)
    for x0, y0, x1, y1 in labels.xyxy_px.astype(int):
        allowed[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = True
        assert changed[y0:y1, x0:x1].any()
    assert not (changed & ~allowed).any()


def test_threats_do_not_touch(scanner: Scanner) -> None:
    _, labels = project_some(scanner, parcel_scan(1), seed=2, threats=4)
    boxes = labels.xyxy_px
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])


def test_the_same_seed_gives_the_same_pixels(scanner: Scanner) -> None:
    one, two, other = (project_some(scanner, parcel_scan(), seed)[0].pixels for seed in (5, 5, 6))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("number", [8, 10])
def test_real_dual_energy_scans_take_threats(shared_data: Path, scanner: Scanner, number: int) -> None:
    scan = read_scan(shared_data / "dual_energy" / "background" / f"background_{number}_low.png")
    after, labels = project_some(scanner, scan, seed=number)
    assert len(labels) == 1
    x0, y0, x1, y1 = labels.xyxy_px[0].astype(int)
    before, projected = (transmission(s)[y0:y1, x0:x1].mean() for s in (scan, after))
    assert projected < 0.95 * before


@pytest.mark.parametrize("at", [3, 120, 300])
def test_real_colour_scans_take_threats(shared_data: Path, scanner: Scanner, at: int) -> None:
    file = sorted((shared_data / "sixray" / "negatives" / "images").iterdir())[at]
    scan = replace(read_scan(file), pitch_mm=0.8)
    after, labels = project_some(scanner, scan, seed=at)
    assert len(labels) == 1
    outside = np.ones(scan.pixels.shape[:2], bool)
    x0, y0, x1, y1 = labels.xyxy_px[0].astype(int)
    outside[max(0, y0 - 15) : y1 + 15, max(0, x0 - 15) : x1 + 15] = False
    assert np.array_equal(after.pixels[outside], scan.pixels[outside])
    assert (after.pixels[y0:y1, x0:x1].astype(int) - scan.pixels[y0:y1, x0:x1]).mean() < -3


# -- the verb --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans of boxes."""
    scans = tmp_path / "scans"
    scans.mkdir()
    for seed in range(2):
        write_dual_energy(scans / f"box{seed}.tif", parcel_scan(seed).pixels, PITCH_MM)
    return scans


def test_the_verb_writes_a_data_set(folder: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    out = tmp_path / "out"
    arguments = ["project", str(folder), str(out), "--count", "3", "--class", "magazine", "--class", "slide", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert sum(json.loads(result.stdout)["projected"].values()) == 3
    dataset = open_dataset(out)
    assert len(dataset) == 3
    for record in dataset:
        assert set(record.annotations.labels) <= {"magazine", "slide"}
        assert all(attributes["projected"] == "yes" for attributes in record.annotations.attributes)
        assert read_scan(record.files[0]).pitch_mm == pytest.approx(PITCH_MM)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_share_leaves_the_rest_threat_free(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["project", str(folder), str(tmp_path / "o"), "--share", "0.5", "--class", "slide"]
    )
    assert result.exit_code == 0, result.output
    assert sorted(len(record.annotations) for record in open_dataset(tmp_path / "o")) == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["{scans}"], "SCANS… OUT", id="no folder to write"),
        pytest.param(["{scans}", "{out}", "--class", "gun"], "--class gun", id="unknown class"),
        pytest.param(["{scans}", "{out}", "--count", "1", "--share", "0.5"], "--share", id="count and share"),
        pytest.param(["{scans}/none", "{out}"], "no such file", id="missing scans"),
        pytest.param(["{scans}", "{scans}"], "not empty", id="into the scans"),
        pytest.param(["{scans}", "{scans}/out"], "where the scans are", id="below the scans"),
        pytest.param(["{scans}", "{out}", "--scanner", "nowhere"], "nowhere", id="unknown scanner"),
        pytest.param(["{plain}", "{out}"], "--pitch-mm", id="no pitch"),
    ],
)
def test_mistakes_end_in_a_remedy(folder: Path, tmp_path: Path, arguments: list[str], problem: str) -> None:
    plain = tmp_path / "plain.png"
    cv2.imwrite(str(plain), (parcel_scan().pixels[:, :, 0] / 235).astype(np.uint8))
    words = {"scans": str(folder), "out": str(tmp_path / "out"), "plain": str(plain)}
    result = CliRunner().invoke(app, ["project", *(argument.format(**words) for argument in arguments)])
    assert isinstance(result.exception, ParcelSightError)
    assert problem in str(result.exception) and result.exception.remedy


def test_scans_that_take_nothing_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "air.tif"
    write_dual_energy(empty, np.full((200, 200, 2), AIR_LEVEL, np.uint16), PITCH_MM)
    result = CliRunner().invoke(app, ["project", str(empty), str(tmp_path / "out"), "--count", "1"])
    assert isinstance(result.exception, ParcelSightError) and not isinstance(result.exception, UsageError)
    assert "no_parcel" in str(result.exception)


@pytest.mark.parametrize("quality", [60, 75, 88, 95])
def test_jpeg_settings_are_read_back(quality: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    traces = jpeg_traces(cv2.imencode(".jpg", picture, options)[1].tobytes())
    assert traces is not None and (traces.quality, traces.sampling) == (quality, sampling)
    assert jpeg_traces(b"\x89PNG") is None
