"""One worker process as the pool sees it: started, asked, and killed when it does not answer."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...detector.card import ModelCard, PointName
from ...detector.contract import from_metadata
from ...detector.errors import ModelError
from ..kserve import KServeConfig
from ..model_file import read_model
from .causes import LossCause
from .jobs import Job, JobFailed, ScanJob, ScanResult, WindowResult
from .messages import job_message, scan_result, window_result
from .pipe import MessagePipe, PipeClosed

_MODULE = "parcelsight.inference.lanes.worker_main"
_PING_LIMIT_S = 1.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every worker of a pool gets."""

    model: Path
    operating_point: PointName = PointName.BALANCED
    job_limit_s: float = 1.8
    cpu_limit_s: float = 1.0
    memory_limit_bytes: int = 256 * 1024 * 1024
    start_limit_s: float = 30.0
    engine: KServeConfig | None = None
    """A server that runs the network; None: each worker runs it itself."""


def read_card(settings: WorkerSettings) -> ModelCard:
    """The card of the model that the workers will run.

    Raises:
        ModelError: if the model is refused.
        UsageError: if it has no such operating point.
    """
    source = str(settings.model)
    return from_metadata(read_model(settings.model).metadata, source).at(settings.operating_point, source)


class WorkerDied(Exception):
    """The process ended or was ended without an answer.

    Args:
        how: in words: "killed by SIGKILL", "gave no answer for 1.8 s".
        over_limit: its scan used up the processor time that one may cost.
        engine_lost: the server that runs the network is gone; its scan had no part in it.
    """

    def __init__(self, how: str, over_limit: bool = False, engine_lost: bool = False) -> None:
        super().__init__(how)
        self.over_limit = over_limit
        self.engine_lost = engine_lost


class Worker:
    """A process that is ready when the constructor returns.

    Args:
        settings: of the pool.
        card: what the model must say of itself; class ids in answers are positions in it.

    Raises:
        WorkerDied: if it did not become ready.
        ModelError: if the model is refused; trying again is useless until the file changes.
    """

    def __init__(self, settings: WorkerSettings, card: ModelCard) -> None:
        self._settings = settings
        self._classes = len(card.classes)
        ours, theirs = socket.socketpair()
        with theirs:
            # A fresh interpreter in its own session: no lock, thread or file of ours, and no Ctrl-C of the terminal.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._pipe = MessagePipe(ours)
        self.pid = self._process.pid
        try:
            self.description = self._introduced(card)
        except BaseException:
            self.kill()
            raise

    def ask(self, job: Job) -> ScanResult | WindowResult:
        """Do one job.

        Raises:
            WorkerDied: if no valid answer came in time; the process is gone then.
            JobFailed: if a window could not be detected in.
        """
        head, blob = job_message(job)
        answer = self._exchange(head, blob, self._settings.job_limit_s)
        if "lost" in answer:
            self.kill()
            raise WorkerDied(f"lost its engine: {str(answer['lost'])[:300]}", engine_lost=True)
        if "failed" in answer:
            raise JobFailed(LossCause.INTERNAL, str(answer["failed"]))
        try:
            if isinstance(job, ScanJob):
                return scan_result(answer, job.scan_id, self._classes)
            return window_result(answer, self._classes)
        except (KeyError, TypeError, ValueError) as error:
            self.kill()
            raise WorkerDied(f"gave no sensible answer ({error})") from error

    def ping(self) -> None:
        """Make sure that it lives. Raises WorkerDied."""
        self._exchange({"kind": "ping"}, b"", _PING_LIMIT_S)

    @property
    def has_ended(self) -> bool:
        """True where the process is gone already."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    def _introduced(self, card: ModelCard) -> str:
        settings = self._settings
        head = {
            "model": str(settings.model),
            "operating_point": str(settings.operating_point),
            "cpu_limit_s": settings.cpu_limit_s,
            "memory_limit_bytes": settings.memory_limit_bytes,
            "engine": settings.engine and settings.engine.model_dump(mode="json"),
        }
        answer = self._exchange(head, b"", settings.start_limit_s)
        if "refused" in answer:
            raise ModelError(str(answer["refused"]), str(answer["remedy"]))
        if answer.get("card") != card.model_dump_json():
            raise ModelError(f"{settings.model} is not the model it was at the start", "start the program again")
        return str(answer["description"])

    def _exchange(self, head: dict[str, Any], blob: bytes | memoryview, limit_s: float) -> dict[str, Any]:
        try:
            self._pipe.send(head, blob, limit_s)
            return self._pipe.receive(limit_s)[0]
        except TimeoutError as error:
            self.kill()
            raise WorkerDied(f"gave no answer for {limit_s:g} s") from error
        except PipeClosed as error:
            self.kill()
            raise WorkerDied(*_ending(self._process.returncode)) from error


def _ending(code: int) -> tuple[str, bool]:
    """How a process ended, and whether the kernel ended it for its processor time."""
    if code >= 0:
        return f"ended with status {code}", False
    return f"killed by {signal.Signals(-code).name}", -code == signal.SIGPROF
