"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.databases import create, postgres_server

# Where the tests run in the background SIGINT is ignored, and every program they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Short forms of the scripts in benchmarks/ are tests, too. At the end, where it hides no installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

_SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what was skipped."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Keep the files that were skipped whole."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Continuous integration installs every real part, so a test that skips there has not been run by anybody."""
    if os.environ.get("CI") and _skipped and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nno test may skip in continuous integration: {', '.join(_skipped)}", file=sys.stderr)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real research scans beside the repository (never part of it); tests that need them skip without."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the folder of real research scans, ../shared/data, is not beside the repository")
    return _SHARED_DATA


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A server for the whole run; each call gives the URL of a new, empty database."""
    with postgres_server() as url:
        numbers = count(1)
        yield lambda: create(url, f"test{next(numbers)}")
