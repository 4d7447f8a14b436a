"""The X-ray manual on paper: A4, a cover, contents, then each class on two facing pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ... import __version__
from .manual import Chapter, Shown, chapters
from .manual_words import CAPTIONS, CONTENTS, HOW, LOOK_FOR, MISTAKEN, PRINTED, SECTIONS, TITLE
from .paper import Figure, Paper

Say = Callable[[str], str]
"""English → the reader's language."""
_MADE = datetime(2026, 1, 1, tzinfo=UTC)
"""Of the file: the same version prints the same bytes."""


def print_manual(language: str, say: Say, term: Say) -> bytes:
    """The manual as a PDF.

    Args:
        language: of its words.
        say: translates them.
        term: what a class or group is called.

    Raises:
        MissingExtra: if the PDF library is not installed.
        UsageError: if the language needs a font that is not there.
        ConfigError: if the pictures' list cannot be read.
    """
    found = chapters()
    paper = Paper(say(TITLE), language, _MADE)
    portraits = [Figure(one.portrait.path, _upper(term(one.label))) for one in found if one.portrait is not None]
    paper.cover(say(TITLE), [say(PRINTED) % {"version": __version__}], portraits, columns=4)
    paper.contents(say(CONTENTS))
    paper.new_page()
    paper.heading(say(HOW[0]))
    for text in HOW[1:]:
        paper.paragraph(say(text), 11)
    for chapter in found:
        _spread(paper, chapter, say, term)
    return paper.to_bytes()


def _spread(paper: Paper, chapter: Chapter, say: Say, term: Say) -> None:
    """Two facing pages."""
    paper.new_page(on_the_left=True)
    paper.heading(_upper(term(chapter.label)))
    paper.heading(say(LOOK_FOR), 2)
    paper.bullets([say(text) for text in chapter.words.look_for], 11.5)
    paper.heading(say(SECTIONS["turned"]), 2)
    paper.figures(_figures(chapter.sections["turned"], say), 3, aspect=0.75)
    paper.new_page()
    for sections, columns in ((("penetration",), 3), (("palette",), 3), (("hidden",), 4), (("parts",), 3)):
        for section in sections:
            shown = chapter.sections[section]
            if shown:
                paper.heading(say(SECTIONS[section]), 2)
                paper.figures(_figures(shown, say), columns, aspect=0.58 if columns == 3 else 0.7)
    paper.heading(say(MISTAKEN), 2)
    paper.paragraph(say(chapter.words.mistaken), 10)
    paper.figures(_figures(chapter.sections["alike"], say), 4, aspect=0.7)


def _figures(shown: Sequence[Shown], say: Say) -> list[Figure]:
    return [Figure(one.path, _upper(say(CAPTIONS.get(one.name, one.name)))) for one in shown]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
