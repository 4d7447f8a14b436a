"""Stopping while clients listen: their streams end whole, nothing is logged, and the program is gone in seconds."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from parcelsight.datasets.belt_samples import lay_belt, read_samples
from parcelsight.inference.service.ending import Ending
from parcelsight.inference.service.server import Service

LANE = "hall-1"
STREAMS = ("/v1/events", f"/v1/lanes/{LANE}/belt", f"/v1/lanes/{LANE}/belt?view=side&width=64")
WELL_OVER_S = 60.0
"""Far more than it takes, so that a busy machine breaks nothing; a stream that goes on takes longer."""


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``parcelsight run`` in a process of its own, on a recorded belt that begins again; and its address."""
    lay_belt(folder / "belt", read_samples()[:1], speed_m_s=0.25, gap_mm=300.0)
    source = {"kind": "belt", "folder": str(folder / "belt"), "repeat": True}
    config = {
        "ledger": str(folder / "ledger"), "workers": {"count": 1}, "service": {"port": 0},
        "lanes": [{"name": LANE, "source": source}],
    }  # fmt: skip
    lanes = folder / "lanes.yaml"
    lanes.write_text(yaml.safe_dump(config))
    program = [sys.executable, "-m", "parcelsight.commands.main", "run", str(lanes)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, next(line for line in process.stderr if line.startswith("listening at ")).split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_program_that_is_told_to_stop_ends_its_streams_and_says_nothing(tmp_path: Path, sign: signal.Signals) -> None:
    with running(tmp_path) as (process, url), ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=WELL_OVER_S))
        answers = [stack.enter_context(client.stream("GET", url + path)) for path in STREAMS]
        pieces = [answer.iter_bytes() for answer in answers]
        assert all(answer.status_code == 200 and next(piece) for answer, piece in zip(answers, pieces, strict=True))
        process.send_signal(sign)
        for rest in pieces:
            # An answer that is cut off raises; what is read to its end was ended by the service.
            assert not b"".join(rest).rpartition(b"\n\n")[2]
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(WELL_OVER_S) == 0
    assert "Traceback" not in said and "Cancel" not in said and "ASGI" not in said, said


async def _much(scope: Any, receive: Any, send: Any) -> None:
    """Answers with more than any connection holds."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
    await send({"type": "http.response.body"})


def test_a_client_that_takes_nothing_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with (
        Service(_much, "127.0.0.1", 0, send_buffer_bytes=4096) as service,
        socket.create_connection(("127.0.0.1", service.port)) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 200")
        assert service.stop()
    assert not caplog.records


def test_whoever_waits_is_woken_once_and_knows_why() -> None:
    ending, woken = Ending(), []
    with ending.waking(lambda: woken.append("gone")):
        pass
    with ending.waking(lambda: woken.append(str(ending.is_set))):
        ending.set()
    assert woken == ["True"] and ending.is_set
