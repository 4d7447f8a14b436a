"""Damaged input through running lanes: pictures, lines and requests, each accounted for, none that ends the program.

`parcelsight run` with an upload lane and a line lane is sent, in thirds: pictures of six formats with bytes changed,
cut or doubled; messages of the line protocol damaged the same way; HTTP requests damaged the same way. Afterwards every
picture was refused or has exactly one verdict, every parcel the line lane took has one, no request was answered 5xx
but where it says to come again, the program is the one that was started, and it still screens. Memory that workers took
beyond their first, and the longest time of a scan, are told.

    python -m benchmarks.lane_mutations load [--count 5000] [--json FILE]      # load: from load_belt.py
"""

from __future__ import annotations

import argparse
import io
import re
import socket
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import cv2
import numpy as np
import psutil
import tifffile

from benchmarks.chaos_program import Program, Sent, send_body
from benchmarks.ledger_chaos import at, free_port
from benchmarks.results import tell
from parcelsight.datasets.belt_files import open_belt
from parcelsight.inference.lanes.ledger import Ledger
from parcelsight.inference.stream.protocol import encode
from parcelsight.inference.stream.sending import hello_of, messages_of

_MOST_S, _MOST_MB = 2.0, 256.0
_MESSAGES = 24
"""Of one damaged stream."""
_TOKENS = (
    b"\0" * 8,
    b"\xff" * 8,
    b"\r\n",
    b"%00",
    b"9" * 30,
    b"-1",
    b"A" * 3000,
    b"chunked",
    b"PSL1",
    b"IHDR",
    b"II*\0",
)
_REQUESTS = (
    b"POST /v1/scans?lane=lane1&scan_id=r HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b'Content-Length: 75\r\n\r\n--b\r\nContent-Disposition: form-data; name="scan"; filename="a"\r\n\r\na\r\n--b--\r\n',
    b"POST /v1/scans?lane=lane1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nabcde\r\n0\r\n\r\n",
    b"GET /v1/scans?after=1&limit=2&scan=a&lane=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v1/verdicts?after=0&limit=9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /v2/health/ready?lane=lane1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


class Target(Program):
    """The program with a line lane besides its upload lane."""

    def __init__(self, folder: Path, port: int, lines_port: int) -> None:
        self.lines_port = lines_port
        super().__init__(folder, port, workers=1, queue=8)

    def lanes(self, port: int, workers: int, queue: int) -> str:
        """Its lanes file; uploads wait for room, so that only what is wrong is refused."""
        uploads = super().lanes(port, workers, queue).replace("policy: refuse", "policy: wait")
        address = f"tcp://127.0.0.1:{self.lines_port}"
        return uploads + f'  - {{name: belt, source: {{kind: lines, listen: "{address}"}}, health: false}}\n'


def main() -> int:
    """Send it all; exit status 1 where something is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("belt", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lane-mutations-") as folder:
        result = run(Path(folder), options.belt, options.count, Random(options.seed))
    tell(result, options.json)
    return 1 if result["unaccounted"] or not result["same_program"] or result["answers"].get("500") else 0


def run(folder: Path, belt: Path, count: int, random: Random) -> dict[str, Any]:
    """All three kinds, and the account."""
    program = Target(folder, free_port(), free_port())
    program.start_limit_s = 300.0
    program.wait_screening()
    pid = program.process.pid
    watch = _Memory(program)
    watch.start()
    part = count // 3
    pictures, requests = Sent(), Counter[str]()
    originals = _pictures()
    for number in range(part):
        send_body(program, number, _mutated(originals[number % len(originals)], random), pictures)
    lines = send_lines(program, belt, part, random)
    for number in range(count - 2 * part):
        requests.update(_asked(program.port, _mutated(_REQUESTS[number % len(_REQUESTS)], random)))
    program.wait_screening()
    _settle(program)
    watch.stop()
    same = program.process.poll() is None and program.process.pid == pid
    program.stop()
    return {
        "sent": {"pictures": part, "line_streams": lines, "requests": count - 2 * part},
        "pictures": {"accepted": len(pictures.acknowledged), "refused": pictures.refused, "cut_off": pictures.broken},
        "answers": dict(requests), "same_program": same, "worker_mb_over_first": round(watch.over_mb, 1),
        "worker_over_limit": watch.over_mb > _MOST_MB, **account(program.ledger, pictures),
    }  # fmt: skip


class _Memory:
    """Watches how far workers grow beyond what the first had when it was ready."""

    def __init__(self, program: Program) -> None:
        self._program, self._stop = program, Event()
        self._first = self._now()
        self.over_mb = 0.0
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            self.over_mb = max(self.over_mb, self._now() - self._first)

    def _now(self) -> float:
        most = 0.0
        for pid in self._program.worker_pids():
            with suppress(psutil.Error):
                most = max(most, psutil.Process(pid).memory_info().rss / 1e6)
        return most


def _pictures() -> list[bytes]:
    """One scan in six formats."""
    rng = np.random.default_rng(1)
    rgb = rng.integers(120, 250, (120, 160, 3), dtype=np.uint8)
    rgb[30:90, 40:100] //= 2
    made = [cv2.imencode(suffix, rgb)[1].tobytes() for suffix in (".jpg", ".png", ".bmp", ".webp")]
    made.append(cv2.imencode(".png", rgb[:, :, 0].astype(np.uint16) * 200)[1].tobytes())
    file = io.BytesIO()
    dual = rng.integers(20_000, 60_000, (120, 160, 2)).astype(np.uint16)
    tifffile.imwrite(file, dual, photometric="minisblack", planarconfig="contig", metadata=None)
    return [*made, file.getvalue()]


def _mutated(seed: bytes, random: Random) -> bytes:
    """One to six changes."""
    data = bytearray(seed)
    for _ in range(random.randint(1, 6)):
        at_byte = random.randrange((min(len(data), 400) if random.random() < 0.6 else len(data)) + 1)
        end = min(len(data), at_byte + random.randint(0, 40))
        match random.randrange(5):
            case 0 if at_byte < len(data):
                data[at_byte] = random.randrange(256)
            case 1:
                del data[at_byte:end]
            case 2:
                data[at_byte:at_byte] = data[at_byte:end] * random.randint(1, 4)
            case 3:
                data[at_byte:end] = random.choice(_TOKENS)
            case _:
                del data[max(1, at_byte) :]
                data += b"\0"
    return bytes(data)


def send_lines(program: Target, belt: Path, count: int, random: Random) -> int:
    """Streams of a few messages, some of them damaged; how many messages were damaged."""
    recorded = open_belt(belt)
    messages = [encode(message) for message in messages_of(recorded)]
    damaged = streams = 0
    while damaged < count:
        streams += 1
        begin = random.randrange(max(1, len(messages) - _MESSAGES))
        with suppress(OSError), socket.create_connection(("127.0.0.1", program.lines_port), timeout=20) as client:
            hello = encode(hello_of(recorded, f"m{streams}"))
            client.sendall(_mutated(hello, random) if random.random() < 0.1 else hello)
            for message in messages[begin : begin + _MESSAGES]:
                if random.random() < 0.5:
                    damaged += 1
                    message = _mutated(message, random)
                client.sendall(message)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            while client.recv(65_536):
                pass
    return damaged


def _asked(port: int, request: bytes) -> list[str]:
    """Statuses of what a request was answered."""
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        while data := client.recv(65_536):
            answer += data
    return [code.decode() for code in re.findall(rb"HTTP/1\.1 (\d{3})", answer)] or ["closed"]


def _settle(program: Program) -> None:
    until = monotonic() + 120
    while monotonic() < until:
        status, text = program.get("/metrics")
        if status == 200 and re.search(rb"^parcelsight_scans_pending 0\.0$", text, re.MULTILINE):
            return
        sleep(0.1)


def account(folder: Path, pictures: Sent) -> dict[str, Any]:
    """What became of all, by the ledger."""
    ledger = Ledger(folder)
    counts, tallies = ledger.counts(), ledger.tallies()
    records, cursor = [], 0
    while page := ledger.verdicts_since(cursor, 1000):
        records += page
        cursor = page[-1]["number"]
    ledger.close()
    times = Counter(record["sequence"] for record in records)
    lost = [number for number, sequence in pictures.acknowledged.items() if times[sequence] != 1]
    ms = [record["timing_ms"]["since_accepted"] for record in records]
    by_lane = {name: [r for r in records if r["lane"] == name] for name in ("lane1", "belt")}
    return {
        "accepted": counts.accepted, "verdicts": counts.verdicts, "unaccounted": len(lost) + counts.pending,
        "verdict_kinds": {name: dict(Counter(r["verdict"] for r in some)) for name, some in by_lane.items()},
        "causes": dict(Counter(r["cause"] for r in records if r["cause"])),
        "counted": {f"{t.lane} {t.outcome} {t.cause}": t.count for t in tallies if t.cause is not None},
        "verdict_ms": {"median": at(ms, 50), "p99": at(ms, 99), "worst": at(ms, 100)},
        "over_2_s": sum(value > 1e3 * _MOST_S for value in ms),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
