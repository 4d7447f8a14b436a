"""What long-running programs tell the allocator, as the system sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOLES = """
import sys
from parcelsight.commands.memory import return_large_buffers

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "yes":
    return_large_buffers()
bytearray(30_000_000)  # freed at once: glibc now keeps what is smaller
before = resident_mb()
scans, kept = [], []
for _ in range(60):
    scans.append(bytearray(1_000_000))
    scans[-1][::4096] = b"x" * len(scans[-1][::4096])  # touched, so that it is resident
    kept.append(bytearray(20_000))  # lies behind the scan, so that the heap cannot shrink
del scans
print(resident_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed buffers in this way")
@pytest.mark.parametrize(("is_told", "least_mb", "most_mb"), [("no", 30, 90), ("yes", -5, 10)])
def test_freed_scans_go_back_to_the_system(is_told: str, least_mb: float, most_mb: float) -> None:
    ran = subprocess.run([sys.executable, "-c", HOLES, is_told], capture_output=True, text=True, check=True, timeout=60)
    assert least_mb <= float(ran.stdout) <= most_mb
