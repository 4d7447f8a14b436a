"""The rooms import only what CONTRIBUTING.md lets them, heavy packages stay where they belong, and one room prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS: dict[str, set[str]] = {
    "detector": set(),
    "configs": {"detector.errors"},
    "datasets": {"detector", "configs"},
    "training": {"detector", "datasets", "configs"},
    "inference": {"detector", "datasets", "configs.loading"},
    "export": {"detector", "inference", "datasets", "training.run_directory"},
    "screening": {"detector", "configs", "inference", "datasets"},
    "fleet": {"detector", "configs", "inference", "datasets", "screening.rates"},
    "commands": {"detector", "configs", "datasets", "training", "inference", "export", "screening", "fleet"},
}
"""Room → what it may import besides itself: rooms, or single files of them."""
RENDERING = {"mapbox_earcut", "numba", "spekpy", "trimesh", "xraylib", "xraylib_np"}
HOMES: dict[str, set[str]] = {
    **dict.fromkeys(
        ("torch", "torchvision"), {"detector/network.py", "detector/raw_onnx.py", "detector/start_weights_file.py"}
    ),
    "ultralytics": {"detector/network.py"},
    "onnx": {"detector/raw_onnx.py", "export/"},
    **dict.fromkeys(("albumentations", "faster_coco_eval", "matplotlib", "scipy"), {"training/"}),
    **dict.fromkeys(sorted(RENDERING), {"datasets/synthetic/"}),
    **dict.fromkeys(("fsspec", "pyarrow", "ray"), {"fleet/"}),
}
"""Heavy package → the files and folders that may import it."""

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Absolute dotted names of everything a file imports; our own begin with ``parcelsight``."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    here = ("parcelsight", *path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            yield from (".".join((*base, *filter(None, (node.module, alias.name)))) for alias in node.names)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_room_of_the_guide_is_checked() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("| room |")[1].split("\n\n")[0]
    rooms = re.findall(r"^\| ((?:`\w+/`(?:, )?)+) \|", table, re.M)
    named = {room for group in rooms for room in re.findall(r"\w+(?=/)", group)}
    assert named == {*ROOMS, "benchmarks", "notebooks", "tests"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = []
    for path in (path for path in FILES if path.relative_to(ROOT).parts[0] == room):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "parcelsight" and len(parts) > 1 and parts[1] in ROOMS:
                allowed = parts[1] in {room, *ROOMS[room]} or ".".join(parts[1:3]) in ROOMS[room]
                wrong += [] if allowed else [f"{name_of(path)} imports {name}"]
    assert not wrong


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_stays_at_home(package: str) -> None:
    homes = tuple(HOMES[package])
    users = [name_of(path) for path in FILES if package in {module.split(".")[0] for module in imported(path)}]
    assert [name for name in users if not name.startswith(homes)] == []


def test_only_the_commands_print() -> None:
    talkers = [
        name_of(path)
        for path in FILES
        if path.relative_to(ROOT).parts[0] != "commands"
        and (
            {"rich", "typer"} & {module.split(".")[0] for module in imported(path)}
            or any(
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
                for node in ast.walk(parsed(path))
            )
        )
    ]
    assert talkers == []
