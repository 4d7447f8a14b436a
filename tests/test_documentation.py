"""What pages show is real: commands, programs, targets and files exist, configurations are read, code compiles."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel, ValidationError

from parcelsight.commands.main import app
from parcelsight.configs.loading import parse_yaml
from parcelsight.fleet.collecting import CollectConfig
from parcelsight.fleet.config import ClusterConfig
from parcelsight.fleet.tuning import TuningConfig
from parcelsight.inference.lanes.config import LaneConfig, LanesConfig
from parcelsight.screening.desk.procedure import Procedure
from parcelsight.screening.desk.retention import Rules as RetentionRules
from parcelsight.training.recipe import TrainingRecipe

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
GROUP: Any = typer.main.get_command(app)
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.M | re.S)
SHELL = {"sh", "bash", "console", ""}
RUN_HERE = {"docs/integrators-guide.md"}
"""Pages whose Python is run from the root of the repository; README's is run in test_readme.py."""
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
LANE: dict[str, Any] = {"name": "x", "source": {"kind": "http"}}
MODELS: dict[type[BaseModel], dict[str, Any]] = {
    LanesConfig: {"ledger": "x", "lanes": [LANE]},
    TrainingRecipe: {"name": "x"},
    Procedure: {},
    RetentionRules: {},
    ClusterConfig: {},
    CollectConfig: {},
    TuningConfig: {},
}
"""Class of a configuration file → what a piece of one needs to be whole."""


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    """Fenced blocks of a page in one of the languages, without their indent."""
    for indent, kind, body in FENCE.findall(page.read_text("utf-8")):
        if kind in kinds:
            yield re.sub(f"^{indent}", "", body, flags=re.M)


def shell_lines(page: Path) -> Iterator[str]:
    """Lines of shell blocks, joined where they end in a backslash, without comments."""
    for block in blocks(page, *SHELL):
        for line in block.replace("\\\n", " ").split("\n"):
            bare = re.sub(r"(^|\s)#.*$", "", line).strip().removeprefix("$ ")
            yield from (part.strip() for part in re.split(r"\s&&\s|\|\s|;\s", bare) if part.strip())


def names(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


def words_of(line: str) -> list[str]:
    """Words of a command line, without what sudo and assignments put before the program."""
    words = shlex.split(line.replace("…", "X").replace("'", "").replace('"', ""))
    while words and (re.fullmatch(r"[A-Z_]+=.*", words[0]) or words[0] == "sudo"):
        words.pop(0)
        while words and words[0].startswith("-") and words[0] != "-":  # sudo -u NAME
            words = words[2:]
    return words


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_verb_and_option_that_is_typed_exists(page: Path) -> None:
    for line in shell_lines(page):
        words = words_of(line)
        if not words or Path(words[0]).name != "parcelsight":
            continue
        command, options = _command(words[1:], f"{page.name}: {line}")
        known = {name for parameter in command for name in (*parameter.opts, *parameter.secondary_opts)}
        assert options <= known | {"--help", "--version"}, f"{page.name}: {line}"


def _command(words: list[str], line: str) -> tuple[list[Any], set[str]]:
    """The parameters of the verb that is meant and of the groups above it, and the options that are typed."""
    options = {word.split("=")[0].rstrip(",.)") for word in words if re.match(r"--[a-z]", word)}
    command, parameters = GROUP, list(GROUP.params)
    for word in words:
        if word in getattr(command, "commands", {}):
            command = command.commands[word]
            parameters += command.params
        elif command is GROUP and not word.startswith("-"):
            raise AssertionError(f"{line}: no verb {word}")
    return parameters, options


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_make_targets_programs_and_test_files_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    assert set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s]*(?:[`#\n]|EXTRAS|PYTHON|\|))", text)) <= TARGETS | {"good"}
    for module in re.findall(r"python3? -m ((?:benchmarks|tests|parcelsight)\.[\w.]+)", text):
        path = ROOT / Path(*module.removeprefix("parcelsight.").split("."))
        assert path.with_suffix(".py").is_file(), f"{page.name}: {module}"
    for file in re.findall(r"(?:python3?|pytest) ((?:benchmarks|tests)/[\w/]+\.py)", text):
        assert (ROOT / file).is_file(), f"{page.name}: {file}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_options_of_benchmarks_exist(page: Path) -> None:
    for line in shell_lines(page):
        if found := re.match(r"python3? (?:-m )?(benchmarks[./]\w+)(?:\.py)?\b(.*)", line):
            source = (ROOT / (found[1].replace(".", "/") + ".py")).read_text("utf-8")
            for option in re.findall(r"--[a-z][\w-]*", found[2]):
                assert f'"{option}"' in source, f"{page.name}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_configuration_shown_is_read(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for text in _documents(block):
            model, data = _meant(text, page)
            model.model_validate(data)


def _documents(block: str) -> list[str]:
    """A block that repeats one key shows several alternatives, a line each."""
    lines = block.strip().split("\n")
    return lines if sum(line.startswith("source:") for line in lines) > 1 else [block]


def _meant(text: str, page: Path) -> tuple[type[BaseModel], Any]:
    """The class that reads a piece of YAML, and the piece with what a whole file has besides."""
    data = parse_yaml(text, page.name)
    if "source" in data:
        return LaneConfig, {"name": "x", **data}
    for model, besides in MODELS.items():
        if set(data) <= set(model.model_fields):
            return model, {**besides, **data}
    raise AssertionError(f"{page.name}: no configuration of ours holds {sorted(data)}; teach MODELS about it")


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_json_and_python_shown_are_sound(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("parcelsight"):
                assert importlib.util.find_spec(str(node.module)), f"{page.name}: {node.module}"
                offered = dir(importlib.import_module(str(node.module)))
                assert {alias.name for alias in node.names} <= set(offered), f"{page.name}: {node.module}"


@pytest.mark.parametrize("page", sorted(RUN_HERE))
def test_python_of_guides_runs(page: str) -> None:
    for block in blocks(ROOT / page, "python"):
        run = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert run.returncode == 0, run.stderr
        assert run.stdout.strip()


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_and_their_anchors_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"https?:", target):
            assert "localhost" not in target and "127.0.0.1" not in target, f"{page.name} → {target}"
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), f"{page.name} → {target}"
        if anchor and place.suffix == ".md":
            assert anchor in {slug(title) for title in re.findall(r"^#+ (.*)$", place.read_text("utf-8"), re.M)}, target


def slug(title: str) -> str:
    """A heading's anchor, as both renderers make it."""
    bare = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", bare).strip())


def test_the_checks_see_something() -> None:
    lines = [line for page in PAGES for line in shell_lines(page)]
    assert sum("parcelsight " in line for line in lines) > 60
    assert sum(1 for page in PAGES for _ in blocks(page, "yaml")) >= 4
    with pytest.raises(AssertionError, match="no verb"):
        _command(["skreen", "x"], "page")
    with pytest.raises(ValidationError):
        LanesConfig.model_validate({"ledger": "x", "lanes": [LANE], "policy": "wait"})
