"""Backup and restore, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from parcelsight.datasets.native import open_dataset
from parcelsight.datasets.writers import write_picture
from parcelsight.detector.errors import StorageError, UsageError
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.audit.verification import verify
from parcelsight.screening.desk import marks
from parcelsight.screening.desk.feedback import export_feedback
from parcelsight.screening.storage.backup import STORES, make_backup, restore_backup
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.tables import ParcelRow
from tests.databases import KINDS
from tests.test_desk import Site


@pytest.fixture(params=KINDS)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of another empty database at each call."""
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("postgres")
        return make
    names = iter(f"{n}.db" for n in range(9))
    return lambda: str(tmp_path / next(names))


def site_with_pictures(url: str, pictures: PictureStore, tmp_path: Path) -> Site:
    """Three parcels, two with alarms, each with a picture of its own."""
    import numpy as np

    database = Database(url)
    upgrade(database)
    site = Site(database)
    for number, verdict in enumerate((Verdict.ALARM, Verdict.ALARM, Verdict.NO_ALARM)):
        parcel = site.parcel(number, verdict)
        write_picture(tmp_path / "x.png", np.full((80, 100, 3), 200 + number, np.uint8))
        with database.write() as session:
            session.get_one(ParcelRow, parcel).scans[0].file = pictures.put((tmp_path / "x.png").read_bytes())
    return site


def test_what_was_backed_up_comes_back(new_url: Callable[[], str], tmp_path: Path) -> None:
    pictures = PictureStore(tmp_path / "scans")
    site = site_with_pictures(new_url(), pictures, tmp_path)
    parcel = site.take(site.officers[0])
    assert parcel is not None
    site.decide(site.officers[0], parcel, "open")
    manifest = make_backup(site.database, pictures, tmp_path / "backup")
    assert (manifest.parcels, manifest.scans, manifest.missing_scans) == (3, 3, 0)
    site.decide(site.officers[1], site.take(site.officers[1]) or 0, "hold")  # after it; not in it

    restored, elsewhere = Database(new_url()), PictureStore(tmp_path / "restored")
    restore_backup(tmp_path / "backup", restored, elsewhere)
    with restored.read() as session:
        assert session.get_one(ParcelRow, parcel).state == "opening"
        assert sum(len(row.decisions) for row in session.query(ParcelRow)) == 1
        assert verify(session).is_whole
    assert list(elsewhere.names()) == list(pictures.names())
    with pytest.raises(UsageError, match="is not empty"):
        restore_backup(tmp_path / "backup", restored, elsewhere)
    with pytest.raises(UsageError, match="exists"):
        make_backup(site.database, pictures, tmp_path / "backup")


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    pictures = PictureStore(tmp_path / "scans")
    site = site_with_pictures(str(tmp_path / "a.db"), pictures, tmp_path)
    make_backup(site.database, pictures, tmp_path / "backup")
    dump = tmp_path / "backup" / "console.db"
    dump.write_bytes(dump.read_bytes()[:-100])
    with pytest.raises(StorageError, match="is not what was backed up"):
        restore_backup(tmp_path / "backup", Database(str(tmp_path / "b.db")), pictures)
    manifest = tmp_path / "backup" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"revision": "9999"}))
    with pytest.raises(StorageError, match="newer version"):
        restore_backup(tmp_path / "backup", Database(str(tmp_path / "b.db")), pictures)
    with pytest.raises(StorageError, match="no backup"):
        restore_backup(tmp_path, Database(str(tmp_path / "b.db")), pictures)


def test_a_store_tells_what_was_altered(tmp_path: Path) -> None:
    pictures = PictureStore(tmp_path / "scans")
    name = pictures.put(b"a scan")
    assert pictures.put(b"a scan") == name
    pictures.path(name).write_bytes(b"another")
    with pytest.raises(StorageError, match="altered"):
        pictures.get(name)
    pictures.remove(name)
    with pytest.raises(StorageError, match="is gone"):
        pictures.get(name)
    for odd in ("../../etc/passwd", "", "A" * 64, "0" * 63 + "/"):
        with pytest.raises(StorageError, match="no scan of this store"):
            pictures.get(odd)


def test_feedback_becomes_a_data_set(tmp_path: Path) -> None:
    pictures = PictureStore(tmp_path / "scans")
    site = site_with_pictures(str(tmp_path / "a.db"), pictures, tmp_path)
    officer = site.officers[0]
    with site.database.read() as session:
        scans = [parcel.scans[0].id for parcel in session.query(ParcelRow).order_by(ParcelRow.id)]
    with pytest.raises(UsageError, match="nobody has judged"), site.database.write() as session:
        export_feedback(session, pictures, officer, tmp_path / "none", "ours")
    with site.database.write() as session:
        marks.mark_alarm(session, officer, scans[0], "d1", True, "m1")
        marks.mark_missed(session, officer, scans[0], "slide", [60, 50, 90, 70], "m2")
        marks.mark_alarm(session, officer, scans[1], "d1", False, "m3")
    with site.database.write() as session:
        told = export_feedback(session, pictures, officer, tmp_path / "out", "ours")
    assert (told.scans, told.objects, told.threat_free, told.unjudged) == (2, 2, 1, 1)
    dataset = open_dataset(tmp_path / "out")
    assert dataset.licence == "ours"
    assert {record.scan_id: record.annotations.labels for record in dataset} == {
        "p1-top": ("pistol", "slide"),
        "p2-top": (),
    }


def test_the_training_stores_are_backed_up_and_come_back(tmp_path: Path) -> None:
    from parcelsight.screening.tutor.library_folder import THREATS
    from parcelsight.screening.web import console
    from parcelsight.screening.web.console import LIBRARY

    assert {LIBRARY, THREATS, console.PROJECTED} == set(STORES), "every store of the console is copied"
    data = tmp_path / "data"
    pictures = PictureStore(data / "scans")
    site = site_with_pictures(str(data / "console.db"), pictures, tmp_path)
    library = PictureStore(data / LIBRARY)
    learnt = library.put(b"a picture of the library")
    (data / THREATS / "one").mkdir(parents=True)
    (data / THREATS / "one" / "000000.threat").write_bytes(b"a threat")
    (data / LIBRARY / "odd").symlink_to("/etc/passwd")
    assert make_backup(site.database, pictures, tmp_path / "backup").stored_files == 2

    new = tmp_path / "new"
    restore_backup(tmp_path / "backup", Database(str(tmp_path / "new.db")), PictureStore(new / "scans"))
    assert PictureStore(new / LIBRARY).get(learnt) == b"a picture of the library"
    assert (new / THREATS / "one" / "000000.threat").read_bytes() == b"a threat"
    (tmp_path / "backup" / THREATS / "one" / "000000.threat").write_bytes(b"another")
    with pytest.raises(StorageError, match="is not what was backed up"):
        restore_backup(tmp_path / "backup", Database(str(tmp_path / "b.db")), PictureStore(tmp_path / "b" / "scans"))
