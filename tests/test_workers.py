"""Worker processes: what they answer, what one scan may cost, and what happens when they die."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import cv2
import numpy as np
import psutil
import pytest

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.readers import decode_scan
from parcelsight.datasets.scan import AIR_LEVEL, Scan, ScanKind
from parcelsight.detector.errors import ModelError
from parcelsight.inference.detector import Detector
from parcelsight.inference.lanes.breaker import Breaker
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.jobs import AnyFuture, JobFailed, ScanFuture, ScanJob, WindowJob
from parcelsight.inference.lanes.pool import DetectorPool, PoolStatus
from parcelsight.inference.lanes.worker import WorkerSettings
from parcelsight.inference.screening import screen_scan
from parcelsight.inference.verdicts import Verdict
from tests.lane_parts import png, tiff, until
from tests.models import dark_model, save


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(dark_model(), tmp_path_factory.mktemp("model") / "dark.onnx")


@pytest.fixture(scope="module")
def shared_pool(model: Path) -> Iterator[DetectorPool]:
    """One worker for the tests that do not break it."""
    yield from running(WorkerSettings(model))


@pytest.fixture
def make_pool(model: Path) -> Iterator[Callable[..., DetectorPool]]:
    pools = []

    def make(workers: int = 1, **changes: object) -> DetectorPool:
        pool = DetectorPool(replace(WorkerSettings(model), **changes), workers)  # type: ignore[arg-type]
        pools.append(pool)
        pool.start()
        until(lambda: pool.status.ready == workers)
        return pool

    yield make
    for pool in pools:
        pool.stop()


def running(settings: WorkerSettings) -> Iterator[DetectorPool]:
    pool = DetectorPool(settings, 1)
    pool.start()
    assert pool.wait_ready(30)
    yield pool
    pool.stop()


def scan_job(folder: Path, payload: bytes, scan_id: str = "parcel-1") -> ScanJob:
    path = folder / f"{scan_id}_{len(list(folder.iterdir()))}"
    path.write_bytes(payload)
    return ScanJob(scan_id, (path,))


def failure(future: ScanFuture) -> JobFailed:
    error = future.exception(timeout=30)
    assert isinstance(error, JobFailed), error
    return error


@pytest.mark.parametrize("dark", [True, False], ids=["threat", "clean"])
def test_a_worker_answers_like_the_same_model_here(
    dark: bool, model: Path, shared_pool: DetectorPool, tmp_path: Path
) -> None:
    payload = png(1, dark)
    result = shared_pool.submit(scan_job(tmp_path, payload)).result(30)
    here = screen_scan(Detector(model), decode_scan(payload, "parcel-1"))
    assert (result.screened.verdict, result.screened.reason) == (here.verdict, here.reason)
    assert here.verdict is (Verdict.ALARM if dark else Verdict.NO_ALARM)
    np.testing.assert_allclose(result.screened.detections.xyxy_px, here.detections.xyxy_px, atol=1e-3)
    assert result.screened.scan_id == "parcel-1" and result.cause is None
    assert result.traits is not None and not result.traits.blank


def test_a_pair_of_halves_is_one_scan(shared_pool: DetectorPool, tmp_path: Path) -> None:
    halves = [decode_scan(png(n), "half").pixels for n in (1, 2)]
    paths = []
    for name, pixels in zip(("low", "high"), halves, strict=True):
        paths.append(tmp_path / f"0_{name}")
        paths[-1].write_bytes(tiff(np.ascontiguousarray(pixels[:, :, 0])))
    result = shared_pool.submit(ScanJob("pair", tuple(paths))).result(30)
    assert result.screened.verdict in (Verdict.NO_ALARM, Verdict.ALARM, Verdict.REVIEW)
    assert result.screened.scan_id == "pair"


def test_a_window_is_detected_in_without_a_file(model: Path, shared_pool: DetectorPool) -> None:
    levels = np.full((80, 60, 2), AIR_LEVEL, np.uint16)
    levels[20:40, 10:50] = 300
    scan = Scan("belt", levels, ScanKind.DUAL_ENERGY, 1.0)
    result = shared_pool.submit(WindowJob(scan, floor=0.2)).result(30)
    here = Detector(model).detect(canonical_rgb(scan), 0.2)
    np.testing.assert_allclose(result.detections.xyxy_px, here.xyxy_px, atol=1e-3)
    assert len(here) == 1
    assert result.dense_xyxy_px.tolist() == [[10, 20, 50, 40]]
    assert set(result.timing_ms) == {"render", "detect", "dense"}


BAD_SCANS: dict[str, tuple[bytes, str]] = {
    "text": (b"this is no picture", "not a picture"),
    "cut off": (png(1)[:-50], "truncated"),
    "blank": (tiff(np.full((40, 40, 2), AIR_LEVEL, np.uint16)), "blank"),
    "declares gigapixels": (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\xff\0" * 2 + bytes(9), "limit|damaged"),
}


@pytest.mark.parametrize("case", BAD_SCANS)
def test_a_bad_scan_is_unscreened_with_its_reason_and_the_worker_lives(
    case: str, shared_pool: DetectorPool, tmp_path: Path
) -> None:
    payload, words = BAD_SCANS[case]
    (pid,) = shared_pool.pids
    result = shared_pool.submit(scan_job(tmp_path, payload)).result(30)
    assert (result.screened.verdict, result.cause) == (Verdict.UNSCREENED, LossCause.UNREADABLE)
    assert re.search(words, result.screened.reason)
    assert shared_pool.pids == [pid]


def test_a_missing_file_is_unscreened(shared_pool: DetectorPool, tmp_path: Path) -> None:
    result = shared_pool.submit(ScanJob("gone", (tmp_path / "gone",))).result(30)
    assert result.screened.verdict is Verdict.UNSCREENED and "no such file" in result.screened.reason


def large(side_px: int) -> bytes:
    """A picture that costs much to decode and little to send."""
    pixels = np.zeros((side_px, side_px, 3), np.uint8)
    pixels[::2] = 200
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def test_a_scan_that_takes_too_long_costs_its_worker_and_no_second_try(
    make_pool: Callable[..., DetectorPool], tmp_path: Path
) -> None:
    pool = make_pool(cpu_limit_s=0.1)
    (pid,) = pool.pids
    error = failure(pool.submit(scan_job(tmp_path, large(5000))))
    assert error.cause is LossCause.LIMITS and "processor time" in error.reason
    assert pool.deaths == 1 and not psutil.pid_exists(pid)
    assert pool.submit(scan_job(tmp_path, png(1))).result(30).screened.verdict is Verdict.NO_ALARM


def test_a_scan_that_needs_too_much_memory_is_refused_and_the_worker_lives(
    make_pool: Callable[..., DetectorPool], tmp_path: Path
) -> None:
    pool = make_pool(memory_limit_bytes=64 * 1024 * 1024, cpu_limit_s=20, job_limit_s=20)
    result = pool.submit(scan_job(tmp_path, large(6000))).result(60)
    assert (result.screened.verdict, result.cause) == (Verdict.UNSCREENED, LossCause.LIMITS)
    assert pool.deaths == 0
    assert pool.submit(scan_job(tmp_path, png(1))).result(30).screened.verdict is Verdict.NO_ALARM


def test_a_worker_that_is_killed_at_work_loses_no_scan(make_pool: Callable[..., DetectorPool], tmp_path: Path) -> None:
    pool = make_pool(workers=2)
    futures = [pool.submit(scan_job(tmp_path, png(n, n % 2 == 0), f"parcel-{n}")) for n in range(60)]
    for _ in range(8):
        until(lambda: pool.pids)
        os.kill(pool.pids[0], signal.SIGKILL)
        deaths = pool.deaths
        until(lambda deaths=deaths: pool.deaths > deaths)  # type: ignore[misc]
    ends = [future.exception(timeout=30) or future.result().screened for future in futures]
    for n, end in enumerate(ends):
        if isinstance(end, JobFailed):
            assert end.cause is LossCause.BROKE_WORKERS  # hit by two of the kills
        else:
            assert (end.scan_id, end.verdict) == (f"parcel-{n}", [Verdict.ALARM, Verdict.NO_ALARM][n % 2])  # type: ignore[union-attr]


def test_a_worker_that_hangs_is_found_and_its_scan_tried_again(
    make_pool: Callable[..., DetectorPool], tmp_path: Path
) -> None:
    pool = make_pool(job_limit_s=0.5)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    result = pool.submit(scan_job(tmp_path, png(1))).result(30)
    assert result.screened.verdict is Verdict.NO_ALARM
    assert pool.deaths == 1 and not psutil.pid_exists(pid)


def test_an_idle_worker_that_hangs_is_found_without_a_scan(make_pool: Callable[..., DetectorPool]) -> None:
    pool = make_pool()
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    until(lambda: pool.deaths == 1)
    until(lambda: pool.pids not in ([], [pid]))


def test_a_scan_that_two_workers_die_over_is_given_up(make_pool: Callable[..., DetectorPool], tmp_path: Path) -> None:
    pool = make_pool(cpu_limit_s=20, job_limit_s=20)
    done = Event()

    def kill_every_worker() -> None:
        while not done.wait(0.01):
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)

    saboteur = Thread(target=kill_every_worker)
    saboteur.start()
    try:
        error = failure(pool.submit(scan_job(tmp_path, large(5000))))
    finally:
        done.set()
        saboteur.join()
    assert (
        error.cause is LossCause.BROKE_WORKERS and "2 workers died over it, the last killed by SIGKILL" in error.reason
    )
    assert pool.submit(scan_job(tmp_path, png(2))).result(30).screened.verdict is Verdict.NO_ALARM


def test_windows_of_parcels_under_the_beam_go_first_and_optional_ones_are_shed(
    make_pool: Callable[..., DetectorPool], tmp_path: Path
) -> None:
    pool = make_pool(job_limit_s=5)
    window = Scan("belt", np.full((64, 64, 2), AIR_LEVEL, np.uint16), ScanKind.DUAL_ENERGY)
    order: list[str] = []
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    scans = [pool.submit(scan_job(tmp_path, png(n), str(n))) for n in range(4)]
    early = pool.submit(WindowJob(window))
    shed = pool.submit(WindowJob(window, optional=True))

    def note(name: str, future: AnyFuture) -> None:
        order.append(name)

    named: dict[str, AnyFuture] = {str(n): future for n, future in enumerate(scans)} | {"window": early}
    for name, future in named.items():
        future.add_done_callback(partial(note, name))
    os.kill(pid, signal.SIGCONT)
    until(lambda: len(order) == 5)
    assert order.index("window") <= 1  # the first scan may have been at work already
    assert [name for name in order if name != "window"] == ["0", "1", "2", "3"]
    error = shed.exception(timeout=1)
    assert isinstance(error, JobFailed) and error.cause is LossCause.OVERLOAD


def test_a_scan_nobody_came_to_in_time_is_told(make_pool: Callable[..., DetectorPool], tmp_path: Path) -> None:
    pool = make_pool(job_limit_s=5)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)
    pool.submit(scan_job(tmp_path, png(1)))
    late = pool.submit(scan_job(tmp_path, png(2)), deadline_s=0.05)

    def is_late() -> bool:
        pool.expire()
        return late.done()

    until(is_late)
    assert failure(late).cause is LossCause.DEADLINE
    os.kill(pid, signal.SIGCONT)


def test_stopping_ends_waiting_jobs_and_all_processes(model: Path, tmp_path: Path) -> None:
    pool = DetectorPool(WorkerSettings(model), 2)
    futures = [pool.submit(scan_job(tmp_path, png(n))) for n in range(40)]
    pool.start()
    assert pool.wait_ready(30)
    pids = pool.pids
    pool.stop()
    for future in futures:
        error = future.exception(timeout=1)
        assert error is None or (isinstance(error, JobFailed) and error.cause is LossCause.STOPPING)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert failure(pool.submit(scan_job(tmp_path, png(1)))).cause is LossCause.STOPPING


def test_workers_end_when_the_program_is_killed(model: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from parcelsight.inference.lanes.pool import DetectorPool\n"
        "from parcelsight.inference.lanes.worker import WorkerSettings\n"
        f"pool = DetectorPool(WorkerSettings(Path({str(model)!r})), 1)\n"
        "pool.start(); pool.wait_ready(30); print(pool.pids[0], flush=True); time.sleep(60)"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert program.stdout is not None
    pid = int(program.stdout.readline())
    program.kill()
    program.wait()
    program.stdout.close()
    until(lambda: not psutil.pid_exists(pid))


def test_a_model_that_is_refused_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="model.onnx"):
        DetectorPool(WorkerSettings(tmp_path / "model.onnx"), 1)


def test_the_breaker_opens_lets_one_try_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(crashes=3, cooldown_s=2.0, clock=lambda: now[0])
    for _ in range(2):
        breaker.crashed()
    assert breaker.may_start() and not breaker.is_open
    breaker.crashed()
    assert breaker.is_open and not breaker.may_start()
    now[0] = 2.1
    assert breaker.may_start(), "half open: one tries"
    assert not breaker.may_start(), "the others wait for its answer"
    breaker.crashed()
    assert not breaker.may_start()
    now[0] = 4.2
    assert breaker.may_start()
    breaker.answered()
    assert breaker.may_start() and breaker.may_start() and not breaker.is_open


def test_workers_that_never_start_open_the_breaker(make_pool: Callable[..., DetectorPool], model: Path) -> None:
    statuses: list[PoolStatus] = []
    pool = DetectorPool(WorkerSettings(model, start_limit_s=0.001), 1, statuses.append)
    pool.start()
    try:
        until(lambda: pool.deaths >= 5)
        started = monotonic()
        assert pool.status.ready == 0 and "waiting before the next" in pool.status.trouble
        until(lambda: pool.deaths >= 6)
        assert monotonic() - started > 1
        assert statuses[-1] == pool.status
    finally:
        pool.stop()
