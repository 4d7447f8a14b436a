"""The ``service:`` section of LANES.yaml."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ...detector.errors import UsageError

PORT = 8720
_LEAST_TOKEN, _MOST_TOKEN = 16, 512


class ServiceConfig(BaseModel):
    """Where the service listens, and what it lets in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Loopback: only programs of this machine reach it. Any other address asks for ``token_file``."""
    port: int = Field(default=PORT, ge=0, le=65_535)
    """0 takes any free port."""
    token_file: Path | None = None
    """One line: the secret that clients send as ``Authorization: Bearer …``."""
    max_scan_mb: float = Field(default=64, gt=0, le=64)
    """Of one upload."""
    max_uploads: int = Field(default=8, ge=1, le=256)
    """At a time; more are answered 429."""
    max_listeners: int = Field(default=32, ge=1, le=1000)
    """Of /v1/events at a time."""
    max_connections: int = Field(default=128, ge=8, le=10_000)


def is_loopback(host: str) -> bool:
    """True for an address only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_token(config: ServiceConfig) -> str | None:
    """The bearer token; None where none is asked for.

    Raises:
        UsageError: if the address is open to others and there is no token, or the file is no safe secret.
    """
    path = config.token_file
    if path is None:
        if is_loopback(config.host):
            return None
        raise UsageError(
            f"service.host {config.host} can be reached from other machines, and service.token_file is not set",
            "name a file with a secret of 16 characters or more, or listen on 127.0.0.1",
        )
    try:
        mode = path.stat().st_mode
        with path.open("r", encoding="ascii") as file:
            token = file.read(_MOST_TOKEN + 2).strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"service.token_file {path} cannot be read ({error})", "name a readable text file") from error
    if mode & 0o007:
        raise UsageError(f"service.token_file {path} is open to everybody", f"chmod 600 {path}")
    if not _LEAST_TOKEN <= len(token) <= _MOST_TOKEN or not token.isprintable() or " " in token:
        raise UsageError(
            f"service.token_file {path} holds no secret of {_LEAST_TOKEN} to {_MOST_TOKEN} characters",
            f"write one: openssl rand -hex 32 > {path}",
        )
    return token
