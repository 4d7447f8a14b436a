"""The views of a parcel: where the scanner took several, an exercise shows them beside each other, as the desk does.

A parcel's threat may be seen in one view alone; it counts wherever somebody points at it. What was seen of a parcel
was seen of the whole parcel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..storage.times import now
from .tables import ItemRow, PictureRow

VIEWS = ("top", "side")
"""As data sets end their scans' names, and in the order of the desk."""
SINGLE = "single"


@dataclass(frozen=True, slots=True)
class View:
    """A picture of a parcel on the screen, and from where it is seen."""

    name: str
    """One of VIEWS; SINGLE where it stands alone."""
    picture: PictureRow


def parcel_key(scan_id: str, folder: str, file: str) -> str:
    """What pictures of one parcel have in common, and those of no other.

    Args:
        scan_id: ``s1-000004_side`` goes with ``s1-000004_top``.
        folder: where both lie; another data set may use the same names.
        file: the picture's name in the store, for one that has no other view.
    """
    stem, _, view = scan_id.rpartition("_")
    if not stem or view not in VIEWS:
        return file
    return hashlib.sha256(f"{folder}\0{stem}".encode()).hexdigest()


def companions(session: Session, picture: PictureRow) -> list[PictureRow]:
    """The other views of a picture's parcel; none where it is unclear which they are."""
    alike = select(PictureRow).where(
        PictureRow.parcel == picture.parcel, PictureRow.id != picture.id, PictureRow.retired_at.is_(None)
    )
    others = list(session.scalars(alike.order_by(PictureRow.id)))
    names = [_name(row) for row in (picture, *others)]
    if len(set(names)) < len(names):
        return []
    return [row for row in others if row.kind == picture.kind]


def views_of(session: Session, item: ItemRow) -> tuple[View, ...]:
    """What of a parcel is on the screen, in the order of the desk."""
    beside = [session.get_one(PictureRow, picture_id) for picture_id in item.beside]
    if not beside:
        return (View(SINGLE, item.picture),)
    found = [View(_name(picture), picture) for picture in (item.picture, *beside)]
    return tuple(sorted(found, key=lambda view: VIEWS.index(view.name)))


def take_away(session: Session, item: ItemRow, picture_ids: Sequence[int]) -> None:
    """Views that cannot be read any more are shown to nobody again; the parcel is looked at in those that are left."""
    for picture_id in picture_ids:
        row = session.get_one(PictureRow, picture_id)
        row.retired_at = row.retired_at or now()
    item.beside = [picture_id for picture_id in item.beside if picture_id not in picture_ids]


def _name(picture: PictureRow) -> str:
    return picture.scan_id.rpartition("_")[2]
