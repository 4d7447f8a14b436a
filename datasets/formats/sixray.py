"""SIXray as published (Miao et al., CVPR 2019): VOC labels for positives, none for negatives.

``Annotation/P00001.xml`` …, pictures P00001… and N0000001… in any folders, ``ImageSet/{10,100,1000}/{train,test}.csv``.
Neighbours in the id order are rescans of one bag, so the authors' random splits leak: they are not offered; split by
id range instead. In the positives every gun scan has a white background and most gun-free scans a grey one: the
background alone predicts "no gun" (``dataset check`` measures it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..annotations import Dataset
from ..splits import id_runs
from . import voc
from .problems import Problems
from .sources import check_split, group_scans, list_pictures

_ID = re.compile(r"^(?:st_)?(?P<kind>[PN])(?P<number>\d{4,7})$")
_THREAT_FREE = re.compile(r"^(?:N\d{5,7}|st_P\d{4})$")
_LOOK_AT = 20


def fits(source: Path) -> bool:
    """True for a folder whose first pictures are named like SIXray's."""
    if not source.is_dir() or (source / "ImageSets" / "Main").is_dir():
        return False  # SIXray has ImageSet/; ImageSets/Main is plain VOC made from it, with splits of its own.
    stems = [path.stem for path in _first_pictures(source)]
    return len(stems) > 0 and all(_ID.match(stem) for stem in stems)


def list_splits(source: Path) -> tuple[str, ...]:
    """None: the published splits leak."""
    return ()


def read(source: Path, problems: Problems, split: str | None = None) -> Dataset:
    """Read positives by their XML and negatives as threat-free, wherever they lie under the folder."""
    check_split(source, split, ())
    scans = group_scans(source, list_pictures(source), problems)
    labels = {path.stem: path for path in sorted(source.rglob("*.xml"))}
    found = voc.join(source, scans, labels, problems, lambda scan_id: bool(_THREAT_FREE.match(Path(scan_id).name)))
    groups = id_runs(record.scan_id for record in found)
    return found.with_records([replace(record, group=groups[record.scan_id]) for record in found])


def _first_pictures(source: Path) -> Iterator[Path]:
    found = (path for path in source.rglob("*.jpg"))
    for _, path in zip(range(_LOOK_AT), found, strict=False):
        yield path
