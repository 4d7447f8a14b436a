"""Certificates and result sheets, as PDF in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from babel.dates import LOCALTZ, format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from ...rates import Rate
from ...tutor.detection_theory import Estimate
from ...tutor.hours import TrainingTime
from ...tutor.paper import Paper
from ...tutor.progress import Progress
from ...tutor.results import Figures
from ..language import locale_of
from ..render import environment


class Words:
    """What is printed, in one language."""

    def __init__(self, language: str) -> None:
        made = environment(language)
        self.language, self._locale = language, locale_of(language)
        self._words: Mapping[str, object] = made.get_template("tutor/printed.html").module.WORDS  # type: ignore[attr-defined]
        self._terms: Mapping[str, object] = made.get_template("terms.html").module.TERMS  # type: ignore[attr-defined]

    def say(self, key: str, **fields: object) -> str:
        """A word with its fields filled in; a class by its name for people; anything else as it is."""
        text = str(self._words.get(key, self._terms.get(key, key)))
        for name, value in fields.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def day(self, moment: datetime) -> str:
        """A date."""
        return str(format_date(moment.astimezone(LOCALTZ), "long", locale=self._locale))

    def moment(self, moment: datetime) -> str:
        """Date and time."""
        return str(format_datetime(moment, "short", LOCALTZ, self._locale))

    def number(self, value: float, decimals: int = 0) -> str:
        """As the language writes numbers; never a negative nothing."""
        form = "#,##0." + "0" * decimals if decimals else "#,##0"
        return str(format_decimal(round(value, decimals) + 0.0, form, locale=self._locale))

    def percent(self, share: float) -> str:
        """A share."""
        return str(format_percent(share, "#,##0.0 %", locale=self._locale))


def certificate(progress: Progress, examined: Figures, time: TrainingTime, number: int, words: Words) -> bytes:
    """Of a course that is done; one page, with room for the trainer's signature.

    Args:
        progress: with the moment it was completed.
        examined: figures of the course's examinations; empty ones are left out.
        time: of the six months before.
        number: of the entry in the audit record that tells of this certificate.
        words: of the reader.

    Raises:
        ValueError: if the course is not done.
        MissingExtra, UsageError: as Paper raises them.
    """
    if progress.completed_at is None:
        raise ValueError("a certificate needs a completed course")
    paper = Paper(words.say("certificate"), words.language, progress.completed_at, is_plain=True)
    paper.new_page()
    paper.frame()
    paper.space(14)
    paper.centred("ParcelSight", 13)
    paper.space(5)
    paper.centred(words.say("certificate"), 34, bold=True)
    paper.space(9)
    paper.centred(progress.person.name, 25, bold=True)
    paper.space(3)
    paper.centred(words.say("completed"), 13)
    paper.space(3)
    paper.centred(progress.course.title, 19, bold=True)
    paper.space(3)
    paper.centred(words.say("on", day=words.day(progress.completed_at)), 13)
    paper.space(9)
    paper.table(
        [words.say("steps"), words.say("kind"), words.say("pictures")],
        [
            (one.step.title, words.say(str(one.step.mode)), words.number(one.step.pictures))
            for one in progress.steps[:12]
        ],
    )
    if examined.answers.hit_rate.of:
        paper.heading(words.say("results"), 2)
        _figures(paper, examined, words)
    fields = {name: words.number(getattr(time, name)) for name in ("pictures", "articles")}
    paper.paragraph(words.say("hours", hours=words.number(time.hours, 1), **fields))
    paper.space(max(4.0, paper.left_mm - 34))
    paper.paragraph("_" * 44)
    paper.paragraph(f"{words.say('trainer')}: {progress.trainer}")
    paper.paragraph(words.say("record", number=number), 8.5, is_quiet=True)
    return paper.to_bytes()


def result_sheet(
    who: str,
    course: str,
    shown: Figures,
    tables: Mapping[str, Mapping[str, Figures]],
    lanes: Mapping[str, Rate],
    made_at: datetime,
    words: Words,
) -> bytes:
    """Everything the results page tells in numbers.

    Args:
        who: a person's name; empty for everybody of a course.
        course: its title; empty for all.
        shown: figures of all answers.
        tables: further figures, as ``results_pages.tables_of`` makes them.
        lanes: shares seen of the threats projected at lanes, as ``TipFigures.rates`` names them.
        made_at: now.
        words: of the reader.

    Raises:
        MissingExtra, UsageError: as Paper raises them.
    """
    paper = Paper(words.say("sheet"), words.language, made_at)
    paper.new_page()
    paper.heading(f"{words.say('sheet')}: {who or words.say('everybody')}")
    if course:
        paper.paragraph(words.say("course", title=course))
    paper.paragraph(words.say("made", moment=words.moment(made_at)), is_quiet=True)
    if shown.is_few:
        paper.paragraph(words.say("few"), bold=True)
    paper.heading(words.say("results all"), 2)
    _figures(paper, shown, words)
    for name, rows in tables.items():
        if rows:
            paper.heading(words.say(f"by {name}"), 2)
            columns = (words.say(key) for key in ("found", "range", "cases", "false alarms"))
            head = ["", *columns, "d′", words.say("range")]
            paper.table(head, [_row(words.say(key), one, words) for key, one in rows.items()], 8.0)
    if lanes:
        paper.heading(words.say("at the lanes"), 2)
        head = ["", *(words.say(key) for key in ("seen", "range", "cases"))]
        paper.table(head, [_rate(words.say(key), rate, words) for key, rate in lanes.items()], 8.0)
    paper.paragraph(words.say("how"), 8.5, is_quiet=True)
    return paper.to_bytes()


def _figures(paper: Paper, shown: Figures, words: Words) -> None:
    rows: list[tuple[str, ...]] = [
        _rate(words.say("found"), shown.answers.hit_rate, words),
        _rate(words.say("false alarms"), shown.answers.false_alarm_rate, words),
    ]
    for key, found in (("d prime", shown.d_prime), ("criterion", shown.criterion), ("roc", shown.roc_area)):
        rows.append((words.say(key), *_estimate(found, words), ""))
    took = "–" if shown.response_ms is None else words.say("seconds", seconds=words.number(shown.response_ms / 1000, 1))
    rows.append((words.say("time"), took, "", ""))
    paper.table(["", words.say("value"), words.say("range"), words.say("cases")], rows)


def _rate(name: str, rate: Rate, words: Words) -> tuple[str, ...]:
    if rate.value is None:
        return name, "–", "", words.number(0)
    cases = words.say("count", count=words.number(rate.count), of=words.number(rate.of))
    return name, words.percent(rate.value), _between(*map(words.percent, rate.interval), words=words), cases


def _estimate(found: Estimate | None, words: Words) -> tuple[str, str]:
    if found is None:
        return "–", ""
    low, high = words.number(found.low, 2), words.number(found.high, 2)
    return words.number(found.value, 2), _between(low, high, words=words)


def _row(name: str, one: Figures, words: Words) -> Sequence[str]:
    _, value, between, cases = _rate(name, one.answers.hit_rate, words)
    wrong = one.answers.false_alarm_rate.value
    return (
        name,
        value,
        between,
        cases if one.answers.hit_rate.of else "",
        "–" if wrong is None else words.percent(wrong),
        *_estimate(one.d_prime, words),
    )


def _between(low: str, high: str, *, words: Words) -> str:
    return words.say("between", low=low, high=high)
