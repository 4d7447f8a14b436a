"""The X-ray manual in the browser and for the printer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from fastapi import APIRouter, Request, Response

from ...detector.taxonomy import TAXONOMY
from ..tutor.manual import Chapter, chapters, entry
from ..tutor.manual_print import print_manual
from ..tutor.manual_words import CAPTIONS, HOW, SECTIONS
from .console import Console
from .guard import NotFound
from .language import translations
from .render import environment, page, shell_of

_printing = Lock()


@dataclass(frozen=True, slots=True)
class ManualPage:
    """tutor/manual.html and tutor/manual_class.html."""

    chapters: tuple[Chapter, ...]
    chapter: Chapter | None = None
    how: tuple[str, ...] = HOW
    captions: Mapping[str, str] = field(default_factory=lambda: CAPTIONS)
    sections: Mapping[str, str] = field(default_factory=lambda: SECTIONS)
    before: str = ""
    after: str = ""


def manual_router(console: Console) -> APIRouter:
    """The manual's routes."""
    router = APIRouter(prefix="/tutor", include_in_schema=False)

    @router.get("/manual")
    def contents(request: Request) -> Response:
        return page(console, request, "tutor/manual.html", ManualPage(chapters()))

    @router.get("/manual.pdf")
    def printed(request: Request) -> Response:
        language = shell_of(console, request, request.state.visitor).language
        with _printing:  # of several people who ask at once one waits for the pages, the others for the first
            content = _printed(language)
        headers = {"Content-Disposition": 'inline; filename="parcelsight-x-ray-manual.pdf"'}
        return Response(content, 200, headers, "application/pdf")

    @router.get("/manual/{label}")
    def one_class(request: Request, label: str) -> Response:
        chapter = entry(label[:64])
        if chapter is None:
            raise NotFound(f"the manual has no page on {label[:40]!r}", "choose one of the list")
        labels = list(TAXONOMY.classes)
        place = labels.index(label)
        before, after = labels[place - 1], labels[(place + 1) % len(labels)]
        return page(
            console, request, "tutor/manual_class.html", ManualPage(chapters(), chapter, before=before, after=after)
        )

    return router


@lru_cache(maxsize=8)
def _printed(language: str) -> bytes:
    words = environment(language).get_template("terms.html").module.TERMS  # type: ignore[attr-defined]
    say = translations(language).gettext
    return print_manual(language, say, lambda name: str(words.get(name, name)))
