"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real research scans beside the repository (never part of it); tests that need them skip without."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the folder of real research scans, ../shared/data, is not beside the repository")
    return _SHARED_DATA
