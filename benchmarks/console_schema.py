"""Requests made from the console's own description of its API: none may fail inside.

python -m benchmarks.console_schema [--cases 10000] [--seed 1] [--json FILE]

Schemathesis reads the OpenAPI description and makes valid and invalid requests of every operation; they are sent over
loopback with a supervisor's and an administrator's session. An answer of 500 or more is a failure.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from parcelsight.inference.verdicts import Verdict
from tests.console_parts import Browser, Site, running_console

ROLES = ("supervisor", "admin")
NOT_SENT = frozenset({("GET", "/api/events"), ("GET", "/api/belt")})
"""They answer without end."""
_SENT = ("method", "url", "params", "json", "data")
_TIMEOUT_S = 30


@dataclass
class Tally:
    """What came back."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)

    def add(self, name: str, status: int, text: str) -> None:
        """Count one answer."""
        self.cases += 1
        self.statuses[status] += 1
        self.operations.add(name)
        if status >= 500:
            self.failures.append(f"{name}: {status} {text[:300]}")


def operations(site: Site) -> list[Any]:
    """What the description offers."""
    described = site.sign_in("admin").get("/api/openapi.json").json()
    results: list[Any] = list(schemathesis.openapi.from_dict(described).get_all_operations())
    found = [one.ok() for one in results]
    return [one for one in found if (one.method.upper(), one.path) not in NOT_SENT]


def attack(site: Site, cases: int, first_seed: int) -> Tally:
    """Send so many requests or a few more, about the same number of each operation.

    Operations without parameters know one request alone; what they leave is made up for in further rounds.

    Args:
        site: a running console; parcels of every verdict are added.
        cases: altogether.
        first_seed: of the requests.
    """
    for verdict in Verdict:
        site.parcel(verdict)
    tally, offered = Tally(), operations(site)
    browsers = [site.sign_in(role) for role in ROLES]
    pairs = [(operation, browser) for operation in offered for browser in browsers]
    number = first_seed
    while (left := cases - tally.cases) > 0:
        for operation, browser in pairs:
            _exhaust(operation, browser, -(-left // len(pairs)), number, tally)
            number += 1
    return tally


def _exhaust(operation: Any, browser: Browser, each: int, number: int, tally: Tally) -> None:
    @seed(number)
    @settings(
        max_examples=each,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        wanted = case.as_transport_kwargs(base_url=str(browser.http.base_url).rstrip("/"))
        headers = {str(name): str(text) for name, text in (wanted.pop("headers", None) or {}).items()}
        headers |= {"X-CSRF-Token": browser.csrf}
        wanted = {name: one for name, one in wanted.items() if name in _SENT and one is not None}
        if isinstance(wanted.get("data"), bytes | str):
            wanted["content"] = wanted.pop("data")
        try:
            answer = browser.http.request(**wanted, headers=headers, timeout=_TIMEOUT_S)
        except (UnicodeError, ValueError):
            return  # what HTTP cannot carry was never sent
        tally.add(f"{operation.method.upper()} {operation.path}", answer.status_code, answer.text)

    send()


def main(arguments: Sequence[str] | None = None) -> None:
    """Attack and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name, running_console(Path(name)) as site:
        tally = attack(site, chosen.cases, chosen.seed)
    statuses = {str(status): count for status, count in sorted(tally.statuses.items())}
    report = {
        "cases": tally.cases,
        "operations": len(tally.operations),
        "statuses": statuses,
        "failures": tally.failures,
    }
    print(json.dumps(report))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
