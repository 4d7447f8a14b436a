"""The ledger's folder, as ``doctor`` sees it: room, speed, durability and rights."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from .findings import Finding, Level

_AREA = "storage"
_SCAN_BYTES = 1_000_000
_ROUNDS = 11
_SLOW_MS, _HOPELESS_MS = 40.0, 500.0
"""A scan is on disk before it is acknowledged: one lane of a parcel every two seconds stands the second, hardly."""
_LOW_BYTES, _FULL_BYTES = 10_000_000_000, 500_000_000
_FORGETFUL = frozenset(("tmpfs", "ramfs"))
_REMOTE = frozenset(("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph", "glusterfs"))


def check_storage(folder: Path, private: bool = True) -> Iterator[Finding]:
    """The folder the ledger lies in, or will lie in; ``private``: nobody else should read it."""
    place = _existing(folder)
    told = f"{folder}" if place == folder.absolute() else f"{folder} (will be made in {place})"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            _AREA,
            "folder",
            Level.FAIL,
            f"{told}: may not be written to",
            "chown it to this user, or name another folder",
        )
        return
    yield Finding(_AREA, "folder", Level.OK, told)
    if private and place == folder.absolute():
        yield _rights(place)
    yield _space(place)
    yield _file_system(place)
    yield _durable_write(place)


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _rights(folder: Path) -> Finding:
    mode = folder.stat().st_mode
    told = f"{stat.filemode(mode)}"
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return Finding(_AREA, "rights", Level.FAIL, f"{told}: everybody may change it", f"chmod o-w {folder}")
    if mode & stat.S_IROTH:
        return Finding(
            _AREA, "rights", Level.WARN, f"{told}: everybody may read scans and verdicts", f"chmod o-rx {folder}"
        )
    return Finding(_AREA, "rights", Level.OK, told)


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB free, about {free // _SCAN_BYTES:,} scans"
    remedy = "free space, or keep scans for a shorter time; a full disk stops screening"
    if free < _FULL_BYTES:
        return Finding(_AREA, "space", Level.FAIL, told, remedy)
    return Finding(
        _AREA, "space", Level.WARN if free < _LOW_BYTES else Level.OK, told, remedy if free < _LOW_BYTES else ""
    )


def _file_system(folder: Path) -> Finding:
    kind = file_system_of(folder)
    if kind in _FORGETFUL:
        return Finding(
            _AREA,
            "file system",
            Level.FAIL,
            f"{kind} lives in memory and forgets at a restart",
            "use a folder on a disk",
        )
    if kind in _REMOTE:
        return Finding(
            _AREA,
            "file system",
            Level.FAIL,
            f"{kind} is a network share; locks and fsync are not to be relied on there",
            "keep the ledger on a local disk, and send verdicts on by a sink",
        )
    return Finding(_AREA, "file system", Level.OK, kind)


def file_system_of(folder: Path) -> str:
    """The type of file system a folder lies on, as the kernel names it; ``unknown`` where it cannot be told."""
    here = os.path.realpath(folder)
    best, kind = "", "unknown"
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return kind
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        # The last mount over a place is the one that is seen.
        if len(mount) >= len(best) and (here == mount or here.startswith(mount.rstrip("/") + "/")):
            best, kind = mount, found
    return kind


def _durable_write(folder: Path) -> Finding:
    """How long it takes until a scan of 1 MB is safe: written, synchronised, and its name in the folder."""
    data = os.urandom(_SCAN_BYTES)
    times_ms = []
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as scratch:
            for turn in range(_ROUNDS):
                started = perf_counter()
                _write_durably(Path(scratch) / f"{turn}", data)
                times_ms.append(1e3 * (perf_counter() - started))
    except OSError as error:
        return Finding(
            _AREA,
            "durable write",
            Level.FAIL,
            f"a scan cannot be kept there ({error.strerror})",
            "check space and rights",
        )
    told = f"{median(times_ms):.1f} ms a scan of 1 MB, at worst {max(times_ms):.1f} ms"
    if median(times_ms) > _SLOW_MS:
        level = Level.FAIL if median(times_ms) > _HOPELESS_MS else Level.WARN
        return Finding(
            _AREA, "durable write", level, told, "use a local SSD: every scan waits for this before it counts"
        )
    return Finding(_AREA, "durable write", Level.OK, told)


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
