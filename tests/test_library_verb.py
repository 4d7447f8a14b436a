"""parcelsight library: built, continued, reported, renewed, imported; and the threat images for lanes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.datasets.annotations import Annotations, Record
from parcelsight.datasets.projection.beam import Beam
from parcelsight.datasets.projection.threat_image import ThreatImage
from parcelsight.datasets.writers import write_picture
from parcelsight.detector.errors import DatasetError
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.screening.people.accounts import create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.factors import Factor
from parcelsight.screening.tutor.library_folder import Doubt, entry_of, parcel_of, read_manifest
from parcelsight.screening.tutor.tables import PictureRow
from parcelsight.screening.tutor.threat_images import TurnedThreat, pack_threat, read_threat
from parcelsight.screening.tutor.tip_library import TipLibrary
from parcelsight.screening.tutor.views import companions

pytest.importorskip("xraylib", reason="pip install 'parcelsight[synthetic]'")
RUNNER = CliRunner()


def verb(*arguments: object) -> dict[str, Any]:
    done = RUNNER.invoke(app, ["library", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output + repr(done.exception)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tutor") / "library"
    verb("build", folder, "--parcels", 6, "--threats", 12, "--seed", 4, "--jobs", 1)
    return folder


def test_a_library_tells_everything_of_its_pictures(library: Path) -> None:
    manifest = read_manifest(library)
    assert len(manifest.pictures) == 12 and {one.scan_id.rsplit("_")[-1] for one in manifest.pictures} == {
        "top",
        "side",
    }
    assert [one.label for one in manifest.threats] == list(TAXONOMY.classes)
    for one in manifest.pictures:
        assert len(one.sha256) == 64 and all(threat.design for threat in one.threats)
        assert all(0 <= getattr(one, factor.value) <= 1 for factor in Factor)


def test_the_same_command_adds_nothing_and_a_larger_number_does(library: Path) -> None:
    before = {one.file: one.sha256 for one in read_manifest(library).threats}
    assert verb("build", library, "--parcels", 6, "--threats", 12, "--seed", 4, "--jobs", 1)["added"] == 0
    assert verb("build", library, "--parcels", 0, "--threats", 14, "--seed", 4)["threats"] == 2
    after = {one.file: one.sha256 for one in read_manifest(library).threats}
    assert len(after) == 14 and before.items() <= after.items()


def test_a_report_says_what_is_missing_and_finds_damage(library: Path, tmp_path: Path) -> None:
    found = verb("report", library)
    assert any("short of 1000" in line for line in found["training"]["missing"])
    assert found["projection"]["pictures"] == len(read_manifest(library).threats) and found["damaged"] == []
    path = library / "threats" / "000003.threat"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    assert "altered" in verb("report", library)["damaged"][0]
    path.write_bytes(content)


def test_replacing_retires_the_oldest_and_makes_as_many(library: Path) -> None:
    kept = [one.file for one in read_manifest(library).threats if one.retired is None]
    done = verb("replace", library, "--count", 0, "--threats", 3)
    assert done["threats_retired"] == done["threats"] == 3
    manifest = read_manifest(library)
    assert [one.file for one in manifest.threats if one.retired is not None] == sorted(kept)[:3]
    assert verb("report", library)["projection"]["replaced"] == 3


def test_a_console_takes_it_in_once(library: Path, tmp_path: Path) -> None:
    database = Database(str(tmp_path / "console.db"))
    upgrade(database)
    with database.write() as session:
        create_person(session, "system", "teacher", "The trainer", Role.TRAINER, None)
        create_person(session, "system", "officer", "An officer", Role.OPERATOR, None)
    shown = sum(one.is_shown for one in read_manifest(library).pictures)
    first = verb("import", library, "--person", "teacher", "--data", tmp_path)
    again = verb("import", library, "--person", "teacher", "--data", tmp_path)
    assert (first["added"], again["added"], again["known"]) == (shown, 0, shown)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(PictureRow)) == shown
        row = session.scalars(select(PictureRow).where(PictureRow.scan_id.endswith("_top"))).first()
        assert row is not None
        assert {one.scan_id for one in companions(session, row)} <= {row.scan_id.replace("_top", "_side")}
    threats = TipLibrary(tmp_path / "threats")
    assert not threats.is_starter and len(threats.entries()) == first["threats"]
    chosen = threats.choose("pistol", np.random.default_rng(1))
    assert chosen is not None and chosen.label == "pistol" and set(chosen.views) == {"top", "side"}
    refused = RUNNER.invoke(app, ["library", "import", str(library), "--person", "officer", "--data", str(tmp_path)])
    assert refused.exit_code != 0 and "may not train people" in str(refused.exception)
    database.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("build", "LIBRARY", "--seed", "5"), "was begun with --seed 4"),
        (("build", "OTHER"), "is there already and is no library"),
        (("build", "OTHER", "--parcels", "0"), "nothing to render"),
        (("report", "OTHER"), "is no library"),
        (("replace", "LIBRARY", "--count", "500"), "replace fewer"),
        (("project", "LIBRARY", "missing.png"), "no such file"),
    ],
)
def test_mistakes_are_said_in_a_line(library: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    (tmp_path / "something").write_text("else")
    places = {"LIBRARY": str(library), "OTHER": str(tmp_path)}
    done = RUNNER.invoke(app, ["library", *(places.get(word, word) for word in arguments)])
    assert done.exit_code != 0 and says in f"{done.exception} {getattr(done.exception, 'remedy', '')}"


def test_a_site_s_own_scans_join_it(library: Path) -> None:
    samples = Path(__file__).resolve().parents[1] / "datasets" / "samples"
    before = len(read_manifest(library).pictures)
    done = verb(
        "project", library, samples / "parcel-03.tif", samples / "parcel-04.tif", "--count", 1, "--scanner", "duo140"
    )
    assert done["added"] >= 1 and len(read_manifest(library).pictures) == before + done["added"]
    assert read_manifest(library).pictures[-1].set == "projected-001"


def image(rng: np.random.Generator, height: int, width: int) -> ThreatImage:
    """Mixtures of two materials, as renderings are."""
    spectra = rng.uniform(0.2, 1.5, (2, 8))
    amounts = rng.uniform(0, 1.5, (height, width, 2)) * (rng.random((height, width, 1)) < 0.5)
    weights = rng.dirichlet(np.ones(8), 2).T.astype(np.float32)
    beam = Beam(weights, rng.uniform(0.5, 1.5, (2, 8)).astype(np.float32))
    return ThreatImage("slide", "slide/03", np.exp(-amounts @ spectra).astype(np.float32), beam, 0.6, "duo140", 21.0)


def test_threat_images_come_back_as_they_were() -> None:
    rng = np.random.default_rng(3)
    threat = TurnedThreat("slide", "slide/03", {"top": image(rng, 30, 41), "side": image(rng, 30, 12)})
    packed = pack_threat(threat)
    read = read_threat(packed, "test")
    assert packed == pack_threat(threat) and (read.label, read.design) == ("slide", "slide/03")
    for name, view in threat.views.items():
        assert np.abs(read.views[name].passed - view.passed).max() < 0.01
        assert (read.views[name].pitch_mm, read.views[name].height_mm) == (0.6, 21.0)
        np.testing.assert_array_equal(read.views[name].beam.weights, view.beam.weights)
    for damaged in (b"", packed[:100], packed[:-40], b"XX" + packed[2:]):
        with pytest.raises(DatasetError, match="no threat image"):
            read_threat(damaged, "test")


def test_names_of_views_belong_to_parcels() -> None:
    assert [parcel_of(name) for name in ("s1-000004_top", "s1-000004_side", "scan 7")] == ["s1-000004"] * 2 + ["scan 7"]


def test_the_shipped_threats_cover_every_class() -> None:
    starter = TipLibrary(Path("does-not-exist"))
    assert starter.is_starter and set(starter.labels()) == set(TAXONOMY.classes)
    for entry in starter.entries():
        assert starter.read(entry).label == entry.label


@pytest.mark.parametrize(
    ("attributes", "doubt"),
    [
        ({"clipped": True, "visible_contrast": 9.0}, Doubt.CLIPPED),
        ({"visible_contrast": 1.0}, Doubt.INVISIBLE),
        ({"visible_contrast": 9.0, "superposition": 0.99}, Doubt.NO_LIGHT_LEFT),
        ({"visible_contrast": 9.0, "superposition": 0.5}, None),
    ],
)
def test_what_nobody_could_see_is_kept_back(tmp_path: Path, attributes: dict[str, object], doubt: Doubt | None) -> None:
    path = tmp_path / "scan.png"
    write_picture(path, np.full((40, 60, 3), 200, np.uint8))
    record = Record("s1_top", (path,), 60, 40, Annotations.of([[5, 5, 20, 20]], ["slide"], [attributes]), "s1")
    assert entry_of("rendered", record, now()).doubt is doubt
