"""Parcels and their scans, as JSON and as the viewer's container."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from ...datasets.readers import decode_scan
from ...detector.errors import ScanError, StorageError, UsageError
from ..audit.chain import append
from ..desk import queue
from ..desk.item_id import parse_item_id
from ..desk.journal import tell_parcel
from ..storage.tables import ParcelRow, ScanRow
from ..storage.times import now
from ..viewer_format import MEDIA_TYPE, pack_scans
from .console import Console
from .desk_api import Number
from .guard import NotFound
from .parcel_json import parcel_json
from .requests import ItemIdBody


def parcels_router(console: Console) -> APIRouter:
    """The routes of parcels and scans under /api."""
    router = APIRouter(prefix="/api", tags=["parcels"])

    @router.get("/parcels/{parcel_id}", summary="A parcel with everything that is known of it")
    def parcel(request: Request, parcel_id: Number) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.read() as session:
            return parcel_json(
                session, require_parcel(session, parcel_id), person, console.procedure, console.site_figures.get()
            )

    @router.post("/parcels/{parcel_id}/item-id", summary="Give a parcel the number that was scanned from it")
    def name_parcel(request: Request, parcel_id: Number, body: ItemIdBody) -> dict[str, Any]:
        person = request.state.visitor.person
        item = parse_item_id(body.scanned)
        with console.write() as session:
            row = require_parcel(session, parcel_id)
            if not queue.holds(row, person, now()):
                raise UsageError(f"parcel {parcel_id} is not on your screen", "take it first")
            twin = select(ParcelRow.id).where(ParcelRow.item_id == item.text, ParcelRow.id != row.id).limit(1)
            before = session.scalar(twin)
            row.item_id = item.text
            append(session, person.login, "identified", f"parcel {row.id}", {"item_id": item.text})
            tell_parcel(session, row, "identified")
        return {"item_id": item.text, "is_s10": item.is_s10, "also_parcel": before}

    @router.get(
        "/scans/{scan_id}/pixels",
        summary="A scan for the viewer",
        response_class=Response,
        responses={200: {"content": {MEDIA_TYPE: {}}, "description": "docs/viewer.md describes the container."}},
    )
    def pixels(request: Request, scan_id: Number) -> Response:
        with console.read() as session:
            row = session.get(ScanRow, scan_id)
            if row is None or row.file is None:
                raise NotFound(f"there is no picture of scan {scan_id}", "decide by the other view, or scan it again")
            view, pitch_mm, number = row.view, row.pitch_mm, row.parcel_id
            content = console.tip.picture(session, row, console.pictures)
        try:
            scan = decode_scan(content, f"p{number}-{view}")
        except ScanError as error:
            raise StorageError(f"scan {scan_id} can no longer be read: {error.message}", "scan it again") from error
        seen = replace(scan, view=view, pitch_mm=pitch_mm or scan.pitch_mm)
        packed = pack_scans(f"p{number}-{view}", [seen])
        headers = {}
        if "gzip" in request.headers.get("accept-encoding", "") and request.headers.get("save-data") == "on":
            packed, headers = gzip.compress(packed, 1), {"Content-Encoding": "gzip"}
        return Response(packed, 200, headers, MEDIA_TYPE)

    return router


def require_parcel(session: Any, parcel_id: int) -> ParcelRow:
    """The parcel. Raises NotFound."""
    row = session.get(ParcelRow, parcel_id)
    if not isinstance(row, ParcelRow):
        raise NotFound(f"there is no parcel {parcel_id}", "look it up by its number or barcode")
    return row
