"""The service as an ASGI application; ``server.py`` runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from starlette.types import ASGIApp

from ... import __version__
from .belts import belts_router
from .context import ServiceContext
from .events import HEARTBEAT_S, Listeners, events_router
from .guard import Guard
from .health import health_router
from .metrics import CONTENT_TYPE, Metrics
from .problems import install
from .scans import scans_router

_ABOUT = """Finds firearms, firearm parts and ammunition in X-ray scans of parcels.

A scan that was accepted ends in exactly one verdict: ALARM, REVIEW (a person must look), NO_ALARM or UNSCREENED with
its reason. The model alone never clears a parcel: a person or their procedure does."""
_TAGS = [
    {"name": "health", "description": "Is screening really happening?"},
    {"name": "scans", "description": "Scans in, verdicts out."},
    {"name": "events", "description": "What happens, while it happens."},
    {"name": "metrics", "description": "Figures for Prometheus."},
]


def create_app(context: ServiceContext, heartbeat_s: float = HEARTBEAT_S) -> ASGIApp:
    """Make the application.

    Args:
        context: the running lanes.
        heartbeat_s: between comments to silent listeners.
    """
    metrics = Metrics(context)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        metrics.start()
        try:
            yield
        finally:
            metrics.stop()

    app = FastAPI(
        title="ParcelSight",
        version=__version__,
        description=_ABOUT,
        openapi_tags=_TAGS,
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    install(app)
    app.include_router(health_router(context))
    app.include_router(scans_router(context))
    app.include_router(events_router(context, Listeners(context.config.max_listeners), heartbeat_s))
    app.include_router(belts_router(context, heartbeat_s))
    app.include_router(_metrics_router(metrics))
    return Guard(app, context.token)


def _metrics_router(metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["metrics"])

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
    )
    def page() -> Response:
        """Per lane: state, scans, verdicts, latency, queue, losses by cause; per sink: how far it is behind."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router
