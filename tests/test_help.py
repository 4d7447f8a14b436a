"""Every verb and every option explains itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from parcelsight.commands.main import app

RUNNER = CliRunner()


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from verbs(inner, (*path, name))


VERBS = dict(verbs(typer.main.get_command(app)))


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_a_verb_and_its_options_have_help(path: tuple[str, ...]) -> None:
    command = VERBS[path]
    assert command.help and command.help.strip()[0].isupper()
    silent = [param.name for param in command.params if not (param.help or "").strip()]
    assert silent == []


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_flags_show_no_value(path: tuple[str, ...]) -> None:
    shown = RUNNER.invoke(app, [*path, "--help"], env={"COLUMNS": "160", "TERM": "dumb"})
    assert shown.exit_code == 0 and "--help" in shown.output and "bool" not in shown.output
