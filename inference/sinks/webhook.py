"""Verdicts to a web service: one signed POST a verdict, in order, until the service says it has it.

The signature is ``t=<unix seconds>,v1=<hex>`` over ``b"<t>." + body`` with HMAC-SHA256: a receiver refuses old times
(replays) and compares in constant time. ``Idempotency-Key`` is the verdict's number.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field

from ...detector.errors import SinkError, UsageError
from ..lanes.state import LaneStatus
from .sink import Record, SinkConfig

SIGNATURE = "X-ParcelSight-Signature"
_LEAST_SECRET = 16
_MOST_ANSWER_BYTES = 65_536
"""Of an answer are read and thrown away, so that the connection can be used again."""


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    try:
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("is no http:// or https:// address without user and password")
    return url


class WebhookConfig(SinkConfig):
    """``{kind: webhook, name: …, url: https://…, secret_file: …}``."""

    kind: Literal["webhook"]
    url: Annotated[str, AfterValidator(_web_address)]
    secret_file: Path
    """One line of 16 characters or more, shared with the receiver."""
    timeout_s: float = Field(default=10, gt=0, le=300)

    def open(self) -> WebhookSink:
        """Read the secret.

        Raises:
            UsageError: if it cannot be read or is too short.
        """
        try:
            with self.secret_file.open("rb") as file:
                secret = file.read(4096).strip()
        except OSError as error:
            raise UsageError(
                f"sink {self.name}: {self.secret_file} cannot be read ({error.strerror})", "name a readable file"
            ) from error
        if len(secret) < _LEAST_SECRET:
            raise UsageError(
                f"sink {self.name}: {self.secret_file} holds fewer than {_LEAST_SECRET} characters",
                f"write a secret: openssl rand -hex 32 > {self.secret_file}",
            )
        return WebhookSink(self.url, secret, self.timeout_s)


class WebhookSink:
    """One connection, kept open."""

    def __init__(self, url: str, secret: bytes, timeout_s: float = 10.0) -> None:
        self._url: SplitResult = urlsplit(url)
        self._secret, self._timeout_s = secret, timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def resume(self, cursor: int) -> int:
        """Where the cursor stands."""
        return cursor

    def deliver(self, record: Record) -> None:
        """POST it; any answer from 200 to 299 means that the receiver has it."""
        body = json.dumps(dict(record), allow_nan=False).encode("ascii")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(record["number"]),
            SIGNATURE: sign(self._secret, body, int(time.time())),
            "User-Agent": "ParcelSight",
        }
        try:
            status = self._post(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            what = f"{type(error).__name__} {error}".strip()
            raise SinkError(
                f"{self._shown} cannot be reached ({what})", "start the receiver, or check the address"
            ) from error
        if not 200 <= status <= 299:
            self.close()
            raise SinkError(f"{self._shown} answered {status}", _REMEDIES.get(status // 100, "ask the receiver why"))

    def flush(self) -> None:
        """Every delivery was answered."""

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """Only verdicts are posted."""

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _shown(self) -> str:
        """The address without its query, which may hold a key."""
        return f"{self._url.scheme}://{self._url.netloc}{self._url.path}"

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Status of the answer. Redirects are not followed: a verdict goes where the configuration says, or nowhere."""
        fresh = self._connection is None
        connection = self._connection = self._connection or self._connect()
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        try:
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if fresh:
                raise
            return self._post(body, headers)  # a kept connection that the receiver has closed meanwhile
        response.read(_MOST_ANSWER_BYTES)
        if response.read(1):
            self.close()
        return response.status

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        assert self._url.hostname is not None
        return kind(self._url.hostname, self._url.port, timeout=self._timeout_s)


_REMEDIES = {
    3: "name the address it redirects to; redirects are not followed",
    4: "look into the receiver's log; it refuses the verdict",
    5: "look into the receiver's log; it failed",
}


def sign(secret: bytes, body: bytes, unix_s: int) -> str:
    """The signature of a body at a time."""
    digest = hmac.new(secret, b"%d." % unix_s + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"


def is_signed(secret: bytes, body: bytes, signature: str, now_unix_s: float, tolerance_s: float = 300.0) -> bool:
    """What a receiver does: True for a signature that fits and is no older than ``tolerance_s``."""
    fields = dict(part.partition("=")[::2] for part in signature.split(","))
    told = fields.get("t", "")
    if not told.isascii() or not told.isdigit() or len(told) > 12 or abs(now_unix_s - int(told)) > tolerance_s:
        return False
    return hmac.compare_digest(sign(secret, body, int(told)).encode(), signature.encode())
