"""Backup while people work, and restore.

A backup is a folder: the database as it was at one moment (SQLite's online backup, or pg_dump), every scan the database
names, every file of operator training's stores, and a manifest with digests. It is written beside its place and moved
there when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import func, select

from ...detector.errors import StorageError, UsageError
from ..audit.chain import head_of
from .database import Database
from .pictures import PictureStore
from .schema import latest, revision
from .tables import ParcelRow, ScanRow
from .times import now

_DUMP = {True: "console.db", False: "console.pgdump"}
_MANIFEST = "manifest.json"
STORES = ("library", "projected", "threats")
"""Folders beside the scans: the training library, pictures with projected threats, threats to project."""
_DIGESTS = "stores.sha256"
"""One line a file of the stores, as sha256sum writes and checks them."""
_CHUNK = 1 << 20


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "parcelsight-console-backup/1"
    made_at: str
    revision: str
    database: str
    database_sha256: str
    parcels: int
    scans: int
    missing_scans: int
    """Scans the database names that retention or damage took."""
    audit_entries: int
    audit_digest: str
    stored_files: int = 0
    """Of operator training's stores; a backup of an older version has none."""
    stores_sha256: str = ""


def make_backup(database: Database, pictures: PictureStore, folder: Path) -> Manifest:
    """Write a backup.

    Args:
        database: in use or not.
        pictures: the scans.
        folder: new; must not exist yet.

    Raises:
        UsageError: if the folder exists.
        StorageError: if it cannot be written, or PostgreSQL's programs are missing.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists", "name a new folder for each backup")
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        manifest = _write(database, pictures, part)
        (part / _MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
        os.replace(part, folder)
    except OSError as error:
        raise StorageError(f"{folder}: the backup failed ({error.strerror})", "free space, or name another") from error
    return manifest


def _write(database: Database, pictures: PictureStore, part: Path) -> Manifest:
    dump = part / _DUMP[database.is_sqlite]
    (_dump_sqlite if database.is_sqlite else _dump_postgres)(database, dump)
    # The scans after the database: one that came in between is in the store and not in the dump, never the reverse.
    with database.read() as session:
        names = list(session.scalars(select(ScanRow.file).where(ScanRow.file.is_not(None)).distinct()))
        parcels = session.scalar(select(func.count()).select_from(ParcelRow)) or 0
        head = head_of(session)
    kept = PictureStore(part / "scans")
    copied = sum(_copy(pictures, kept, str(name)) for name in names)
    stored = _copy_stores(pictures.folder.parent, part)
    return Manifest(
        made_at=now().isoformat(timespec="seconds"),
        revision=str(revision(database)),
        database=dump.name,
        database_sha256=_sha256(dump),
        parcels=parcels,
        scans=copied,
        missing_scans=len(names) - copied,
        audit_entries=head.number,
        audit_digest=head.digest.hex(),
        stored_files=stored,
        stores_sha256=_sha256(part / _DIGESTS),
    )


def _copy_stores(data: Path, part: Path) -> int:
    """Every file of the stores; how many. A file that goes while it is copied was let go of, and is left out."""
    lines = []
    for store in STORES:
        for source in sorted((data / store).rglob("*")):
            name = source.relative_to(data)
            if source.is_symlink() or not source.is_file() or source.name.startswith(".part"):
                continue
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                shutil.copyfile(source, part / name)
                lines.append(f"{_sha256(part / name)}  {name}\n")
    (part / _DIGESTS).write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _copy(pictures: PictureStore, kept: PictureStore, name: str) -> bool:
    source, target = pictures.path(name), kept.path(name)
    if not source.exists():
        return False
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
    return True


def restore_backup(folder: Path, database: Database, pictures: PictureStore) -> Manifest:
    """Bring a backup back into an empty database.

    Raises:
        UsageError: if the database is not empty.
        StorageError: if the backup is damaged, of a newer version, or cannot be written back.
    """
    manifest = _read_manifest(folder)
    if revision(database) is not None:
        raise UsageError(f"{database.name} is not empty", "restore into a new database, then point the console at it")
    if manifest.database != _DUMP[database.is_sqlite]:
        raise UsageError(f"{folder} was made from another kind of database", "restore it into the kind it came from")
    dump = folder / manifest.database
    if _sha256(dump) != manifest.database_sha256:
        raise StorageError(f"{dump}: is not what was backed up", "take another backup")
    stored = _stored(folder, manifest)
    (_load_sqlite if database.is_sqlite else _load_postgres)(database, dump)
    for name in stored:
        target = pictures.folder.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
    kept = PictureStore(folder / "scans")
    for name in kept.names():
        pictures.put(kept.get(name))
    return manifest


def _stored(folder: Path, manifest: Manifest) -> list[str]:
    """Names of the stores' files, each found to be what was backed up. Raises StorageError."""
    if not manifest.stores_sha256:
        return []
    digests = folder / _DIGESTS
    if _sha256(digests) != manifest.stores_sha256:
        raise StorageError(f"{digests}: is not what was backed up", "take another backup")
    names = []
    for line in digests.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if _sha256(folder / name) != digest:
            raise StorageError(f"{folder / name}: is not what was backed up", "take another backup")
        names.append(name)
    return names


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise StorageError(f"{folder}: no backup of a console", "give a folder that backup wrote") from error
    if int(manifest.revision) > int(latest()):
        raise StorageError(f"{folder} was made by a newer version", "update ParcelSight on this machine")
    return manifest


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror})", "take another backup") from error
    return digest.hexdigest()


def _dump_sqlite(database: Database, target: Path) -> None:
    with closing(sqlite3.connect(str(database.url.database))) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it


def _load_sqlite(database: Database, dump: Path) -> None:
    database.close()
    with closing(sqlite3.connect(dump)) as source, closing(sqlite3.connect(str(database.url.database))) as target:
        source.backup(target)


def _dump_postgres(database: Database, target: Path) -> None:
    _postgres(database, "pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def _load_postgres(database: Database, dump: Path) -> None:
    _postgres(database, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(dump))


def _postgres(database: Database, program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise StorageError(f"{program} is not installed", "install the Debian package postgresql-client")
    url = database.url.set(drivername="postgresql")
    # The password goes through the environment: arguments are seen by everybody on the machine.
    environment: dict[str, Any] = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    at = url.set(password=None).render_as_string(hide_password=False)
    done = subprocess.run(
        [found, f"--dbname={at}", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StorageError(f"{program}: {' '.join(done.stderr.split())[:200]}", "see that the database runs")
