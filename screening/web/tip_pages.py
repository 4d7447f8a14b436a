"""Projected threats, as a supervisor sets, watches and stops them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...detector.errors import UsageError
from ...detector.taxonomy import TAXONOMY
from ..storage.times import now
from ..tutor import tip_settings
from ..tutor.quotas import PROJECTION
from ..tutor.tip import TipPolicy
from ..tutor.tip_results import TipFigures, tip_figures
from ..tutor.tip_settings import TipSettings
from .console import Console
from .contexts import Complaint
from .render import page

WEIGHTS = (0, 1, 2, 3)
"""How often a class is projected against others."""
_PERIOD = timedelta(days=30)
_USUAL_RATE = 0.02


@dataclass(frozen=True, slots=True)
class TipPage:
    """supervisor_tip.html."""

    settings: TipSettings
    figures: TipFigures
    images: int
    articles: int
    is_starter: bool
    needed: tuple[int, int]
    """Images and articles that the rule asks for."""
    classes: tuple[str, ...]
    available: frozenset[str]
    weights: tuple[int, ...] = WEIGHTS
    error: Complaint | None = None
    is_saved: bool = False


def tip_router(console: Console) -> APIRouter:
    """The page of projected threats, and the key that stops them."""
    router = APIRouter()

    def shown(request: Request, status: int = 200, **more: Any) -> Response:
        moment = now()
        with console.read() as session:
            settings = tip_settings.current(session)
            figures = tip_figures(session, moment - _PERIOD, moment)
        entries, library = console.threats.entries(), console.threats
        context = TipPage(
            settings=settings,
            figures=figures,
            images=len(entries),
            articles=len({(one.label, one.design) for one in entries}),
            is_starter=library.is_starter,
            needed=(PROJECTION.images, PROJECTION.articles),
            classes=tuple(TAXONOMY.classes),
            available=frozenset(library.labels()),
            **more,
        )
        return page(console, request, "supervisor_tip.html", context, status)

    @router.get("/supervisor/tip", include_in_schema=False)
    def settings_page(request: Request, saved: int = 0) -> Response:
        return shown(request, is_saved=bool(saved))

    @router.post("/supervisor/tip", include_in_schema=False)
    async def save(request: Request) -> Response:
        form = {str(key): str(value) for key, value in (await request.form()).items()}
        return _save(request, form)

    def _save(request: Request, form: dict[str, str]) -> Response:
        try:
            settings = _settings(form)
            with console.write() as session:
                tip_settings.change(session, request.state.visitor.person, settings)
            console.projection_changed()
        except UsageError as error:
            return shown(request, 400, error=Complaint(error.message, error.remedy))
        return RedirectResponse("/supervisor/tip?saved=1", 303)

    @router.post("/api/tip/stop", tags=["tip"], summary="Stop projecting, and take every open projection away")
    def stop(request: Request) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.write() as session:
            settings = tip_settings.current(session)
            policy = replace(settings.policy, is_stopped=True)
            tip_settings.change(session, person, replace(settings, policy=policy))
            revealed = console.tip.abandon(session, person)
        console.projection_changed()
        console.tip.let_go(*revealed)
        for one in revealed:
            console.early("projected", one.to_json())
        return {"stopped": True, "abandoned": len(revealed)}

    @router.post("/api/tip/start", tags=["tip"], summary="Project again, as before it was stopped")
    def start(request: Request) -> dict[str, Any]:
        with console.write() as session:
            settings = tip_settings.current(session)
            rate = settings.policy.rate or _USUAL_RATE
            policy = replace(settings.policy, is_stopped=False, rate=rate)
            tip_settings.change(session, request.state.visitor.person, replace(settings, policy=policy))
        console.projection_changed()
        return {"stopped": False, "rate": rate}

    return router


def _settings(form: dict[str, str]) -> TipSettings:
    """What the form says. Raises UsageError."""
    rate, answer_s, stopped_s = (_number(form.get(name, "")) for name in ("rate", "answer_s", "stopped_s"))
    mix = {label: _number(form.get(f"weight-{label}", "0")) for label in TAXONOMY.classes}
    policy = TipPolicy(rate / 100, {label: weight for label, weight in mix.items() if weight > 0})
    return TipSettings(policy, answer_s, stopped_s)


def _number(text: str) -> float:
    try:
        value = float(text.replace(",", ".").strip())
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1000:
        raise UsageError(f"{text[:20]!r} is no number", "correct it and send it again")
    return value
