"""The HTTP service as its clients see it: over real sockets, with a real ledger behind it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from parcelsight.detector.errors import UsageError
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.events import EarlyResult, Pressed
from parcelsight.inference.lanes.source import Refusal
from parcelsight.inference.lanes.state import Cause, State
from parcelsight.inference.service.config import ServiceConfig, read_token
from parcelsight.inference.service.server import Service, listen, serve
from tests.service_parts import Desk, picture, running_service

TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Desk]]:
    with (
        running_service(tmp_path_factory.mktemp("ledger"), heartbeat_s=0.2) as (service, desk),
        httpx.Client(base_url=service.url, timeout=20) as client,
    ):
        yield client, desk


@pytest.fixture
def client(running: tuple[httpx.Client, Desk]) -> httpx.Client:
    return running[0]


@pytest.fixture
def desk(running: tuple[httpx.Client, Desk]) -> Iterator[Desk]:
    desk = running[1]
    yield desk
    desk.answer = None
    desk.hold.set()
    for cause in Cause:
        desk.board.well(None, cause)


def sent(client: httpx.Client, data: bytes, **headers: str) -> httpx.Response:
    return client.post("/v1/scans", content=data, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_scan_is_accepted_and_gets_its_verdict(client: httpx.Client, desk: Desk) -> None:
    answer = sent(client, picture(1), X_Barcode="RR47312482", X_Meta_Shift="early")
    assert answer.status_code == 202 and answer.json()["lane"] == "dock-1" and not answer.json()["again"]
    where = answer.headers["Location"]
    pending = client.get(where).json()
    assert (pending["state"], pending["verdict"], pending["barcode"]) == ("PENDING", None, "RR47312482")
    assert pending["meta"] == {"shift": "early"} and pending["bytes"] == len(picture(1))
    desk.judge(answer.json()["sequence"], "ALARM")
    done = client.get(where).json()
    assert done["state"] == "DONE" and done["verdict"]["verdict"] == "ALARM"
    assert done["verdict"]["barcode"] == "RR47312482"


def test_a_retry_with_the_same_key_gets_the_same_sequence(client: httpx.Client) -> None:
    first, second = (sent(client, picture(2), Idempotency_Key="lost-answer") for _ in range(2))
    assert first.json() | {"again": True} == second.json() and second.status_code == 202
    other = sent(client, picture(3), Idempotency_Key="lost-answer")
    assert other.status_code == 422 and "used for another scan" in other.json()["error"]


def test_the_same_retry_at_once_is_one_scan(client: httpx.Client) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: sent(client, picture(4), Idempotency_Key="race"), range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["sequence"] for answer in answers}) == 1


def test_key_lane_and_barcode_may_stand_in_the_address(client: httpx.Client, desk: Desk) -> None:
    answer = client.post("/v1/scans?lane=dock-1&scan_id=in%20the%20address&barcode=B%C3%A41", content=picture(5))
    entry = desk.ledger.entry(answer.json()["sequence"])
    assert entry is not None and (entry.scan_id, entry.barcode) == ("in the address", "Bä1")


def test_without_a_key_every_upload_is_a_scan(client: httpx.Client) -> None:
    first, second = (sent(client, picture(5)).json() for _ in range(2))
    assert first["sequence"] != second["sequence"] and first["scan"] != second["scan"]


def test_a_pair_comes_as_multipart(client: httpx.Client, desk: Desk) -> None:
    answer = client.post(
        "/v1/scans",
        files={"low": ("a_low.png", b"low bytes", "image/png"), "high": ("a_high.png", b"high bytes", "image/png")},
        data={"id": "pair-1", "barcode": "BC", "meta": json.dumps({"höhe": "12 cm"})},
    )
    assert answer.status_code == 202, answer.text
    entry = desk.ledger.entry(answer.json()["sequence"])
    assert entry is not None and [path.read_bytes() for path in entry.files] == [b"low bytes", b"high bytes"]
    assert (entry.scan_id, entry.barcode, dict(entry.meta), entry.media) == (
        "pair-1",
        "BC",
        {"höhe": "12 cm"},
        "image/png",
    )


BAD_UPLOADS: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 422, "not empty"),
    "unknown lane": (b"x", {"X-Lane": "dock-9"}, 422, "takes no uploads"),
    "barcode too long": (b"x", {"X-Barcode": "7" * 65}, 422, "barcode"),
    "control character in a key": (b"x", {"Idempotency-Key": "a\tb"}, 422, "printable"),
    "key too long": (b"x", {"Idempotency-Key": "k" * 201}, 422, "scan id"),
    "no utf-8": (b"x", {"X-Barcode": "\xff"}, 422, "UTF-8"),
    "too many notes": (b"x", {f"X-Meta-{i}": "1" for i in range(33)}, 422, "notes"),
    "compressed": (b"x", {"Content-Encoding": "gzip"}, 422, "compressed"),
    "multipart without boundary": (b"x", {"Content-Type": "multipart/form-data"}, 422, "boundary"),
    "multipart cut off": (
        b'--b\r\nContent-Disposition: form-data; name="scan"\r\n\r\nabc',
        {"Content-Type": "multipart/form-data; boundary=b"}, 422, "too early",
    ),
    "multipart with a stranger": (
        b'--b\r\nContent-Disposition: form-data; name="../x"\r\n\r\nabc\r\n--b--\r\n',
        {"Content-Type": "multipart/form-data; boundary=b"}, 422, "not known",
    ),
    "half of a pair": (
        b'--b\r\nContent-Disposition: form-data; name="low"\r\n\r\nabc\r\n--b--\r\n',
        {"Content-Type": "multipart/form-data; boundary=b"}, 422, "`low` and `high`",
    ),
    "meta no object": (
        b'--b\r\nContent-Disposition: form-data; name="scan"\r\n\r\nabc\r\n'
        b'--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n[1]\r\n--b--\r\n',
        {"Content-Type": "multipart/form-data; boundary=b"}, 422, "JSON object",
    ),
    "broken multipart": (b"rubbish", {"Content-Type": "multipart/form-data; boundary=b"}, 422, "multipart"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_UPLOADS)
def test_a_bad_upload_is_refused_with_its_reason(client: httpx.Client, desk: Desk, case: str) -> None:
    body, headers, status, words = BAD_UPLOADS[case]
    before = desk.ledger.counts().accepted
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = client.post("/v1/scans", content=body, headers=raw)
    assert answer.status_code == status and words in answer.json()["error"], answer.text
    assert desk.ledger.counts().accepted == before


REFUSALS: dict[str, tuple[Refusal, int, str | None]] = {
    "overload": (Refusal(LossCause.OVERLOAD, "the lane is full", 0.4), 429, "1"),
    "disk full": (Refusal(LossCause.DISK_FULL, "no room", 2.2), 503, "3"),
    "stopping": (Refusal(LossCause.STOPPING, "stops", 1.0), 503, "1"),
    "for good": (Refusal(LossCause.MALFORMED, "no scan", None), 422, None),
    "too large": (Refusal(LossCause.TOO_LARGE, "too large", None), 413, None),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_lane_that_refuses_says_when_to_come_again(client: httpx.Client, desk: Desk, case: str) -> None:
    desk.answer, status, again = REFUSALS[case]
    answer = sent(client, picture(6))
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, again)
    assert answer.json()["error"] == desk.answer.reason


def test_a_full_lane_refuses_before_the_body_is_read(tmp_path: Path) -> None:
    refusal = Refusal(LossCause.OVERLOAD, "the lane is full", 0.4)
    with running_service(tmp_path, turn_away=lambda lane: refusal) as (service, desk):
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as line:
            line.sendall(b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 429")  # nothing of the body was sent
        assert desk.ledger.counts().accepted == 0


def test_more_uploads_than_places_are_turned_away(tmp_path: Path) -> None:
    with (
        running_service(tmp_path, config=ServiceConfig(max_uploads=2)) as (service, desk),
        ThreadPoolExecutor(2) as pool,
    ):
        desk.hold.clear()
        with httpx.Client(base_url=service.url, timeout=20) as client:
            waiting = [pool.submit(sent, client, picture(i)) for i in range(2)]
            answer = until(lambda: _busy(client))
            assert answer.headers["Retry-After"] == "1" and "uploads" in answer.json()["error"]
            assert client.get("/v2/health/live").json() == {"live": True}  # the service itself is not held up
            desk.hold.set()
            assert {future.result().status_code for future in waiting} == {202}


def _busy(client: httpx.Client) -> httpx.Response | None:
    answer = sent(client, b"")
    return answer if answer.status_code == 429 else None


def until(ask: Any, timeout_s: float = 15.0) -> Any:
    """What ``ask`` gives as soon as it gives anything."""
    end = time.monotonic() + timeout_s
    while not (given := ask()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return given


def test_pages_hold_every_scan_and_verdict_once(client: httpx.Client, desk: Desk) -> None:
    for i in range(7):
        desk.judge(sent(client, picture(i), Idempotency_Key=f"page-{i}").json()["sequence"])
    for path, key, number in (("/v1/scans", "scans", "sequence"), ("/v1/verdicts", "verdicts", "number")):
        seen, after = [], 0
        while after is not None:
            page = client.get(path, params={"after": after, "limit": 3}).json()
            seen += [entry[number] for entry in page[key]]
            after = page["next_after"]
        assert seen == list(range(1, len(seen) + 1)) and len(seen) >= 7
    found = client.get("/v1/scans", params={"scan": "page-3"}).json()
    assert [scan["scan"] for scan in found["scans"]] == ["page-3"]


BAD_QUERIES = {
    "path out of the folder": ("/v1/scans/..%2f..%2fetc%2fpasswd", 404),
    "not a number": ("/v1/scans/abc", 422),
    "zero": ("/v1/scans/0", 422),
    "larger than the database counts": (f"/v1/scans/{2**63}", 422),
    "unknown scan": ("/v1/scans/999999", 404),
    "limit too large": ("/v1/scans?limit=100000", 422),
    "negative": ("/v1/verdicts?after=-1", 422),
    "unknown path": ("/v1/nothing", 404),
    "unknown model": ("/v2/models/other", 404),
}


@pytest.mark.parametrize("case", BAD_QUERIES)
def test_a_bad_question_is_answered_in_one_form(client: httpx.Client, case: str) -> None:
    path, status = BAD_QUERIES[case]
    answer = client.get(path)
    assert answer.status_code == status and set(answer.json()) == {"error", "remedy"} and answer.json()["error"]


def test_ready_is_false_with_its_cause_while_not_screening(client: httpx.Client, desk: Desk) -> None:
    assert client.get("/v2/health/ready").json() == {"ready": True, "lanes": []}
    desk.board.trouble("dock-1", Cause.SHUFFLED, State.DEGRADED, "lines out of order")
    assert client.get("/v2/health/ready").status_code == 200
    desk.board.trouble("dock-1", Cause.DISK_FULL, State.NOT_SCREENING, "no room in the spool")
    answer = client.get("/v2/health/ready")
    assert answer.status_code == 503 and answer.json()["ready"] is False
    (lane,) = answer.json()["lanes"]
    assert (lane["lane"], lane["cause"], lane["detail"]) == ("dock-1", "disk-full", "no room in the spool")
    assert client.get("/v2/health/ready", params={"lane": "dock-9"}).status_code == 404
    assert client.get("/v2/models/test/ready").status_code == 503
    assert client.get("/v2/health/live").status_code == 200


def test_the_model_is_described(client: httpx.Client) -> None:
    model = client.get("/v2/models/test").json()
    assert model["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [1, 3, 64, 64]}]
    assert [c["name"] for c in model["parameters"]["classes"]] == ["pistol", "cartridge"]


def test_metrics_count_what_happened(client: httpx.Client, desk: Desk) -> None:
    sequence = sent(client, picture(8)).json()["sequence"]
    desk.judge(sequence, "UNSCREENED", LossCause.DEADLINE)
    desk.ledger.count("dock-1", "REFUSED", LossCause.OVERLOAD, 4)
    desk.board.trouble("dock-1", Cause.WORKERS, State.NOT_SCREENING, "none")
    page = until(lambda: _page_with(client, 'parcelsight_verdict_latency_seconds_count{lane="dock-1"}'))
    accepted = desk.ledger.counts().accepted
    for line in (
        f'parcelsight_scans_accepted_total{{lane="dock-1"}} {float(accepted)}',
        'parcelsight_losses_total{cause="deadline",lane="dock-1",outcome="UNSCREENED"} 1.0',
        'parcelsight_losses_total{cause="overload",lane="dock-1",outcome="REFUSED"} 4.0',
        'parcelsight_lane_state{cause="workers",lane="dock-1"} 2.0',
        'parcelsight_lane_screening{lane="dock-1"} 0.0',
        'parcelsight_queue_depth{lane="dock-1"} 3.0',
        'parcelsight_lines_total{lane="dock-1"} 500.0',
    ):
        assert line in page.splitlines(), page


def _page_with(client: httpx.Client, text: str) -> str | None:
    page = client.get("/metrics").text
    return page if text in page else None


class Listener:
    """Reads server-sent events until told enough."""

    def __init__(self, client: httpx.Client, **headers: str) -> None:
        self._stream = client.stream("GET", "/v1/events", headers={k.replace("_", "-"): v for k, v in headers.items()})
        self.response = self._stream.__enter__()
        self._lines = self.response.iter_lines()

    def __iter__(self) -> Iterator[dict[str, str]]:
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name or "comment"] = value
            elif fields:
                yield fields
                fields = {}

    def of(self, kind: str, count: int) -> list[dict[str, Any]]:
        """The next ``count`` events of a kind, with their ids."""
        found: list[dict[str, Any]] = []
        for event in self:
            if event.get("event") == kind:
                found.append({"id": event.get("id"), **json.loads(event["data"])})
                if len(found) == count:
                    break
        return found

    def close(self) -> None:
        self._stream.__exit__(None, None, None)


def test_events_tell_verdicts_states_and_early_results(client: httpx.Client, desk: Desk) -> None:
    listener = Listener(client)
    try:
        assert listener.response.headers["content-type"].startswith("text/event-stream")
        (state,) = listener.of("lane", 1)
        assert state["state"] == "SCREENING" and state["id"] is None
        number = desk.judge(sent(client, picture(9)).json()["sequence"], "ALARM")
        (verdict,) = listener.of("verdict", 1)
        assert verdict["id"] == str(number) and verdict["verdict"] == "ALARM"
        desk.board.trouble("dock-1", Cause.SOURCE_SILENT, State.NOT_SCREENING, "nothing\nfor 2 s")
        (state,) = listener.of("lane", 1)
        assert (state["cause"], state["detail"]) == ("source-silent", "nothing\nfor 2 s")
        desk.hub.publish(EarlyResult("dock-1", "belt-7", {"detections": [1]}))
        assert listener.of("early", 1) == [{"id": None, "lane": "dock-1", "scan": "belt-7", "detections": [1]}]
        desk.hub.publish(Pressed("dock-1", True))
        assert listener.of("belt", 1) == [{"id": None, "lane": "dock-1", "stop": True}]
        assert any("comment" in event for event in listener)  # a heartbeat
    finally:
        listener.close()


def test_a_client_that_comes_back_gets_what_it_missed_once(client: httpx.Client, desk: Desk) -> None:
    numbers = [desk.judge(sent(client, picture(i)).json()["sequence"]) for i in range(4)]
    listener = Listener(client, Last_Event_ID=str(numbers[1]))
    try:
        assert [int(event["id"]) for event in listener.of("verdict", 2)] == numbers[2:]
        later = desk.judge(sent(client, picture(9)).json()["sequence"])
        assert [int(event["id"]) for event in listener.of("verdict", 1)] == [later]
    finally:
        listener.close()


def test_a_number_of_another_ledger_begins_now(client: httpx.Client, desk: Desk) -> None:
    listener = Listener(client, Last_Event_ID="123456789")
    try:
        listener.of("lane", 1)
        number = desk.judge(sent(client, picture(9)).json()["sequence"])
        assert [int(event["id"]) for event in listener.of("verdict", 1)] == [number]
    finally:
        listener.close()


def test_listeners_are_bounded_and_places_come_free(tmp_path: Path) -> None:
    with (
        running_service(tmp_path, config=ServiceConfig(max_listeners=2), heartbeat_s=0.1) as (service, _),
        httpx.Client(base_url=service.url, timeout=20) as client,
    ):
        listeners = [Listener(client) for _ in range(2)]
        for listener in listeners:
            listener.of("lane", 1)
        assert client.get("/v1/events").status_code == 503
        listeners[0].close()
        until(lambda: _takes_a_listener(client))
        listeners[1].close()


def _takes_a_listener(client: httpx.Client) -> bool:
    with client.stream("GET", "/v1/events") as response:
        return response.status_code == 200


TOKEN_CASES: dict[str, tuple[dict[str, str], int]] = {
    "none": ({}, 401),
    "wrong": ({"Authorization": "Bearer wrong"}, 401),
    "other scheme": ({"Authorization": f"Basic {TOKEN}"}, 401),
    "right": ({"Authorization": f"Bearer {TOKEN}"}, 200),
}


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    with running_service(tmp_path, token=TOKEN) as (service, desk):
        for case, (headers, status) in TOKEN_CASES.items():
            assert httpx.get(f"{service.url}/v1/scans", headers=headers).status_code == status, case
        desk.board.trouble("dock-1", Cause.DISK_FULL, State.NOT_SCREENING, "secret detail")
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert httpx.get(service.url + path).status_code in (200, 503)
        assert httpx.get(f"{service.url}/v2/health/ready").json() == {"ready": False, "lanes": []}  # no detail
        assert httpx.get(f"{service.url}/openapi.json").status_code == 401


STRANGERS = {
    "a page of another origin": {"Origin": "https://evil.example"},
    "no origin worth the name": {"Origin": "null"},
    "a browser's cross-site request": {"Sec-Fetch-Site": "cross-site"},
    "a name that was made to point here": {"Host": "evil.example"},
}


@pytest.mark.parametrize("case", STRANGERS)
def test_pages_of_strangers_do_not_reach_a_service_without_token(client: httpx.Client, case: str) -> None:
    answer = client.post("/v1/scans", content=picture(), headers=STRANGERS[case])
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_openapi_tells_every_route(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/{name}", "/v2/models/{name}/ready",
        "/v1/scans", "/v1/scans/{sequence}", "/v1/scans/{sequence}/file", "/v1/verdicts", "/v1/events", "/metrics",
        "/v1/lanes/{lane}/belt",
    }  # fmt: skip
    for path, verbs in document["paths"].items():
        for verb, route in verbs.items():
            assert route["summary"] and route["description"], f"{verb} {path}"
    assert "example" in json.dumps(document)


def test_an_open_address_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="token_file is not set"):
        read_token(ServiceConfig(host="0.0.0.0"))
    with pytest.raises(UsageError, match="asks for a token"):
        serve(_nothing, ServiceConfig(host="0.0.0.0"), None)


TOKEN_FILES = {
    "too short": ("short", 0o600, "no secret of 16"),
    "open to everybody": (TOKEN, 0o644, "open to everybody"),
    "with a space": (f"{TOKEN} {TOKEN}", 0o600, "no secret"),
    "not text": ("\xe4" * 20, 0o600, "cannot be read"),
}


@pytest.mark.parametrize("case", TOKEN_FILES)
def test_a_bad_token_file_is_refused(tmp_path: Path, case: str) -> None:
    text, mode, words = TOKEN_FILES[case]
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(UsageError, match=words) as caught:
        read_token(ServiceConfig(token_file=path))
    assert str(path) in caught.value.message and caught.value.remedy


def test_a_good_token_is_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    assert read_token(ServiceConfig(host="0.0.0.0", token_file=path)) == TOKEN
    assert read_token(ServiceConfig()) is None


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"service.port {port} on 127.0.0.1"):
            Service(_nothing, "127.0.0.1", port)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("never asked")
