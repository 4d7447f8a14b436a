"""A library's folder goes into a console: pictures into its library, threat images to where lanes take them from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from ...datasets.annotations import Record
from ...datasets.files import DEFAULT_LIMITS, read_bytes
from ...datasets.native import open_dataset
from ...detector.errors import ScanError, UsageError
from ..audit.chain import append
from ..people.accounts import Person
from ..storage.database import Database
from ..storage.pictures import PictureStore
from ..storage.times import now
from .library import Detect, require_trainer, take_picture
from .library_folder import THREATS, Entry, Manifest, read_manifest
from .tables import PictureRow
from .tip_library import TipLibrary

_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What an import did."""

    added: int
    known: int
    retired: int
    threats: int
    """Threat images for lanes that are there now."""
    refused: tuple[str, ...]


def import_folder(
    database: Database,
    store: PictureStore,
    trainer: Person,
    folder: Path,
    data: Path,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
    detect: Detect | None = None,
) -> TakenIn:
    """Take a library in; once more adds what is new and retires what was retired.

    Args:
        database: of the console.
        store: of its library.
        trainer: who does it.
        folder: that ``parcelsight library build`` made.
        data: folder of the console.
        tell: told what is done, how much, of how much.
        detect: gives the alarms for exercises with the detector's aid.

    Raises:
        UsageError: if the person may not.
        DatasetError: if the folder is no library.
        StorageError: if the disk or the database refuses.
    """
    require_trainer(trainer)
    manifest = read_manifest(folder)
    wanted = [one for one in manifest.pictures if one.is_shown]
    records = _records(folder, manifest)
    added = known = 0
    refused: list[str] = []
    for start in range(0, len(wanted), _AT_ONCE):
        with database.write() as session:
            for number, entry in enumerate(wanted[start : start + _AT_ONCE], start=start + 1):
                try:
                    is_new = take_picture(session, store, _record(records, entry), detect)
                    added, known = added + is_new, known + (not is_new)
                except (ScanError, UsageError) as error:
                    refused.append(f"{entry.scan_id}: {error}")
                tell("pictures", number, len(wanted))
    retired = _retire(database, manifest)
    threats = _threats(folder, manifest, TipLibrary(data / THREATS), tell)
    with database.write() as session:
        told = {"library": folder.name[:100], "added": added, "known": known, "retired": retired, "threats": threats}
        append(session, trainer.login, "library imported", "training library", told | {"refused": len(refused)})
    return TakenIn(added, known, retired, threats, tuple(refused))


def _records(folder: Path, manifest: Manifest) -> dict[tuple[str, str], Record]:
    sets = sorted({one.set for one in manifest.pictures if one.is_shown})
    return {(name, record.scan_id): record for name in sets for record in open_dataset(folder / name)}


def _record(records: Mapping[tuple[str, str], Record], entry: Entry) -> Record:
    found = records.get((entry.set, entry.scan_id))
    if found is None:
        raise UsageError(f"the data set {entry.set} holds it no longer", "build the library again")
    if hashlib.sha256(read_bytes(found.files[0], DEFAULT_LIMITS)).hexdigest() != entry.sha256:
        raise UsageError("it was altered since it was rendered", "delete it and build the library again")
    return found


def _retire(database: Database, manifest: Manifest) -> int:
    """Show no longer what the manifest says is retired; the digest of a picture is its name in the store."""
    gone = [one.sha256 for one in manifest.pictures if one.retired is not None]
    count = 0
    for start in range(0, len(gone), 500):
        with database.write() as session:
            rows = session.scalars(
                select(PictureRow).where(
                    PictureRow.file.in_(gone[start : start + 500]), PictureRow.retired_at.is_(None)
                )
            )
            for row in rows:
                row.retired_at = now()
                count += 1
    return count


def _threats(folder: Path, manifest: Manifest, library: TipLibrary, tell: Callable[[str, int, int], None]) -> int:
    kept = [one for one in manifest.threats if one.retired is None]
    if not manifest.threats:
        return len(library.entries())
    for number, one in enumerate(kept, start=1):
        library.add(one, read_bytes(folder / THREATS / one.file, DEFAULT_LIMITS))
        tell("threat images", number, len(kept))
    library.keep(kept)
    return len(kept)
