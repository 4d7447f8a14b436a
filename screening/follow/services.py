"""Which lane services the console follows, as the command line names them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...detector.errors import UsageError
from .link import Service

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}")


def parse_services(texts: Sequence[str], token: str = "") -> list[Service]:
    """Services from ``URL`` or ``NAME=URL``; with several, each needs a name of its own.

    Raises:
        UsageError: for what is no address, or names that are missing or repeat.
    """
    services = []
    for text in texts:
        prefix, is_named, url = text.partition("=")
        if not is_named or "://" in prefix:
            prefix, url = "", text
        elif not _PREFIX.fullmatch(prefix):
            raise UsageError(
                f"{prefix[:40]!r} cannot name a lane service", "use up to 20 of a-z, 0-9, dash, underscore"
            )
        services.append(Service(url, prefix, token))
    names = [service.prefix for service in services]
    if len(set(names)) != len(names):
        raise UsageError("two lane services have no name, or the same one", "give each one: --lanes sarajevo=http://…")
    return services
