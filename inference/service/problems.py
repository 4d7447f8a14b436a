"""Every refusal in one form: ``{"error": …, "remedy": …}``; nothing of a stack, and little of what a client sent."""

from __future__ import annotations

import logging
import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ...detector.errors import LedgerError
from ..lanes.causes import LossCause
from ..lanes.source import Refusal
from .schemas import Problem

_STORAGE_AGAIN_S = 5
_log = logging.getLogger(__name__)
_STATUS = {LossCause.OVERLOAD: 429, LossCause.TOO_LARGE: 413, LossCause.MALFORMED: 422}


class Refused(Exception):
    """A request is not served.

    Args:
        status: HTTP status.
        error: why.
        remedy: what to do.
        retry_after_s: when to come again.
    """

    def __init__(self, status: int, error: str, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.remedy, self.retry_after_s = status, error, remedy, retry_after_s


def refused_by_lane(refusal: Refusal) -> Refused:
    """A lane's refusal as an answer: 429 when it is too much now, 503 when screening is impossible now."""
    status = _STATUS.get(refusal.cause, 503)
    return Refused(status, refusal.reason, "", refusal.retry_after_s)


def install(app: FastAPI) -> None:
    """Answer every exception in the one form."""
    app.add_exception_handler(Refused, _refused)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(LedgerError, _ledger)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _internal)


def _answer(status: int, error: str, remedy: str = "", retry_after_s: float | None = None) -> JSONResponse:
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
    return JSONResponse(Problem(error=error, remedy=remedy).model_dump(), status, headers)


def _refused(request: Request, error: Refused) -> JSONResponse:
    return _answer(error.status, error.error, error.remedy, error.retry_after_s)


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _answer(422, f"{where}: {first['msg']}"[:300], "see /openapi.json")


def _http(request: Request, error: HTTPException) -> JSONResponse:
    return _answer(error.status_code, str(error.detail), "see /openapi.json")


def _ledger(request: Request, error: LedgerError) -> JSONResponse:
    return _answer(503, error.message, error.remedy, _STORAGE_AGAIN_S)


def _internal(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _answer(500, "internal error", "look into the log of the program")
