"""Scans in, and what became of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from ..lanes.arrival import Arrival
from ..lanes.source import Receipt, Refusal
from .context import ServiceContext
from .problems import Refused, refused_by_lane
from .schemas import Accepted, Problem, Scan, ScanPage, VerdictPage
from .upload import IN_QUERY, Malformed, TooLarge, read_headers, read_upload
from .upload_doc import REFUSALS, UPLOAD_DOC

_MOST_NUMBER = 2**63 - 1
"""What SQLite counts to."""
_BUSY_AGAIN_S = 1.0
_ROOM_SCANS = 4
"""So many scans of the largest size may be on their way in; of the usual size there is room for all places."""
_LEAST_BODY_BYTES_S, _BODY_GRACE_S = 16_384, 10.0
"""A body slower than this, after the grace, is given up: it would hold one of few places."""

Number = Annotated[int, Query(ge=0, le=_MOST_NUMBER, description="What came with or before this number is left out.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most entries of the page.")]


def scans_router(context: ServiceContext) -> APIRouter:
    """The routes under /v1, but events."""
    router = APIRouter(prefix="/v1", tags=["scans"])
    ledger, config = context.ledger, context.config
    most_bytes = int(config.max_scan_mb * 1e6)
    places = asyncio.Semaphore(config.max_uploads)
    room = _Room(_ROOM_SCANS * most_bytes)
    threads = anyio.CapacityLimiter(config.max_uploads)

    @router.post(
        "/scans", status_code=202, summary="Have a scan screened", responses=REFUSALS, openapi_extra=UPLOAD_DOC
    )
    async def upload(request: Request, response: Response) -> Accepted:
        """Answered when the scan is on disk and in the ledger: from then on it ends in exactly one verdict.

        Follow it by `GET /v1/scans/{sequence}`, `/v1/events` or `/v1/verdicts`.
        """
        if places.locked():
            raise Refused(429, f"{config.max_uploads} uploads are under way", "send fewer at a time", _BUSY_AGAIN_S)
        _turn_away(context, request)
        async with places:
            with room.share() as share:
                arrival = await _read(context, request, most_bytes, share)
                answer = await anyio.to_thread.run_sync(_submit, context, arrival, limiter=threads)
        if isinstance(answer, Refusal):
            raise refused_by_lane(answer)
        response.headers["Location"] = f"/v1/scans/{answer.sequence}"
        return Accepted(sequence=answer.sequence, lane=arrival.lane, scan=arrival.scan_id, again=answer.again)

    @router.get("/scans/{sequence}", summary="What became of a scan", responses={404: {"model": Problem}})
    def scan(sequence: Annotated[int, Path(ge=1, le=_MOST_NUMBER)]) -> Scan:
        """The scan, and its verdict once it has one."""
        entry = ledger.entry(sequence)
        if entry is None:
            raise Refused(404, f"no scan has the sequence number {sequence}", "see GET /v1/scans")
        return Scan.of(entry)

    @router.get(
        "/scans/{sequence}/file",
        summary="The file of a scan, as it came",
        response_class=Response,
        responses={
            200: {"content": {"application/octet-stream": {}}, "description": "The bytes of the picture."},
            404: {"model": Problem},
        },
    )
    def scan_file(
        sequence: Annotated[int, Path(ge=1, le=_MOST_NUMBER)],
        half: Annotated[Literal["low", "high"], Query(description="Of a pair of pictures.")] = "low",
    ) -> Response:
        """What was spooled; 404 once retention removed it, and for the `high` half of a scan that is no pair."""
        entry = ledger.entry(sequence)
        files = entry.files if entry is not None else ()
        if len(files) <= ("low", "high").index(half):
            raise Refused(404, f"scan {sequence} has no such file, or no longer", "see GET /v1/scans")
        try:
            content = files[("low", "high").index(half)].read_bytes()
        except OSError as error:
            raise Refused(404, f"the file of scan {sequence} is gone", "see the retention of the lane") from error
        headers = {"X-Halves": str(len(files))}
        return Response(content, headers=headers, media_type="application/octet-stream")

    @router.get("/scans", summary="Scans in order of acceptance")
    def scans(
        after: Number = 0,
        limit: Limit = 50,
        scan: Annotated[str | None, Query(max_length=200, description="Only the newest scan with this id.")] = None,
        lane: Annotated[str | None, Query(max_length=64, description="With `scan`: of this lane.")] = None,
    ) -> ScanPage:
        """A page of scans; follow `next_after`. With `scan`, the newest with that id, whatever `after` says."""
        if scan is not None:
            entry = ledger.entry_of(scan, lane)
            return ScanPage(scans=[] if entry is None else [Scan.of(entry)], next_after=None)
        entries = ledger.entries_since(after, limit)
        more = len(entries) == limit
        return ScanPage(scans=[Scan.of(e) for e in entries], next_after=entries[-1].sequence if more else None)

    @router.get("/verdicts", summary="Verdicts in the order they were given")
    def verdicts(after: Number = 0, limit: Limit = 50) -> VerdictPage:
        """A page of verdicts by their own gap-free numbers: what a program polls that cannot keep /v1/events open."""
        records = ledger.verdicts_since(after, limit)
        more = len(records) == limit
        return VerdictPage(verdicts=records, next_after=int(records[-1]["number"]) if more else None)

    return router


def _turn_away(context: ServiceContext, request: Request) -> None:
    """Refuse before the body is read where its lane is full; where only the body names the lane, the lane does."""
    lane = request.headers.get("x-lane") or request.query_params.get("lane")
    if lane is None and len(context.uploads) == 1 and "multipart" not in request.headers.get("content-type", ""):
        lane = next(iter(context.uploads))
    if lane in context.uploads and (refusal := context.turn_away(str(lane))) is not None:
        raise refused_by_lane(refusal)


async def _read(context: ServiceContext, request: Request, most_bytes: int, share: _Share) -> Arrival:
    """The arrival a request brought."""
    try:
        headers = read_headers(request.headers.raw)
        headers = {IN_QUERY[k]: v for k, v in request.query_params.items() if k in IN_QUERY} | headers
        upload = await read_upload(_in_time(request, share), headers, most_bytes)
        lane = upload.notes.get("lane") or headers.get("x-lane") or _only_lane(context)
        if lane not in context.uploads:
            raise Malformed(f"the lane {lane[:64]!r} takes no uploads")
        return upload.arrival(lane, headers)
    except TooLarge as error:
        raise Refused(413, f"the scan has more than {most_bytes / 1e6:g} MB", "crop or compress it") from error
    except Malformed as error:
        raise Refused(422, str(error), "see /openapi.json") from error
    except TimeoutError as error:
        raise Refused(408, "the body came too slowly", "send it again, over a better connection") from error
    except ClientDisconnect as error:
        raise Refused(400, "the body ended too early", "send it again") from error


def _only_lane(context: ServiceContext) -> str:
    if len(context.uploads) == 1:
        return next(iter(context.uploads))
    if not context.uploads:
        raise Refused(503, "no lane takes uploads", "give a lane the source `kind: http`")
    raise Malformed("several lanes take uploads: name one in the header X-Lane")


async def _in_time(request: Request, share: _Share) -> AsyncIterator[bytes]:
    """The pieces of the body; TimeoutError where they come too slowly."""
    loop = asyncio.get_running_loop()
    deadline, received = loop.time() + _BODY_GRACE_S, 0
    pieces = request.stream()
    while True:
        async with asyncio.timeout_at(deadline + received / _LEAST_BODY_BYTES_S):
            chunk = await anext(pieces, None)
        if chunk is None:
            return
        received += len(chunk)
        share.take(len(chunk))
        yield chunk


def _submit(context: ServiceContext, arrival: Arrival) -> Receipt | Refusal:
    """Hand the scan to its lane. A key that was used for other content is a client's mistake, told before."""
    known = context.ledger.entry_of(arrival.scan_id, arrival.lane)
    if known is not None and known.sha256 != hashlib.sha256(arrival.payload + arrival.high).hexdigest():
        raise Refused(422, f"the key {arrival.scan_id[:80]!r} was used for another scan", "use a new key for each scan")
    return context.uploads[arrival.lane].submit(arrival)


class _Room:
    """Memory for bodies on their way in, all together."""

    def __init__(self, most_bytes: int) -> None:
        self.left_bytes = most_bytes

    @contextmanager
    def share(self) -> Iterator[_Share]:
        """One body's part of it, given back at the end of the block."""
        share = _Share(self)
        try:
            yield share
        finally:
            self.left_bytes += share.taken_bytes


class _Share:
    def __init__(self, room: _Room) -> None:
        self._room = room
        self.taken_bytes = 0

    def take(self, count: int) -> None:
        """Raises Refused (429) where there is no room for so many bytes more."""
        if count > self._room.left_bytes:
            raise Refused(429, "too many large scans are being sent at a time", "send fewer", _BUSY_AGAIN_S)
        self._room.left_bytes -= count
        self.taken_bytes += count
