"""The program under test of ledger_chaos.py: `parcelsight run` with an upload lane, its clients, and its killers."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

import cv2
import numpy as np
import psutil

QUEUE = 1
_PICTURES = 16
START_LIMIT_S = 60.0


def picture(number: int) -> bytes:
    """A noisy parcel with a number of its own in it, as JPEG.

    Drawing one costs more than judging it, so a few are drawn and each scan gets its number as a comment: else the
    client would take the processor from what it measures.
    """
    drawn = _drawn(number % _PICTURES)
    return drawn[:2] + b"\xff\xfe\x00\x0c%010d" % number + drawn[2:]


@cache
def _drawn(number: int) -> bytes:
    rng = np.random.default_rng(number)
    pixels = np.full((480, 640, 3), 250, np.uint8)
    for _ in range(12):
        left, top = int(rng.integers(0, 500)), int(rng.integers(0, 380))
        colour = tuple(int(level) for level in rng.integers(60, 230, 3))
        cv2.rectangle(
            pixels, (left, top), (left + int(rng.integers(30, 140)), top + int(rng.integers(30, 100))), colour, -1
        )
    noise = rng.integers(0, 6, pixels.shape, dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.subtract(pixels, noise), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


class Program:
    """`parcelsight run` as a process that is started again whenever it was killed."""

    def __init__(self, folder: Path, port: int, workers: int, queue: int = QUEUE) -> None:
        self.ledger, self.port = folder / "ledger", port
        self._file = folder / "lanes.yaml"
        self.start_limit_s = START_LIMIT_S
        self._file.write_text(self.lanes(port, workers, queue), encoding="utf-8")
        self.process = self._start()

    def lanes(self, port: int, workers: int, queue: int) -> str:
        """Its lanes file."""
        return (
            f"ledger: {self.ledger}\nworkers: {{count: {workers}}}\nservice: {{port: {port}, max_uploads: 64}}\n"
            f"lanes:\n  - {{name: lane1, source: {{kind: http}}, policy: refuse, queue: {queue}, wait_s: 0,"
            " deadline_s: 3600, health: false}\n"
        )

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "parcelsight.commands.main", "run", str(self._file)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_screening(self) -> float:
        """Wait until the service says that it screens; how long it took."""
        started = monotonic()
        while monotonic() - started < self.start_limit_s:
            try:
                if self.get("/v2/health/ready?lane=lane1")[0] == 200:
                    return monotonic() - started
            except OSError:
                pass
            except http.client.HTTPException:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"the program ended with status {self.process.returncode}")
            sleep(0.02)
        raise SystemExit("the program does not begin to screen")

    def get(self, path: str) -> tuple[int, bytes]:
        """One request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def kill(self) -> float:
        """kill -9 and start again; seconds from the kill until it screens again."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        started = monotonic()
        self.process = self._start()
        self.wait_screening()
        return monotonic() - started

    def worker_pids(self) -> list[int]:
        """Of its worker processes."""
        try:
            return [child.pid for child in psutil.Process(self.process.pid).children()]
        except psutil.Error:
            return []

    def memory_mb(self) -> float:
        """Resident memory of the program and its workers."""
        total = 0
        for pid in [self.process.pid, *self.worker_pids()]:
            try:
                total += psutil.Process(pid).memory_info().rss
            except psutil.Error:
                continue  # it was killed a moment ago
        return total / 1e6

    def stop(self) -> None:
        """SIGTERM, as an init system would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@dataclass(slots=True)
class Sent:
    """What became of the scans that a client sent, by number."""

    acknowledged: dict[int, int] = field(default_factory=dict)
    """Number → sequence."""
    refused: int = 0
    refused_ms: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    """Of accepted scans, from the first byte sent to the receipt."""
    broken: int = 0
    """Attempts without an answer: the program was killed meanwhile."""
    lock: Lock = field(default_factory=Lock)


def send(program: Program, number: int, sent: Sent, again: bool, pause_s: float = 0.02) -> None:
    """Upload one numbered scan; ``again``: until it is acknowledged, with a pause between."""
    while not send_body(program, number, picture(number), sent) and again:
        sleep(pause_s)


def send_body(program: Program, number: int, body: bytes, sent: Sent) -> bool:
    """Upload one scan once; True where it was acknowledged."""
    path = f"/v1/scans?lane=lane1&scan_id=scan-{number:06d}"
    started = monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        status, text = 0, b""
    finally:
        connection.close()
    took_ms = 1e3 * (monotonic() - started)
    with sent.lock:
        if status in (200, 202):
            sent.acknowledged[number] = int(json.loads(text)["sequence"])
            sent.answered_ms.append(took_ms)
        elif status:
            sent.refused += 1
            sent.refused_ms.append(took_ms)
        else:
            sent.broken += 1
    return status in (200, 202)
