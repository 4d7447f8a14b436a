"""The demonstration: sample parcels, screened by a real ``parcelsight run`` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import yaml

from .. import datasets
from ..detector.errors import RunError, UsageError
from .extras import require
from .run import SERVING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SAMPLES = Path(str(datasets.__file__)).parent / "samples"
_EVERY_S = 6.0
"""Ten parcels a minute: as many as an officer looks at in earnest."""
_LISTENING = "listening at "
_STOPPED_S = 10.0


@contextmanager
def virtual_lane(folder: Path, samples: Path = SAMPLES, every_s: float = _EVERY_S) -> Iterator[str]:
    """A lane service while the block runs; its address.

    Args:
        folder: for its ledger.
        samples: the parcels it shows again and again.
        every_s: between two of them.

    Raises:
        UsageError: where the samples are missing.
        RunError: if it does not start.
    """
    require("the demonstration's virtual lane", "service", SERVING)
    if not samples.is_dir():
        raise UsageError(f"{samples}: no sample parcels lie there", "run the demonstration from a checkout")
    config = {
        "ledger": str(folder / "ledger"),
        "workers": {"count": 1, "job_limit_s": 30, "cpu_limit_s": 30},
        "lanes": [
            {"name": "demo", "source": {"kind": "pictures", "folder": str(samples), "every_s": every_s, "repeat": True}}
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
