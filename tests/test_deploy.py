"""Units, container and lanes of a site: options exist, files are read, and a service may do little."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer

from parcelsight.commands.main import app
from parcelsight.configs.loading import load_config
from parcelsight.inference.lanes.config import LanesConfig

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
GROUP: Any = typer.main.get_command(app)
MOST_EXPOSURE = 2.0
"""Of 10, as systemd-analyze security counts; a usual service has 9."""


class Unit(ConfigParser):
    """A unit file; keys may be given more than once, and keep their case."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read(path, "utf-8")


def check_options(words: list[str]) -> None:
    """Every verb and option of a command line of ours exists."""
    command, parameters = GROUP, list(GROUP.params)
    for word in words:
        if word in getattr(command, "commands", {}):
            command = command.commands[word]
            parameters += command.params
    known = {name for parameter in parameters for name in parameter.opts}
    assert command is not GROUP
    assert {word for word in words if word.startswith("--")} <= known, words


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_starts_what_exists(path: Path) -> None:
    environment = (DEPLOY / "console.env").read_text("utf-8")
    (options,) = re.findall(r"^CONSOLE_OPTIONS=(.*)$", environment, re.M)
    for line in re.findall(r"^ExecStart(?:Pre)?=(.*)$", path.read_text("utf-8"), re.M):
        program, *words = shlex.split(line.replace("$CONSOLE_OPTIONS", options))
        assert program == "/opt/parcelsight/bin/parcelsight"
        check_options(words)


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_a_unit_runs_as_its_own_user_in_its_own_folder(path: Path) -> None:
    service = Unit(path)["Service"]
    users = re.findall(r"^u (\S+)", (DEPLOY / "systemd" / "sysusers.conf").read_text("utf-8"), re.M)
    assert service["User"] in users and service["StateDirectory"] == service["User"]
    assert service["StateDirectoryMode"] == "0700" and service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "yes" and service["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_systemd_reads_the_unit_and_finds_it_little_exposed(path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs Debian's package systemd")
    verified = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    odd = [
        line
        for line in verified.stderr.splitlines()
        if "/opt/parcelsight/bin/parcelsight is not executable" not in line
    ]
    assert odd == []
    command = ["systemd-analyze", "security", "--offline=true", str(path)]
    score = re.search(
        r"exposure level for \S+: (\d+\.\d+)", subprocess.run(command, capture_output=True, text=True).stdout
    )
    assert score is not None and float(score[1]) <= MOST_EXPOSURE


@pytest.mark.parametrize("name", ["lanes.yaml", "container/lanes.yaml"])
def test_lanes_that_are_shipped_are_read(name: str) -> None:
    config = load_config(DEPLOY / name, LanesConfig, "lanes")
    assert config.service is not None


def test_the_units_folder_is_where_the_lanes_keep_their_ledger() -> None:
    ledger = load_config(DEPLOY / "lanes.yaml", LanesConfig, "lanes").ledger
    unit = Unit(DEPLOY / "systemd" / "parcelsight-lanes.service")["Service"]
    assert ledger == Path("/var/lib") / unit["StateDirectory"]


def test_the_container_needs_no_index_and_no_root() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    stages = text.split("FROM ")[1:]
    assert len(stages) == 2 and re.search(r"^USER 1\d+$", stages[1], re.M)
    for line in re.findall(r"^.*pip install.*$", text, re.M):
        assert "--no-index" in line and "--find-links" in line
    copied = {source for source, _ in re.findall(r"^COPY (?:--from=\w+ )?(\S+) (\S+)$", text, re.M)}
    for source in copied - {"wheelhouse", "/opt/parcelsight"}:
        assert (ROOT / source).exists()
    sent = (ROOT / ".containerignore").read_text("utf-8").split()
    assert sent == (ROOT / ".dockerignore").read_text("utf-8").split() == ["*", "!wheelhouse", "!deploy"]
    words = shlex.split(re.findall(r"parcelsight\[[\w,]+\]", text)[0])
    extras = set(re.findall(r"\[([\w,]+)\]", words[0])[0].split(","))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert extras <= set(project["optional-dependencies"])
    assert f"EXTRAS ?= {','.join(re.findall(r'[a-z]+', words[0].split('[')[1]))}" in (ROOT / "Makefile").read_text(
        "utf-8"
    )


def test_what_the_nightly_unit_runs_works_on_a_new_console(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "parcelsight.commands.main", "console", "--data", str(tmp_path), "upgrade"]
    made = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    pruned = subprocess.run([*program[:-1], "prune", "--dry-run"], capture_output=True, text=True, timeout=300)
    assert pruned.returncode == 0 and "would go" in pruned.stdout
