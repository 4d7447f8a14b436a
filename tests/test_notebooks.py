"""How the notebooks are stored. That each runs is held by pytest itself, which executes them (pyproject.toml)."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text("utf-8"))
    assert document["nbformat"] == 4
    return list(document["cells"])


def test_the_six_are_there_and_listed() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]
    listed = (NOTEBOOKS[0].parents[1] / "docs" / "notebooks.md").read_text("utf-8")
    assert all(f"notebooks/{path.name}" in listed for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output_and_nothing_of_the_machine_it_was_written_on(path: Path) -> None:
    for cell in cells(path):
        assert not cell.get("outputs") and cell.get("execution_count") is None
        assert not cell["metadata"]
    metadata = json.loads(path.read_text("utf-8"))["metadata"]
    assert set(metadata) == {"kernelspec", "language_info"} and metadata["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_tells_a_story_and_computes_what_it_concludes(path: Path) -> None:
    every = cells(path)
    prose = [i for i, cell in enumerate(every) if cell["cell_type"] == "markdown"]
    assert every[0]["cell_type"] == "markdown" and "".join(every[0]["source"]).startswith(f"# {path.name[:2]} ")
    assert len(prose) >= len(every) / 4
    code = "".join(line for cell in every if cell["cell_type"] == "code" for line in (*cell["source"], "\n"))
    assert code.count("plt.") >= 2, "no plot"
    (last,) = (i for i in prose if "## What this notebook showed" in "".join(every[i]["source"]))
    concluding = [ast.parse("".join(cell["source"])) for cell in every[last:] if cell["cell_type"] == "code"]
    said = [node for tree in concluding for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    assert any(isinstance(part, ast.FormattedValue) for node in said for part in node.values), "nothing is computed"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_needs_the_checkout_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "../shared" not in text and "http" not in text
