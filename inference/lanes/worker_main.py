"""A worker process, ``python -m parcelsight.inference.lanes.worker_main``: decodes what strangers sent, runs the model.

It has one thread, no secrets and no rights it needs to keep: a file that makes it hang, burn or grow ends with it, not
with the service. Limits are the kernel's: processor time (SIGPROF kills, even within C code) and address space.
"""

from __future__ import annotations

import re
import resource
import signal
import socket
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ...datasets.canonical import canonical_rgb
from ...datasets.files import ReadLimits, read_bytes
from ...datasets.readers import decode_scan, read_pair
from ...datasets.scan import AIR_LEVEL, Scan, ScanKind
from ...detector.errors import ParcelSightError, ScanError
from ..dense import dense_areas
from ..detector import Detector
from ..kserve import EngineLost, KServeConfig
from ..screening import screen_scan, unscreened
from ..verdicts import ScreenedScan, Verdict
from .arrival import MAX_PAYLOAD_BYTES
from .causes import LossCause
from .jobs import Job, ScanJob, ScanResult, WindowJob, WindowResult
from .messages import job_of, scan_message, window_message
from .pipe import MessagePipe, PipeClosed
from .traits import traits_of

_LIMITS = ReadLimits(max_bytes=MAX_PAYLOAD_BYTES)
_PAGE_BYTES = resource.getpagesize()
_OUT_OF_MEMORY = re.compile(r"MemoryError|bad_alloc|(?:Failed|Unable) to allocate|Insufficient memory|OutOfMemory")
"""How NumPy, OpenCV and onnxruntime say it."""
_MEMORY_REASON = "needs more memory than one scan may; crop or scale it down"


def main() -> None:
    """Serve until the service hangs up; the number of the inherited socket is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which lets this scan be finished
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe = MessagePipe(socket.socket(fileno=int(sys.argv[1])))
    try:
        settings, _ = pipe.receive()
        try:
            engine = settings["engine"] and KServeConfig.model_validate(settings["engine"])
            point = settings["operating_point"]
            detector = Detector(Path(settings["model"]), device="cpu", operating_point=point, engine=engine)
            _warm_up(detector)
        except ParcelSightError as error:
            pipe.send({"refused": error.message, "remedy": error.remedy})
            return
        except EngineLost as lost:
            pipe.send({"refused": str(lost), "remedy": "start the server, or check engine: of the lanes file"})
            return
        pipe.send({"card": detector.card.model_dump_json(), "description": detector.describe()})
        _serve(pipe, detector, settings["cpu_limit_s"], settings["memory_limit_bytes"])
    except PipeClosed:
        return


def _serve(pipe: MessagePipe, detector: Detector, cpu_limit_s: float, memory_limit_bytes: int) -> None:
    while True:
        head, blob = pipe.receive()
        if head["kind"] == "ping":
            pipe.send({})
            continue
        signal.setitimer(signal.ITIMER_PROF, cpu_limit_s)
        _limit_memory(memory_limit_bytes)
        try:
            answer = _answer(detector, job_of(head, blob))
        except EngineLost as lost:  # the scan is not at fault and goes back; a new worker looks for the engine
            pipe.send({"lost": str(lost)})
            return
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send(answer)


def _answer(detector: Detector, job: Job) -> dict[str, Any]:
    if isinstance(job, ScanJob):
        return scan_message(_screen(detector, job))
    try:
        return window_message(_detect(detector, job))
    except (ParcelSightError, MemoryError, ValueError) as error:
        return {"failed": " ".join(f"{type(error).__name__} {error}".split())[:300]}


def _screen(detector: Detector, job: ScanJob) -> ScanResult:
    """Screen a spooled scan; whatever is wrong with it is its outcome."""
    started = perf_counter()
    try:
        scan = _read(job)
    except MemoryError:
        return ScanResult(unscreened(job.scan_id, _MEMORY_REASON), LossCause.LIMITS, None)
    except Exception as error:  # decoders fail in ways of their own, and what broke one must not pass unseen
        if _OUT_OF_MEMORY.search(f"{error} {error.__cause__}"):
            return ScanResult(unscreened(job.scan_id, _MEMORY_REASON), LossCause.LIMITS, None)
        reason = str(error) if isinstance(error, ScanError) else f"cannot be decoded ({type(error).__name__}: {error})"
        return ScanResult(unscreened(job.scan_id, reason[:500]), LossCause.UNREADABLE, None)
    read_ms = 1e3 * (perf_counter() - started)
    try:
        traits = traits_of(scan)
    except MemoryError:
        return ScanResult(unscreened(job.scan_id, _MEMORY_REASON, read_ms), LossCause.LIMITS, None)
    screened = screen_scan(detector, scan, read_ms=read_ms)
    return ScanResult(screened, _cause(screened, traits.blank), traits)


def _read(job: ScanJob) -> Scan:
    if len(job.files) == 2:
        scan = read_pair(*job.files, limits=_LIMITS)
        return Scan(job.scan_id, scan.pixels, scan.kind, scan.pitch_mm)
    return decode_scan(read_bytes(job.files[0], _LIMITS), job.scan_id, limits=_LIMITS)


def _cause(screened: ScreenedScan, blank: bool) -> LossCause | None:
    if screened.verdict is not Verdict.UNSCREENED:
        return None
    if _OUT_OF_MEMORY.search(screened.reason):
        return LossCause.LIMITS
    return LossCause.UNREADABLE if blank else LossCause.INTERNAL


def _detect(detector: Detector, job: WindowJob) -> WindowResult:
    started = perf_counter()
    rgb = canonical_rgb(job.scan)
    rendered = perf_counter()
    found = detector.detect(rgb, job.floor)
    detected = perf_counter()
    dense = dense_areas(job.scan)
    times = {"render": rendered - started, "detect": detected - rendered, "dense": perf_counter() - detected}
    return WindowResult(found, dense, {stage: 1e3 * seconds for stage, seconds in times.items()})


def _warm_up(detector: Detector) -> None:
    """Everything that the first scan would have to make: colour tables, resize buffers, the network's memory."""
    side = detector.card.input_px
    air = np.full((side, side, 2), AIR_LEVEL, np.uint16)
    air[side // 4 : side // 2] //= 2
    scan = Scan("warm-up", air, ScanKind.DUAL_ENERGY)
    traits_of(scan)
    screened = screen_scan(detector, scan)
    if screened.verdict is Verdict.UNSCREENED:
        raise ScanError(f"the model cannot screen: {screened.reason}", "use another model")


def _limit_memory(bytes_more: int) -> None:
    """From now on the process may have so much more address space than it has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * _PAGE_BYTES + bytes_more, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
