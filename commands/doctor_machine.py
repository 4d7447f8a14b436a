"""The machine, as ``doctor`` sees it: cores and their instructions, memory, clock, and the rights we run with."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .findings import Finding, Level

_AREA = "machine"
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8", "asimd", "asimddp", "i8mm")
"""What onnxruntime's kernels gain by, in the order of the years they came."""
_LEAST_MEMORY_MB = 1_000
_LEAST_FILES = 1_024
_STA_UNSYNC = 0x0040
"""linux/timex.h: the kernel's clock is steered by nobody."""
_BUILT_IN = 1_767_225_600
"""2026-01-01: an earlier clock is wrong."""


def check_machine() -> Iterator[Finding]:
    """Everything about the machine, one finding each."""
    yield _python()
    yield _cores()
    yield _instructions()
    yield _load()
    yield _memory()
    yield _open_files()
    yield check_clock()
    yield _user()


def _python() -> Finding:
    told = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13) or platform.system() != "Linux":
        return Finding(_AREA, "Python", Level.WARN, told, "use Linux with Python 3.11–3.13, which is tested")
    return Finding(_AREA, "Python", Level.OK, told)


def usable_cores() -> float:
    """Cores this process may use: by affinity, and by the limit of its container."""
    cores = float(len(os.sched_getaffinity(0)))
    quota = _first_words(Path("/sys/fs/cgroup/cpu.max"))
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit():
        cores = min(cores, int(quota[0]) / int(quota[1]))
    return cores


def _cores() -> Finding:
    cores = usable_cores()
    told = f"{cores:g} of {os.cpu_count()} may be used"
    if cores < 2:
        return Finding(_AREA, "cores", Level.WARN, told, "give it two: one for the network, one for lines and ledger")
    return Finding(_AREA, "cores", Level.OK, told)


def _instructions() -> Finding:
    flags = _cpu_flags()
    known = [name for name in _INSTRUCTIONS if name in flags]
    told = ", ".join(known) or "none of those that help"
    if not known:
        return Finding(
            _AREA, "instructions", Level.WARN, told, "expect slow detections; a processor with AVX2 is faster"
        )
    return Finding(_AREA, "instructions", Level.OK, told)


def _cpu_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return set(line.partition(":")[2].split())
    except OSError:
        pass  # another system: the finding then says that none is known
    return set()


def _load() -> Finding:
    load, cores = os.getloadavg()[0], usable_cores()
    told = f"{load:.1f} processes wanted a core during the last minute"
    if load > cores:
        return Finding(
            _AREA, "load", Level.WARN, told, "stop other work on this machine; latencies shown here are too long"
        )
    return Finding(_AREA, "load", Level.OK, told)


def _memory() -> Finding:
    free_mb = _free_memory_mb()
    if free_mb is None:
        return Finding(_AREA, "memory", Level.WARN, "cannot be told", "see that at least 1 GB is free")
    told = f"{free_mb / 1e3:.1f} GB free"
    if free_mb < _LEAST_MEMORY_MB:
        return Finding(
            _AREA, "memory", Level.WARN, told, "free 1 GB: a large scan alone needs 200 MB while it is judged"
        )
    return Finding(_AREA, "memory", Level.OK, told)


def _free_memory_mb() -> float | None:
    """Of the machine, or of the container where that allows less."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    free = next((float(line.split()[1]) / 1e3 for line in lines if line.startswith("MemAvailable:")), None)
    limit, used = (_first_words(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    if free is not None and limit and used and limit[0].isdigit() and used[0].isdigit():
        free = min(free, (int(limit[0]) - int(used[0])) / 1e6)
    return free


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_FILES:
        return Finding(
            _AREA, "open files", Level.WARN, f"{soft} allowed", f"allow {_LEAST_FILES}: ulimit -n {_LEAST_FILES}"
        )
    return Finding(_AREA, "open files", Level.OK, f"{soft} allowed")


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` (adjtimex(2)) on 64-bit Linux; the rest is room the kernel may write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def check_clock() -> Finding:
    """Does the clock tell a believable time, and does anything keep it right?"""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < _BUILT_IN:
        return Finding(
            _AREA, "clock", Level.FAIL, f"{now} is in the past", "set the clock; the ledger's times rest on it"
        )
    timex = _Timex(modes=0)  # modes 0: only read
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        answer = -1
    remedy = "install chrony or systemd-timesyncd, so that times of different lanes can be compared"
    if answer < 0:
        return Finding(_AREA, "clock", Level.WARN, f"{now}; whether it is synchronised cannot be told here", remedy)
    if timex.status & _STA_UNSYNC:
        return Finding(_AREA, "clock", Level.WARN, f"{now}; not synchronised by NTP", remedy)
    return Finding(_AREA, "clock", Level.OK, f"{now}, synchronised (within {timex.maxerror / 1e3:.0f} ms)")


def _user() -> Finding:
    if os.geteuid() == 0:
        return Finding(
            _AREA, "user", Level.WARN, "runs as root", "run it as a user of its own; scans come from strangers"
        )
    return Finding(_AREA, "user", Level.OK, f"user id {os.geteuid()}, no special rights")


def _first_words(path: Path) -> list[str]:
    """The words of a small file of the kernel; none where it is not there."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
