"""What is to be screened: every scan of an archive once, in one order, before the first is read.

The list is frozen in the sink when a run begins. A restart cuts the same shards out of it, whatever has been added to
the archive meanwhile, and that is what makes "exactly one row a scan" a matter of files being there or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..datasets.pairs import ScanFiles, find_scans
from ..detector.errors import ScanError, UsageError
from ..inference.sources import NO_PICTURES
from ..inference.video import VIDEO_SUFFIXES
from .store import LIMITS, LocalStore, Store, open_store

_LISTS = (".parquet", ".pq")
_TWICE = "is listed more than once; its first entry is screened"
_VIDEO = "is a video; screen it with: parcelsight screen"


@dataclass(frozen=True, slots=True)
class ScanRef:
    """One scan of an archive."""

    scan: str
    """Its id: unique in a listing."""
    site: str
    files: tuple[str, ...]
    """One name, or those of the low- and high-energy halves; relative to the source, absolute, or a URL."""
    problem: str = ""
    """Why it can be told without reading that it cannot be screened."""

    def __post_init__(self) -> None:
        if not self.scan or not (self.problem or len(self.files) in (1, 2)):
            raise ValueError(f"{self.scan!r} with {len(self.files)} files is no scan")


def list_source(source: str, site: str = "") -> Iterator[ScanRef]:
    """Every scan of a source, in a fixed order.

    Args:
        source: a folder, a URL of fsspec, or a Parquet list with a column ``path`` (or ``files``: one or two a scan)
            and maybe ``scan`` and ``site``.
        site: of scans for which nothing else says it; else the first folder below the source is the site's name.

    Raises:
        UsageError, StorageError: if the source cannot be listed.
    """
    if PurePosixPath(source).suffix.lower() in _LISTS:
        yield from _once(_of_list(source, site))
        return
    # The walk is sorted, so a folder's files come together: pairs are found folder by folder.
    folder, names = "", list[str]()
    for name in open_store(source).names():
        here = name.rpartition("/")[0]
        if here != folder:
            yield from _of_folder(names, site)
            folder, names = here, []
        names.append(name)
    yield from _of_folder(names, site)


def _of_folder(names: Iterable[str], site: str) -> Iterator[ScanRef]:
    pictures = [Path(name) for name in names if Path(name).suffix.lower() not in NO_PICTURES]
    for found in find_scans(pictures):
        yield _ref(found, site or (found.files[0].parts[0] if len(found.files[0].parts) > 1 else ""))


def _ref(found: ScanFiles, site: str) -> ScanRef:
    files = tuple(path.as_posix() for path in found.files)
    if found.problem is not None:
        return ScanRef(found.files[0].as_posix(), site, files[:2], str(found.problem))
    problem = f"{files[0]} {_VIDEO}" if found.files[0].suffix.lower() in VIDEO_SUFFIXES else ""
    return ScanRef(Path(found.scan_id).as_posix(), site, files, problem)


def _of_list(source: str, site: str) -> Iterator[ScanRef]:
    import pyarrow
    from pyarrow import parquet

    folder, name = _home(source)
    try:
        table = parquet.ParquetFile(pyarrow.BufferReader(folder.read(name)))
    except (pyarrow.ArrowException, ScanError) as error:
        raise UsageError(f"{source}: no Parquet list of scans ({error})", "check the file") from error
    columns = set(table.schema_arrow.names)
    if not columns & {"path", "files"}:
        raise UsageError(f"{source}: it has no column `path` or `files`", f"it has: {', '.join(sorted(columns))}")
    wanted = sorted(columns & {"path", "files", "scan", "site"})
    for batch in table.iter_batches(columns=wanted):
        for row in batch.to_pylist():
            yield _listed(row, source, site)


def _listed(row: dict[str, Any], source: str, site: str) -> ScanRef:
    files = tuple(str(name) for name in (row.get("files") or [row.get("path")]) if name)
    if len(files) not in (1, 2):
        raise UsageError(f"{source}: an entry has {len(files)} files", "give one file a scan, or two of a pair")
    return ScanRef(str(row.get("scan") or files[0]), str(row.get("site") or site), files)


def _once(refs: Iterable[ScanRef]) -> Iterator[ScanRef]:
    """Ids listed again are kept apart under ids of their own, and not screened again."""
    seen: dict[bytes, int] = {}
    for ref in refs:
        key = hashlib.blake2b(ref.scan.encode("utf-8", "surrogateescape"), digest_size=12).digest()
        again = seen[key] = seen.get(key, 0) + 1
        yield ref if again == 1 else ScanRef(f"{ref.scan}#{again}", ref.site, ref.files, f"{ref.scan} {_TWICE}")


def _home(source: str) -> tuple[Store, str]:
    """The store of a Parquet list's folder, and its name there."""
    folder, _, name = source.rpartition("/")
    return open_store(folder or ("/" if source.startswith("/") else ".")), name


class ScanFilesReader:
    """Reads the files that a listing names.

    Args:
        source: as of ``list_source``.
    """

    def __init__(self, source: str) -> None:
        is_list = PurePosixPath(source).suffix.lower() in _LISTS
        self._home = _home(source)[0] if is_list else open_store(source)

    def read(self, name: str) -> bytes:
        """The content of one file. Raises ScanError, UsageError, MissingExtra."""
        if "://" in name:
            folder, _, last = name.rpartition("/")
            return open_store(folder).read(last)
        if name.startswith("/"):
            return LocalStore(Path("/")).read(name[1:], LIMITS)
        return self._home.read(name)
