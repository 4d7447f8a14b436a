"""The training library: what is taken in, measured, counted against the rules and replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from parcelsight.datasets.annotations import Annotations, Dataset, Record
from parcelsight.datasets.native import write_native
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.datasets.synthetic.pipeline import render_dataset
from parcelsight.datasets.synthetic.plan import Plan
from parcelsight.detector.errors import DatasetError, ParcelSightError, UsageError
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor.factors import Factor, Factors, clutter_level, threat_factors
from parcelsight.screening.tutor.library import Detect, Imported, import_dataset, retire
from parcelsight.screening.tutor.quotas import (
    PROJECTION,
    TRAINING,
    Holdings,
    holdings,
    replacement_schedule,
    shortfalls,
)
from parcelsight.screening.tutor.tables import PictureRow
from tests.databases import KINDS
from tests.labelled_sets import make_record
from tests.tutor_site import STUDY, Simulated, Site, open_site


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    made = open_site(request.param, request, tmp_path)
    yield made
    made.database.close()


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight parcels of the virtual scanner."""
    out = tmp_path_factory.mktemp("rendered")
    render_dataset(Plan(out, 8, 5, ("mail180",), threat_share=0.7, only="scans"), 1)
    return out


def take(site: Site, folder: Path, detect: Detect | None = None) -> Imported:
    return import_dataset(site.database, site.store, site.trainer, folder, detect)


def rows(site: Site) -> list[PictureRow]:
    with site.database.read() as session:
        return list(session.scalars(select(PictureRow).order_by(PictureRow.id)))


def labelled(folder: Path, *attributes: Mapping[str, object], labels: tuple[str, ...] = ("slide", "bolt")) -> Path:
    """A data set of one scan with these labels, and one harmless one."""
    record = make_record(folder, "scan0", labels[: len(attributes)])
    boxes = record.annotations.xyxy_px
    record = replace(record, annotations=Annotations(boxes, record.annotations.labels, attributes))
    dataset = Dataset("made", "CC0", labels, (record, make_record(folder, "scan1", seed=9)))
    write_native(dataset, folder / "set", copy="copy")
    return folder / "set"


def test_a_rendered_set_becomes_a_library(site: Site, rendered: Path) -> None:
    asked: list[str] = []

    def detect(scan: Scan) -> list[dict[str, Any]]:
        asked.append(scan.kind)
        return []

    assert take(site, rendered, detect) == Imported(8, 0, ())
    assert take(site, rendered) == Imported(0, 8, ())
    assert asked == ["dual-energy"] * 8
    found = rows(site)
    threats = [row for row in found if row.label]
    assert threats and all(row.design.startswith(f"{row.label}/") or row.design for row in threats)
    assert all(row.origin == "rendered" and row.pitch_mm and row.detections == [] for row in found)
    assert len({round(row.difficulty, 3) for row in threats}) == len(threats)
    assert all(site.store.get(row.file) for row in found)
    officer = site.officers[0]
    labels = tuple(dict.fromkeys(row.label for row in threats))
    enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"labels": labels}))
    exercise = site.begin(officer, enrolment, steps[0])
    Simulated(site, officer).take(exercise)
    assert len(site.items(exercise)) == 6


def test_the_easiest_threat_names_the_picture(site: Site, tmp_path: Path) -> None:
    hidden = {"design_id": "slide/1", "view_difficulty": 0.5, "superposition": 0.6}
    plain = {"design_id": "bolt/4", "view_difficulty": 0.0, "superposition": 0.1}
    assert take(site, labelled(tmp_path, hidden, plain)).added == 2
    picture, harmless = rows(site)
    assert (picture.label, picture.design) == ("bolt", "bolt/4")
    assert [truth["label"] for truth in picture.truths] == ["slide", "bolt"]
    assert (harmless.label, harmless.truths, harmless.view) == ("", [], 0.0)
    assert harmless.clutter > 0 and harmless.detections is None


def test_a_projected_threat_is_known_as_such(site: Site, tmp_path: Path) -> None:
    take(site, labelled(tmp_path, {"projected": "yes", "superposition": 0.3, "design_id": "slide/2"}))
    assert rows(site)[0].origin == "projected"
    assert 0 < rows(site)[0].view < 1  # its turn is not told


def test_what_cannot_be_taken_is_named(site: Site, tmp_path: Path) -> None:
    folder = labelled(tmp_path, {"design_id": "slide/1"})
    wrong = next((folder / "scans").glob("scan0*"))
    wrong.unlink()
    cv2.imwrite(str(wrong), np.full((10, 10, 3), 200, np.uint8))
    done = take(site, folder)
    assert done.added == 1
    assert len(done.refused) == 1 and "scan0" in done.refused[0] and "size" in done.refused[0]


def test_wrong_hands_and_wrong_folders(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="may not train people; ask an administrator"):
        import_dataset(site.database, site.store, site.officers[0], tmp_path)
    with pytest.raises(ParcelSightError, match="nowhere"):
        take(site, tmp_path / "nowhere")
    fruit = labelled(tmp_path, {}, labels=("banana",))
    with pytest.raises(DatasetError, match="none of its labels is a threat .banana."):
        take(site, fruit)


def test_the_rules(site: Site) -> None:
    for number in range(14):
        site.picture(number, "slide", view=0.8 if number < 3 else 0.1)
    site.picture(99, "cartridge")
    site.picture(100, "")
    with site.database.write() as session:
        held = holdings(session, now())
        assert (held.images, held.harmless, held.articles, held.part_articles) == (15, 1, 8, 7)
        assert held.hard[Factor.VIEW] >= 3
        assert held.by_class["slide"] == 14 and held.by_class["bolt"] == 0
        assert [short.what for short in shortfalls(held, TRAINING)] == ["pictures with a threat", "articles"]
        assert shortfalls(held, PROJECTION)[0].text == "15 pictures with a threat, 5985 short of 6000"
        retire(session, site.trainer, [row.id for row in session.scalars(select(PictureRow).limit(3))])
        assert holdings(session, now()).replaced == 3
        assert holdings(session, now()).images == 12
        with pytest.raises(UsageError, match="no picture 9999"):
            retire(session, site.trainer, [9999])


def test_a_library_that_meets_the_rules() -> None:
    whole = Holdings(6000, 4000, 300, 120, 100, {}, {})
    assert shortfalls(whole, TRAINING) == shortfalls(whole, PROJECTION) == ()
    no_parts = replace(whole, part_articles=0)
    assert [short.what for short in shortfalls(no_parts, TRAINING)] == ["articles that are component parts"]


def test_what_people_know_best_is_replaced_first(site: Site) -> None:
    site.stock(4, ("slide",))
    officer = site.officers[0]
    enrolment, steps = site.enrol(officer, STUDY.model_copy(update={"labels": ("slide",), "threat_share": 1.0}))
    exercise = site.begin(officer, enrolment, steps[0])
    for _ in range(3):
        shown = site.see(officer, exercise)
        assert shown is not None
        site.say(officer, shown.item_id, site.threat())
    seen = [item.picture_id for item in site.items(exercise)]
    with site.database.read() as session:
        schedule = replacement_schedule(session, date(2026, 11, 22), a_year=4)
    assert [due.month for due in schedule] == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]
    order = [picture_id for due in schedule for picture_id in due.picture_ids]
    assert set(order[:3]) == set(seen)
    with site.database.read() as session:
        assert holdings(session, now() + timedelta(days=400)).replaced == 0


def test_busy_and_opaque_parcels_are_cluttered() -> None:
    """The same measure for every kind of scan; an empty picture has none."""
    rng = np.random.default_rng(0)
    air = np.full((120, 160), 255, np.uint8)
    plain, busy = air.copy(), air.copy()
    plain[20:100, 20:140] = 180
    busy[20:100, 20:140] = 180
    for _ in range(60):
        x, y = int(rng.integers(20, 130)), int(rng.integers(20, 90))
        busy[y : y + 9, x : x + 9] = int(rng.integers(5, 200))

    def level(pixels: Any) -> float:
        return clutter_level(Scan("x", pixels, ScanKind.GREY))

    assert level(air) == 0 < level(plain) < 0.2 < level(busy) <= 1
    colour = clutter_level(Scan("x", np.repeat(busy[:, :, None], 3, axis=2), ScanKind.PSEUDO_COLOUR))
    assert colour == pytest.approx(level(busy), abs=1e-5)
    assert clutter_level(Scan("x", np.zeros((9, 9), np.uint8), ScanKind.GREY)) >= 0.5  # nothing but opaque


ATTRIBUTES: dict[str, tuple[Mapping[str, object], Factors]] = {
    "told": ({"view_difficulty": 0.3, "superposition": 0.35}, Factors(0.5, 0.5, 0.2)),
    "beyond": ({"view_difficulty": 5, "superposition": -1}, Factors(1.0, 0.0, 0.2)),
    "not told": ({}, Factors(0.4, 0.4, 0.2)),
    "nonsense": ({"view_difficulty": "high", "superposition": float("nan")}, Factors(0.4, 0.4, 0.2)),
    "true": ({"view_difficulty": True, "superposition": None}, Factors(0.4, 0.4, 0.2)),
}


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_factors_of_labels_that_anybody_wrote(case: str) -> None:
    attributes, expected = ATTRIBUTES[case]
    found = threat_factors(attributes, 0.2)
    for factor in Factor:
        assert found.level(factor) == pytest.approx(expected.level(factor))


def test_a_pair_of_files_is_refused(site: Site, tmp_path: Path) -> None:
    low, high = make_record(tmp_path, "a"), make_record(tmp_path, "b")
    pair = Record("p", (low.files[0], high.files[0]), 120, 80, Annotations.empty(), "p")
    write_native(Dataset("made", "CC0", (), (pair,)), tmp_path / "set", copy="copy")
    done = take(site, tmp_path / "set")
    assert done.added == 0 and "convert it" in done.refused[0]
