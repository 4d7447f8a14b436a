"""Spectra, attenuation and the fast polychromatic transmission, against the full integral and known values."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from parcelsight.configs.loading import shipped
from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.datasets.synthetic.beer_lambert import integrate
from parcelsight.datasets.synthetic.materials import COMPOSITION, attenuation_per_mm
from parcelsight.datasets.synthetic.scanner import Scanner, load_scanner
from parcelsight.datasets.synthetic.solids import MATERIALS
from parcelsight.datasets.synthetic.spectra import Layer, Sandwich, Tube, channel_responses, tube_fluence
from parcelsight.detector.errors import ConfigError

SCANNERS = sorted(shipped("scanners"))
SLABS_MM = np.geomspace(0.1, 30.0, 25)


@pytest.fixture(scope="module", params=SCANNERS)
def scanner(request: pytest.FixtureRequest) -> Scanner:
    return load_scanner(request.param)


@pytest.mark.parametrize("material", ["steel", "aluminium", "brass", "lead", "polyethylene", "water"])
def test_slabs_match_the_full_integral(scanner: Scanner, material: str) -> None:
    energies_kev, responses = channel_responses(scanner.preset.tube, scanner.preset.detector)
    exact = integrate(responses, SLABS_MM[:, None] * attenuation_per_mm(material, energies_kev))
    lines = SLABS_MM[:, None].astype(np.float32) * scanner.nodes.attenuation_per_mm(material)
    fast = scanner.nodes.transmission(lines)
    permitted = np.maximum(0.01 * exact, 2e-4)
    assert (np.abs(fast - exact) / permitted).max() <= 1.0


@pytest.mark.parametrize("metal", ["tin", "tungsten", "lead"])
@pytest.mark.parametrize("before_mm", [0.5, 5.0])
def test_absorption_edges_behind_steel_and_plastic(scanner: Scanner, metal: str, before_mm: float) -> None:
    energies_kev, responses = channel_responses(scanner.preset.tube, scanner.preset.detector)
    stack = {"steel": before_mm, "polyethylene": 10 * before_mm, metal: 0.3}
    exact = integrate(responses, np.sum([t * attenuation_per_mm(m, energies_kev) for m, t in stack.items()], 0)[None])
    lines = np.stack([np.float32(t) * scanner.nodes.attenuation_per_mm(m) for m, t in stack.items()]).sum(axis=0)
    fast = scanner.nodes.transmission(lines[None])
    assert np.abs(fast - exact).max() <= max(0.015 * float(exact.max()), 3e-4)


@pytest.mark.parametrize(
    ("material", "thickness_mm", "transmission"),
    [
        ("steel", 1, 0.465), ("steel", 2, 0.289), ("steel", 5, 0.105), ("steel", 10, 0.030), ("steel", 20, 0.0036),
        ("aluminium", 1, 0.915), ("aluminium", 2, 0.842), ("aluminium", 5, 0.670), ("aluminium", 10, 0.476),
        ("aluminium", 20, 0.258), ("polyethylene", 1, 0.982), ("polyethylene", 2, 0.964), ("polyethylene", 5, 0.912),
        ("polyethylene", 10, 0.832), ("polyethylene", 20, 0.693),
    ],
)  # fmt: skip
def test_known_transmissions_of_a_bare_beam(material: str, thickness_mm: float, transmission: float) -> None:
    """160 kVp tungsten at 20°, 2.5 mm aluminium, energy-weighted, no detector response."""
    energies_kev, fluence = tube_fluence(Tube(kvp=160, filter_mm={"aluminium": 2.5}))
    weights = energies_kev * fluence / (energies_kev * fluence).sum()
    passed = float(weights @ np.exp(-attenuation_per_mm(material, energies_kev) * thickness_mm))
    assert passed == pytest.approx(transmission, rel=0.03)


def test_every_material_has_a_composition() -> None:
    assert set(COMPOSITION) == set(MATERIALS)


@pytest.mark.parametrize(
    ("material", "thickness_mm", "least", "most"),
    [
        ("polyethylene", 30, 1.05, 1.30),
        ("water", 30, 1.10, 1.40),
        ("cotton", 30, 1.05, 1.40),
        ("aluminium", 6, 1.50, 2.10),
        ("steel", 0.5, 2.10, 3.60),
    ],
)
def test_material_index_separates_classes_as_on_real_pairs(
    material: str, thickness_mm: float, least: float, most: float
) -> None:
    """Real dual-energy pairs show 1.2–1.3 for organics, 1.6–1.9 for aluminium, 2.0–3.1 for thin steel."""
    for name in SCANNERS:
        scanner = load_scanner(name)
        if not scanner.dual_energy:
            continue
        lines = np.float32(thickness_mm) * scanner.nodes.attenuation_per_mm(material)
        low, high = -np.log(scanner.nodes.transmission(lines[None])[0])
        assert least <= low / high <= most, name


def sandwich(scintillator: str = "caesium_iodide") -> Sandwich:
    return Sandwich(front=Layer(scintillator=scintillator, thickness_mm=1))


@pytest.mark.parametrize(
    ("tube", "detector", "says"),
    [
        (Tube(kvp=155), sandwich(), "tube.kvp"),
        (Tube(kvp=160, spectrum="rhenium"), sandwich(), "tube.spectrum"),
        (Tube(kvp=160, filter_mm={"unobtainium": 1}), sandwich(), "tube.filter_mm"),
        (Tube(kvp=160), sandwich("amber"), "detector"),
    ],
    ids=["voltage", "table", "filter", "scintillator"],
)
def test_unknown_parts_are_named(tube: Tube, detector: Sandwich, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        channel_responses(tube, detector)
    assert caught.value.remedy


def ratio_of_real_pairs(folder: Path, deepest: tuple[float, float]) -> float:
    """Median low- over high-energy attenuation of the pixels of real pairs that are so deep at high energy."""
    ratios = []
    for file in sorted(folder.glob("*_low.png")):
        low, high = (cv2.imread(str(file).replace("_low", side), cv2.IMREAD_UNCHANGED) for side in ("_low", "_high"))
        assert low is not None and high is not None
        if low.dtype == np.uint16 and low.ndim == 2:
            a_low, a_high = (-np.log(np.clip(side / AIR_LEVEL, 1e-4, 1)) for side in (low, high))
            inside = (a_high > deepest[0]) & (a_high < deepest[1])
            ratios.append(a_low[inside] / a_high[inside])
    return float(np.median(np.concatenate(ratios)))


@pytest.mark.parametrize(
    ("folder", "deepest", "material"),
    [("knife", (0.4, 0.8), "steel"), ("background", (0.8, 1.5), "aluminium"), ("gun", (0.1, 0.2), "water")],
    ids=["blades", "trolley frames", "plastic replicas"],
)
def test_materials_fall_where_they_do_on_real_pairs(
    shared_data: Path, folder: str, deepest: tuple[float, float], material: str
) -> None:
    nodes = load_scanner("tunnel160").nodes
    lines = np.geomspace(0.02, 400, 400, dtype=np.float32)[:, None] * nodes.attenuation_per_mm(material)
    low, high = -np.log(nodes.transmission(lines)).T
    ours = float(np.interp(np.sqrt(deepest[0] * deepest[1]), high, low / high))
    assert ours == pytest.approx(ratio_of_real_pairs(shared_data / "dual_energy" / folder, deepest), rel=0.06)
