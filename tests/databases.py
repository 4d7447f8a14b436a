"""Databases for tests: an SQLite file, and a PostgreSQL server of our own on a socket nobody else sees."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("sqlite", "postgresql")


def postgres_programs() -> Path | None:
    """The newest installed server's programs, as Debian lays them out."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server in a folder of its own; the URL of its socket, without a database's name."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; install the Debian package postgresql")
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        as_owner = _as_owner(folder)
        data, sock = folder / "data", folder / "socket"
        sock.mkdir()
        _give(sock)
        run = {"check": True, "capture_output": True, "cwd": name, "timeout": 60, **as_owner}
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "parcelsight", "-N", "-E", "UTF8"], **run)  # type: ignore[call-overload]
        options = f"-c listen_addresses='' -c unix_socket_directories={sock} -c fsync=off"
        subprocess.run(  # type: ignore[call-overload]
            [programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"],
            **run | {"capture_output": False, "stdout": subprocess.DEVNULL},
        )
        try:
            yield f"postgresql://parcelsight@/{{name}}?host={sock}"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run | {"check": False})  # type: ignore[call-overload]


def _as_owner(folder: Path) -> dict[str, object]:
    """The server refuses to run as root; there it runs as the user that Debian's package made."""
    if os.geteuid() != 0:
        return {}
    _give(folder)
    return {"user": "postgres", "group": "postgres", "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)


def create(url: str, name: str) -> str:
    """A new, empty database of a server; its URL."""
    programs = postgres_programs()
    assert programs is not None
    socket = url.split("host=")[1]
    subprocess.run([programs / "createdb", "-h", socket, "-U", "parcelsight", name], check=True, timeout=30)
    return url.format(name=name)
