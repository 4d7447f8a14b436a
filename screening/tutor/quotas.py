"""Does the library meet the rules, and which pictures are to be replaced when?

The rules are those of European aviation security, the ones that X-ray operators' training is measured by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...detector.taxonomy import TAXONOMY, Group
from .factors import Factor
from .tables import ItemRow, PictureRow

_MONTHS = 12
HARD = 0.5
"""Level of a factor from which on a picture counts as hard in it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much a library must hold.

    Both shipped rules count pictures with a threat; an article is one design of a threat.
    """

    name: str
    images: int
    articles: int
    replaced_a_year: int = 0


TRAINING = Rule("computer-based training", images=1000, articles=250)
PROJECTION = Rule("threat projection", images=6000, articles=250, replaced_a_year=100)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the library holds now."""

    images: int
    """With a threat."""
    harmless: int
    articles: int
    part_articles: int
    """Of component parts, which both rules want among the articles."""
    replaced: int
    """Retired within a year, as far as as many were added."""
    by_class: Mapping[str, int]
    """Of every class of the taxonomy, also nil."""
    hard: Mapping[Factor, int]
    """Pictures at the upper half of a factor: without them adaptive training cannot raise it."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One demand of a rule that is not met."""

    what: str
    has: int
    needs: int

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.has} {self.what}, {self.needs - self.has} short of {self.needs}"


@dataclass(frozen=True, slots=True)
class Due:
    """Pictures to replace by the end of a month."""

    month: date
    """Its first day."""
    picture_ids: tuple[int, ...]


def holdings(session: Session, moment: datetime) -> Holdings:
    """Count the library."""
    rows = session.scalars(select(PictureRow).where(PictureRow.retired_at.is_(None))).all()
    threats = [row for row in rows if row.label]
    articles = {(truth["label"], truth["design"]) for row in threats for truth in row.truths if truth["design"]}
    year_ago = moment - timedelta(days=365)
    retired = session.scalar(select(func.count()).where(PictureRow.retired_at >= year_ago, PictureRow.label != "")) or 0
    since_first = [row for row in threats if row.added_at >= year_ago]
    counted = Counter(row.label for row in threats)
    return Holdings(
        images=len(threats),
        harmless=len(rows) - len(threats),
        articles=len(articles),
        part_articles=sum(TAXONOMY.group_of(str(label)) is Group.PART for label, _ in articles),
        replaced=min(retired, len(since_first)),
        by_class={label: counted[label] for label in TAXONOMY.classes},
        hard={factor: sum(getattr(row, factor.value) >= HARD for row in threats) for factor in Factor},
    )


def shortfalls(held: Holdings, rule: Rule) -> tuple[Shortfall, ...]:
    """What of a rule is not met; nothing where all is well."""
    demands = (
        Shortfall("pictures with a threat", held.images, rule.images),
        Shortfall("articles", held.articles, rule.articles),
        Shortfall("articles that are component parts", held.part_articles, 1),
        Shortfall("pictures replaced within a year", held.replaced, rule.replaced_a_year),
    )
    return tuple(demand for demand in demands if demand.has < demand.needs)


def replacement_schedule(session: Session, start: date, a_year: int = PROJECTION.replaced_a_year) -> tuple[Due, ...]:
    """Which pictures to replace in each of the next twelve months: first those that people know best.

    Args:
        session: any transaction.
        start: a day of the first month.
        a_year: how many in all.
    """
    shown = select(ItemRow.picture_id, func.count().label("times")).group_by(ItemRow.picture_id).subquery()
    known_best = (
        select(PictureRow.id)
        .outerjoin(shown, shown.c.picture_id == PictureRow.id)
        .where(PictureRow.retired_at.is_(None), PictureRow.label != "")
        .order_by(func.coalesce(shown.c.times, 0).desc(), PictureRow.added_at, PictureRow.id)
        .limit(a_year)
    )
    ids = list(session.scalars(known_best))
    a_month = monthly(a_year)
    parts = (tuple(ids[k * a_month : (k + 1) * a_month]) for k in range(_MONTHS))
    return tuple(Due(_month(start, k), part) for k, part in enumerate(parts) if part)


def monthly(a_year: int) -> int:
    """How many to replace in each month."""
    return ceil(a_year / _MONTHS)


def _month(start: date, later: int) -> date:
    years, month = divmod(start.month - 1 + later, 12)
    return date(start.year + years, month + 1, 1)
