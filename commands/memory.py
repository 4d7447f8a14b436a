"""Memory of programs that run for months."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 17
"""glibc's own value before it begins to raise it."""


def return_large_buffers() -> None:
    """Let buffers of pictures go back to the system as soon as they are freed.

    glibc raises the size from which it does so to that of what was freed last, up to 32 MB; strips and scans of ever
    other sizes then leave holes in its heaps, which grow for hours though nothing is kept. Elsewhere this does nothing.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
