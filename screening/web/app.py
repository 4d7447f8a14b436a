"""The console as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ... import __version__
from . import problems
from .console import Console
from .guard import Shield, authoriser
from .hub import Hub
from .routes import all_routers

SEND_BUFFER_BYTES = 131_072
"""Small, so that a console that takes nothing is noticed; large enough for scans over a local network."""
STATIC = Path(__file__).resolve().parents[1] / "static"


def create_app(console: Console) -> ASGIApp:
    """Make the application, with everything that stands before it.

    Args:
        console: what it shows and changes.
    """
    return Shield(create_routes(console), console)


def create_routes(console: Console) -> FastAPI:
    """The application alone; tests look through its routes."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.hub = Hub(console)
        reader = asyncio.create_task(app.state.hub.run())
        try:
            yield
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    app = FastAPI(
        title="ParcelSight console",
        version=__version__,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        dependencies=[Depends(authoriser(console))],
    )
    problems.install(app, console)
    for router in all_routers(console):
        app.include_router(router)

    @app.get("/api/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        """Of the API, for programs that use it."""
        return app.openapi()

    @app.get("/healthz", tags=["health"], summary="The program answers")
    async def live() -> dict[str, bool]:
        return {"live": True}

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
