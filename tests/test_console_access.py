"""Who may ask for what: every route with every role, and no page of another site in anybody's name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from parcelsight.detector.errors import UsageError
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.web.access import ACCESS, Open
from parcelsight.screening.web.app import create_routes
from parcelsight.screening.web.console import Console, Settings
from tests.console_parts import Browser, Site, database_in, running_console

VISITORS = ("nobody", *map(str, Role))
SAMPLE = {"token": "none", "parcel_id": "999999", "decision_id": "999999", "mark_id": "999999", "scan_id": "999999",
          "login": "nobody-here", "table": "hours", "exercise_id": "999999", "item_id": "999999", "course_id": "999999",
          "look": "0", "enrolment_id": "999999", "label": "pistol"}  # fmt: skip
MAY: dict[str, set[str]] = {
    "operator": {"screen", "opening", "records", "learn"},
    "supervisor": {"screen", "opening", "records", "supervise", "audit", "learn"},
    "trainer": {"learn", "train"},
    "admin": {"administer", "audit", "learn"},
}
AREA = {
    "/desk": "screen", "/api/desk": "screen", "/openings": "opening", "/api/openings": "opening", "/parcels": "records",
    "/api/parcels": "records", "/api/scans": "records", "/supervisor": "supervise", "/api/figures": "supervise",
    "/people": "administer", "/audit": "audit", "/tutor/courses": "train", "/tutor": "learn", "/api/tutor": "learn",
    "/api/belt": "records", "/api/tip": "supervise",
}  # fmt: skip
"""Beginning of a path → what it belongs to, written down a second time and by hand: the table may be wrong."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_console(tmp_path_factory.mktemp("console")) as site:
        yield site


@pytest.fixture(scope="module")
def browsers(site: Site) -> dict[str, Browser]:
    return {"nobody": site.visitor()} | {str(role): site.sign_in(str(role)) for role in Role}


def served(route: BaseRoute) -> list[tuple[str, str]]:
    if isinstance(route, Mount):
        return [("GET", route.path)]
    assert isinstance(route, APIRoute)
    return [(method, route.path) for method in route.methods or ()]


def test_every_route_has_a_rule_and_every_rule_a_route(tmp_path: Path) -> None:
    console = Console(database_in(tmp_path), PictureStore(tmp_path / "scans"), Settings())
    routes = [pair for route in all_routes(create_routes(console).routes) for pair in served(route)]
    assert sorted(routes) == sorted(ACCESS)
    console.database.close()


def all_routes(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from all_routes(inner.routes)
        else:
            yield route


def expected(visitor: str, path: str) -> bool:
    rule = next((rule for (_, known), rule in ACCESS.items() if known == path), None)
    assert rule is not None
    if rule.needs is Open.EVERYBODY:
        return True
    if visitor == "nobody":
        return False
    area = next((area for begin, area in AREA.items() if path == begin or path.startswith(f"{begin}/")), None)
    if area is None:
        return rule.needs is Open.SIGNED_IN
    if path == "/api/parcels/{parcel_id}/item-id":
        area = "screen"
    return area in MAY[visitor]


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize(
    ("method", "path"), [pair for pair in ACCESS if pair not in {("GET", "/static"), ("POST", "/logout")}]
)
def test_a_role_gets_what_is_its_own(browsers: dict[str, Browser], visitor: str, method: str, path: str) -> None:
    browser = browsers[visitor]
    at = path.format(**SAMPLE)
    if path == "/api/events":
        with browser.http.stream(method, at) as answer:
            status = answer.status_code
    else:
        status = browser.send(method, at, {} if method != "GET" else None).status_code
    if expected(visitor, path):
        assert status not in (401, 500, 503) and (
            status != 403 or path in ("/login", "/language", "/setup/{token}", "/invitation/{token}")
        )
    else:
        assert status == (401 if visitor == "nobody" else 403)


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 43}, {"X-CSRF-Token": "\xff"}, {"Content-Type": "text/plain"}],
    ids=["none", "empty", "wrong", "bytes", "text"],
)
def test_a_request_without_the_pages_token_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    browser = site.sign_in("operator")
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    for method, path in (
        ("POST", "/api/desk/next"),
        ("POST", "/logout"),
        ("PUT", "/api/me/preferences"),
        ("DELETE", "/api/desk/marks/1"),
    ):
        answer = browser.http.request(
            method, path, headers=list(raw.items()), content=b"{}" if method != "DELETE" else None
        )
        assert answer.status_code == 403, path
    assert browser.get("/api/me").status_code == 200


def test_the_token_of_another_session_does_not_fit(site: Site) -> None:
    one, other = site.sign_in("operator"), site.sign_in("operator")
    one.csrf = other.csrf
    assert one.post("/api/desk/next").status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "console.attacker.example"}, 421),
        ({"Host": "127.0.0.1.attacker.example"}, 421),
        ({"Host": "["}, 421),
        ({"Content-Length": "70000"}, 413),
    ],
    ids=["rebound name", "lookalike", "broken", "endless"],
)
def test_requests_that_are_refused_at_the_door(site: Site, headers: dict[str, str], status: int) -> None:
    browser = site.visitor()
    more = {"content": b"x" * 70_000} if status == 413 else {}
    assert browser.http.request("POST" if more else "GET", "/login", headers=headers, **more).status_code == status  # type: ignore[arg-type]


def test_a_body_that_does_not_tell_its_length_is_cut_off(site: Site) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 8000

    answer = site.sign_in("operator").http.put("/api/me/preferences", content=pieces())
    assert answer.status_code in (403, 413)


def test_every_answer_has_safe_headers(site: Site) -> None:
    browser = site.sign_in("operator")
    for path in ("/api/me", "/desk", "/static/viewer/viewer.js", "/nothing-here"):
        headers = browser.page(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_only_tls_is_open_to_others() -> None:
    assert Settings(public_url="https://console.customs.example").serves("console.customs.example")
    assert not Settings().serves("console.customs.example")
    with pytest.raises(UsageError, match="no https:// address"):
        Settings(public_url="http://console.customs.example")


def test_somebody_who_is_not_in_is_sent_to_the_login_and_back(site: Site) -> None:
    answer = site.visitor().page("/parcels?q=12")
    assert answer.status_code == 303 and answer.headers["location"] == "/login?next=/parcels%3Fq%3D12"
