"""The documentation is held to the program: commands, options, links, code and figures."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from parcelsight.commands.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"(?:^|[\s`(/])parcelsight ((?:[a-z]+ )?[^`#\n|;]*)")
GROUP = typer.main.get_command(app)


def commands(page: Path) -> list[list[str]]:
    """Every use of the program in a page, as words; uses that name no verb, such as a package's name, are none."""
    found = []
    for match in COMMAND.finditer(page.read_text("utf-8")):
        words = shlex.split(match[1].strip().replace("'", "").replace('"', ""))
        if words and words[0] in GROUP.commands:  # type: ignore[attr-defined]
            found.append(words)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_the_documentation_exist(page: Path) -> None:
    for words in commands(page):
        command = GROUP.commands[words[0]]  # type: ignore[attr-defined]
        if hasattr(command, "commands") and len(words) > 1:
            command = command.commands.get(words[1], command)
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.split("=")[0].rstrip(",.)") for word in words if re.match(r"--[a-z]", word)}
        assert used <= known | {"--help"}, f"{page.name}: parcelsight {' '.join(words)}"


def test_the_readme_shows_the_program() -> None:
    shown = {words[0] for words in commands(ROOT / "README.md")}
    assert {"dataset", "train", "evaluate", "export", "screen", "synthesize"} <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_the_code_in_the_readme_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("[")


def test_figures_in_the_readme_are_those_measured() -> None:
    script = ROOT / "benchmarks" / "measured_tables.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
