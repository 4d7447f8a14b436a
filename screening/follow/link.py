"""The wire to a lane service: its events, and the files of its scans."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ...detector.errors import SourceError, UsageError

_TIMEOUT_S = 10.0
_SILENT_S = 25.0
"""The service sends a comment every 10 s; without any the line is dead."""
_MOST_LINE_BYTES = 1 << 20
_MOST_JSON_BYTES = 4 << 20
MOST_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a lane service; a comment has no kind."""

    kind: str
    number: int | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    """Where a lane service is.

    Args:
        url: ``http://HOST:PORT``, or https.
        prefix: put before the names of its lanes, with a slash; where several services are followed, they differ.
        token: its bearer token.
    """

    url: str
    prefix: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise UsageError(f"{self.url[:80]!r} is no address of a lane service", "give http://HOST:PORT")

    def lane(self, name: str) -> str:
        """A lane's name at this console."""
        return f"{self.prefix}/{name}" if self.prefix else name

    @property
    def name(self) -> str:
        """Under which the database remembers how far it was followed."""
        return self.prefix or "lanes"


class Link:
    """Requests to one service; for one thread at a time.

    Every method raises SourceError where the service cannot be reached or answers nonsense.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._parts: SplitResult = urlsplit(service.url)
        self._connection: http.client.HTTPConnection | None = None
        self._halves = 1
        """Of the file that came last."""

    def get_json(self, path: str) -> Any:
        """A JSON answer."""
        status, body = self._get(path, _MOST_JSON_BYTES)
        if status != 200:
            raise SourceError(f"{self._service.url}{path} answered {status}", _remedy(status))
        try:
            return json.loads(body)
        except ValueError as error:
            raise SourceError(f"{self._service.url}{path} is no JSON", "see that this is a lane service") from error

    def get_scan(self, sequence: int) -> tuple[bytes, ...]:
        """The file of a scan, or both halves of a pair; none where the service has it no longer."""
        path = f"/v1/scans/{sequence}/file"
        files = []
        for half, query in enumerate(("", "?half=high")):
            status, body = self._get(path + query, MOST_FILE_BYTES)
            if status in (404, 410):
                return ()
            if status != 200:
                raise SourceError(f"{self._service.url}{path} answered {status}", _remedy(status))
            files.append(body)
            if self._halves <= half + 1:
                break
        return tuple(files)

    def events(self, after: int) -> Iterator[Happening]:
        """Events behind this number of a verdict, until the service or the line ends."""
        return self.stream(f"/v1/events?after={after}")

    def stream(self, path: str) -> Iterator[Happening]:
        """Server-sent events of a route, until the service or the line ends."""
        connection = self._connect(_SILENT_S)
        with closing(connection):
            try:
                connection.request(
                    "GET",
                    self._parts.path + path,
                    headers=self._headers() | {"Accept": "text/event-stream"},
                )
                answer = connection.getresponse()
                if answer.status != 200:
                    raise SourceError(f"{self._service.url} answered {answer.status}", _remedy(answer.status))
                yield from _read_events(answer)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise SourceError(f"{self._service.url}: {_reason(error)}", "see that the lane service runs") from error

    def close(self) -> None:
        """Let go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _get(self, path: str, most: int) -> tuple[int, bytes]:
        for again in (True, False):
            if self._connection is None:
                self._connection, again = self._connect(_TIMEOUT_S), False
            try:
                self._connection.request("GET", self._parts.path + path, headers=self._headers())
                answer = self._connection.getresponse()
                body = answer.read(most + 1)
                self._halves = 2 if answer.headers.get("X-Halves") == "2" else 1
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if again:  # the service let go of a connection that was not used for a while
                    continue
                raise SourceError(f"{self._service.url}: {_reason(error)}", "see that the lane service runs") from error
            if len(body) > most:
                self.close()
                raise SourceError(
                    f"{self._service.url}{path} has more than {most} bytes", "see that this is a lane service"
                )
            return answer.status, body
        raise AssertionError

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(str(self._parts.hostname), self._parts.port, timeout=timeout_s)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._service.token}"} if self._service.token else {}


def _read_events(answer: http.client.HTTPResponse) -> Iterator[Happening]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the service uses it."""
    kind, number, data = "", None, ""
    while line := answer.readline(_MOST_LINE_BYTES):
        if not line.endswith(b"\n"):
            raise ValueError("a line of its events is too long or cut off")
        name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if line.strip() == b"":
            if data:
                told = json.loads(data)
                if isinstance(told, dict):
                    yield Happening(kind, number, told)
            else:
                yield Happening("", None, {})
            kind, number, data = "", None, ""
        elif name == "event":
            kind = value
        elif name == "id" and value.isdigit():
            number = int(value)
        elif name == "data":
            data += value


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "give the token of the lane service with --lanes-token-file"
    return "see the log of the lane service"
