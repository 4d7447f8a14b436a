"""The page of all sites: every lane's state, model, alarm rate, and whether that has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ..desk.sites import SiteLane, is_shared, missing_verdicts, site_lanes
from ..storage.times import now
from .console import Console
from .render import page


@dataclass(frozen=True, slots=True)
class FleetPage:
    """fleet.html."""

    is_shared: bool
    """False where this console's database is its own: the page then says how to share one."""
    lanes: Sequence[SiteLane] = ()
    missing: Mapping[str, int] | None = None


def fleet_router(console: Console) -> APIRouter:
    """One page."""
    router = APIRouter()

    @router.get("/supervisor/sites", include_in_schema=False)
    def sites(request: Request) -> Response:
        with console.read() as session:
            shared = is_shared(session)
            shown = (
                FleetPage(True, site_lanes(session, now()), missing_verdicts(session)) if shared else FleetPage(False)
            )
        return page(console, request, "fleet.html", shown)

    return router
