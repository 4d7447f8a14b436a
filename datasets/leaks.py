"""Near-duplicate pictures across splits: the leak that makes a test score a lie.

Each picture becomes a fingerprint: a difference hash and a DCT hash of 64 bits each (Krawetz 2011-13; Zauner 2010) of
its grey canonical picture, and a 32×32 thumbnail of its detail. Hashes find candidates fast, the correlation of the
thumbnails confirms them: alone, either hash would report thousands of chance pairs among 10,000 pictures.

Measured on 657 SIXray positives, whose neighbours in id are often rescans of one bag, and 320 negatives; "far" pairs
are more than 300 ids or one id family apart:

| pairs found, by rule | 1 id apart (424) | 2–3 (682) | 4–10 (1,937) | far (421,773) |
| --- | --- | --- | --- | --- |
| DCT hash ≤ 8 bits | 46.7 % | 5.3 % | .36 % | 6 |
| both hashes ≤ 8 bits | 43.6 % | 4.1 % | .26 % | 3 |
| hashes ≤ 12 and 14 bits, likeness ≥ .75 (used) | 44.3 % | 4.1 % | .31 % | 0 |

The far pairs most alike (.73) show one suitcase packed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..detector.errors import ScanError
from .annotations import Dataset, Record
from .canonical import canonical_rgb
from .opencv import cv2
from .readers import read_pair, read_scan
from .scan import Scan

DCT_BITS = 12
DIFFERENCE_BITS = 14
CORRELATION = 0.75
_THUMBNAIL_PX = 32
_DETAIL_SIGMA_PX = 4
"""Blur whose result is subtracted: coarse shading, alike in any two full suitcases, must not count as likeness."""
_HASH_PX = 8
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprints:
    """Fingerprints of n pictures as parallel arrays."""

    scan_ids: tuple[str, ...]
    difference: NDArray[np.uint64]
    """(n,)"""
    dct: NDArray[np.uint64]
    """(n,)"""
    thumbnails: NDArray[np.float32]
    """(n, 1024), mean 0 and length 1; all 0 for a uniform picture, which resembles nothing."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Two pictures in different splits that show the same bag."""

    split_a: str
    scan_a: str
    split_b: str
    scan_b: str
    correlation: float


def read_record(record: Record) -> Scan:
    """The scan of a record. Raises ScanError."""
    return read_scan(record.files[0]) if len(record.files) == 1 else read_pair(*record.files)


def fingerprint(rgb: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.float32]]:
    """(difference hash, DCT hash, thumbnail (1024,)) of a canonical picture (H, W, 3)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    steps = cv2.resize(grey, (_HASH_PX + 1, _HASH_PX), interpolation=cv2.INTER_AREA).astype(np.int16)
    low = cv2.dct(small)[:_HASH_PX, :_HASH_PX].ravel()
    detail = (small - cv2.GaussianBlur(small, (0, 0), _DETAIL_SIGMA_PX)).ravel()
    thumbnail = detail - detail.mean()
    length = float(np.linalg.norm(thumbnail))
    thumbnail = thumbnail / length if length > _THUMBNAIL_PX else np.zeros_like(thumbnail)
    return _pack(steps[:, 1:] > steps[:, :-1]), _pack(low > np.median(low[1:])), thumbnail


def fingerprints(dataset: Dataset, tick: Callable[[], None] = lambda: None) -> tuple[Fingerprints, list[str]]:
    """Fingerprint every scan that can be read.

    Args:
        dataset: the scans.
        tick: called after each scan.

    Returns:
        the fingerprints, and one message for each scan that cannot be read.
    """
    ids: list[str] = []
    rows: list[tuple[int, int, NDArray[np.float32]]] = []
    unread: list[str] = []
    for record in dataset:
        try:
            rows.append(fingerprint(canonical_rgb(read_record(record))))
            ids.append(record.scan_id)
        except ScanError as error:
            unread.append(str(error))
        tick()
    thumbnails = np.array([row[2] for row in rows], np.float32).reshape(len(rows), _THUMBNAIL_PX**2)
    hashes = np.array([row[:2] for row in rows], np.uint64).reshape(len(rows), 2)
    return Fingerprints(tuple(ids), hashes[:, 0], hashes[:, 1], thumbnails), unread


def find_leaks(splits: Mapping[str, Sequence[str]], prints: Fingerprints) -> list[Leak]:
    """Pairs of near-duplicates in different splits, the most alike first.

    Args:
        splits: split name → scan ids.
        prints: fingerprints of these scans; scans without one are not compared.
    """
    at = {scan_id: i for i, scan_id in enumerate(prints.scan_ids)}
    leaks: list[Leak] = []
    for (name_a, ids_a), (name_b, ids_b) in combinations(splits.items(), 2):
        rows_a = np.array([at[i] for i in ids_a if i in at], np.int64)
        rows_b = np.array([at[i] for i in ids_b if i in at], np.int64)
        for i, j, correlation in _alike(prints, rows_a, rows_b):
            leaks.append(Leak(name_a, prints.scan_ids[i], name_b, prints.scan_ids[j], correlation))
    return sorted(leaks, key=lambda leak: (-leak.correlation, leak.scan_a, leak.scan_b))


def _alike(
    prints: Fingerprints, rows_a: NDArray[np.int64], rows_b: NDArray[np.int64]
) -> Iterable[tuple[int, int, float]]:
    """Index pairs (into the fingerprints) that resemble each other, with their correlation."""
    for start in range(0, len(rows_a), _ROWS_AT_ONCE):
        rows = rows_a[start : start + _ROWS_AT_ONCE]
        near = np.bitwise_count(prints.dct[rows, None] ^ prints.dct[None, rows_b]) <= DCT_BITS
        i, j = np.nonzero(near)
        a, b = rows[i], rows_b[j]
        near_too = np.bitwise_count(prints.difference[a] ^ prints.difference[b]) <= DIFFERENCE_BITS
        a, b = a[near_too], b[near_too]
        correlation = np.einsum("ij,ij->i", prints.thumbnails[a], prints.thumbnails[b])
        for k in np.nonzero(correlation >= CORRELATION)[0]:
            yield int(a[k]), int(b[k]), round(float(correlation[k]), 3)


def _pack(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
