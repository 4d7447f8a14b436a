"""The description of the console's API is true; requests made from it never fail inside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.console_schema import attack
from parcelsight.screening.web.access import ACCESS
from tests.console_parts import Site, running_console

CASES = 300


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_console(tmp_path_factory.mktemp("console")) as site:
        yield site


def test_every_route_of_the_api_is_described(site: Site) -> None:
    described = site.sign_in("operator").get("/api/openapi.json").json()
    found = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    wanted = {(method, path) for method, path in ACCESS if path.startswith("/api/") and path != "/api/openapi.json"}
    assert wanted <= found
    assert all(one.get("summary") for item in described["paths"].values() for one in item.values())
    assert site.visitor().get("/api/openapi.json").status_code == 401


def test_requests_made_from_the_description_never_fail_inside(site: Site) -> None:
    pytest.importorskip("schemathesis", reason="pip install schemathesis")
    tally = attack(site, CASES, 7)
    assert tally.failures == []
    assert tally.cases >= CASES and len(tally.operations) >= 20
    assert len(tally.statuses) >= 4, "the requests reach more than one answer"
