"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# Where the tests run in the background SIGINT is ignored, and every program they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real research scans beside the repository (never part of it); tests that need them skip without."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the folder of real research scans, ../shared/data, is not beside the repository")
    return _SHARED_DATA
