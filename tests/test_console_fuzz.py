"""Random requests at every route of the API, with the right to ask: refusals in words, never a failure inside.

``PARCELSIGHT_CONSOLE_CASES=10000`` runs the long form.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.web.access import ACCESS
from tests.console_parts import Browser, Site, running_console

CASES = int(os.environ.get("PARCELSIGHT_CONSOLE_CASES", "150"))
NOT_TRIED = {("GET", "/api/events"), ("GET", "/static"), ("POST", "/logout"), ("POST", "/me/password"),
             ("POST", "/people/{login}/disable"), ("POST", "/people/{login}/role")}  # fmt: skip
ROUTES = sorted(pair for pair in ACCESS if pair not in NOT_TRIED)

text = st.text(max_size=80)
number = st.integers(-(2**65), 2**65) | st.integers(0, 5)
leaf = st.none() | st.booleans() | number | st.floats() | text
value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=8
)
thing = st.fixed_dictionaries({"what": st.sampled_from(["part"]) | text}, optional={"amount": number})
known: dict[str, st.SearchStrategy[Any]] = {
    "request_id": st.from_regex(r"[a-z0-9-]{8,20}", fullmatch=True),
    "parcel_id": st.integers(1, 4),
    "scan_id": st.integers(1, 4),
    "kind": st.sampled_from(["release", "second look", "hold", "open"]),
    "reason": st.sampled_from(["", "other", "harmless_object"]) | text,
    "note": text,
    "took_ms": number,
    "detection_id": st.sampled_from(["d1"]) | text,
    "label": st.sampled_from(["pistol", "slide"]) | text,
    "xyxy_px": st.lists(st.floats(), min_size=4, max_size=4) | value,
    "found": st.lists(thing, max_size=2),
    "scanned": text,
    "lane": st.none() | text,
}
body = st.fixed_dictionaries({}, optional={name: good | value for name, good in known.items()}) | value
asked_for = st.sampled_from(["hours", "lane", "person", "before", "q", "state", "verdict", "after"])
query = st.dictionaries(asked_for, text | number.map(str), max_size=4)
place = text | number.map(str) | st.just("1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_console(tmp_path_factory.mktemp("console")) as site:
        for verdict in Verdict:
            site.parcel(verdict)
        yield site


@pytest.fixture(scope="module")
def browsers(site: Site) -> list[Browser]:
    return [site.sign_in("supervisor"), site.sign_in("admin")]


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ROUTES), st.sampled_from([0, 1]), place, query, body)
def test_no_request_fails_inside(
    browsers: list[Browser], route: tuple[str, str], who: int, place: str, asked: dict[str, str], sent: Any
) -> None:
    browser, (method, path) = browsers[who], route
    filled = re.sub(r"{\w+}", quote(place, safe="", errors="replace") or "1", path)
    headers = {"X-CSRF-Token": browser.csrf}
    if path.startswith("/api/"):
        headers["Content-Type"] = "application/json"
        answer = browser.http.request(method, filled, params=asked, headers=headers, content=json.dumps(sent))
    else:
        fields = sent if isinstance(sent, dict) and method != "GET" else {}
        data = {name: str(one).encode("utf-8", "replace").decode() for name, one in fields.items()}
        answer = browser.http.request(method, filled, params=asked, headers=headers, data=data or None)
    assert answer.status_code < 500, (method, filled, asked, sent, answer.text[:300])
