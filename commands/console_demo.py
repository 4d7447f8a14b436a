"""The demonstration: sample parcels on a virtual belt, screened by a real ``parcelsight run`` in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import yaml

from ..datasets.belt_files import RecordedBelt
from ..datasets.belt_samples import SAMPLES, lay_belt, read_samples
from ..detector.errors import RunError
from .demo_labels import demo_labels
from .extras import require
from .run import SERVING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LANE, TITLE = "virtual-scanner", "Virtual scanner"
_SPEED_M_S, _GAP_MM = 0.25, 900.0
"""Ten parcels a minute: as many as an officer looks at in earnest, and the belt can be followed with the eyes."""
_LISTENING = "listening at "
_STOPPED_S = 10.0


@contextmanager
def virtual_lane(folder: Path, samples: Path = SAMPLES) -> Iterator[str]:
    """A lane service that follows the virtual scanner while the block runs; its address.

    Args:
        folder: for the belt and the ledger.
        samples: the parcels that pass again and again.

    Raises:
        ScanError: where the samples are missing.
        RunError: if it does not start.
    """
    require("the demonstration's virtual lane", "service", SERVING)
    lay_demo_belt(folder / "belt", samples)
    config = {
        "ledger": str(folder / "ledger"),
        "workers": {"count": 1, "job_limit_s": 30, "cpu_limit_s": 30},
        "lanes": [
            {"name": LANE, "title": TITLE, "source": {"kind": "belt", "folder": str(folder / "belt"), "repeat": True}}
        ],
        "service": {"port": 0},
        "retention": {"days": 1, "gigabytes": 1},
    }
    path = folder / "lanes.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "parcelsight.commands.main", "run", str(path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield _address_of(process)
    finally:
        process.terminate()
        try:
            process.wait(_STOPPED_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lay_demo_belt(folder: Path, samples: Path = SAMPLES) -> RecordedBelt:
    """The virtual scanner's belt, recorded. Raises ScanError, RunError, UsageError."""
    return lay_belt(folder, read_samples(samples), _SPEED_M_S, _GAP_MM, demo_labels())


def _address_of(process: subprocess.Popen[str]) -> str:
    """The address it says it listens at; what it says after that is read and dropped, or it would wait for a reader."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line.strip())
        if line.startswith(_LISTENING):
            Thread(target=_drain, args=(process,), daemon=True).start()
            return line.removeprefix(_LISTENING).strip()
    raise RunError(f"the virtual lane did not start: {' '.join(said)[-300:]}", "try: parcelsight doctor")


def _drain(process: subprocess.Popen[str]) -> None:
    with suppress(ValueError, OSError):
        for _ in process.stderr or ():
            pass


def demo_people(session: Session) -> None:
    """One person of each kind, without passwords: the link signs them in."""
    from ..screening.people.accounts import SYSTEM, create_person, people
    from ..screening.people.roles import Role
    from ..screening.web.signin import DEMO_LOGINS

    known = {row.login for row in people(session)}
    names = {"operator": "Demo operator", "supervisor": "Demo supervisor", "admin": "Demo administrator"}
    for role, login in DEMO_LOGINS.items():
        if login not in known:
            create_person(session, SYSTEM, login, names[role], Role(role), None)
