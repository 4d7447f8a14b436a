"""Time limits that a change of the server's clock cannot break."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """A monotonic clock with a name, for its seconds mean nothing to another process."""

    name: str = field(default_factory=lambda: secrets.token_hex(8))
    seconds: Callable[[], float] = time.monotonic

    def since(self, name: str, then_s: float) -> float | None:
        """Seconds passed; None where ``then_s`` is of another clock, as after a restart of the server."""
        return max(0.0, self.seconds() - then_s) if name == self.name else None
