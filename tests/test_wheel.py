"""What a user installs: a wheel that holds every package and, installed bare, screens a picture without torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from parcelsight.datasets.opencv import cv2
from tests.models import dark_model, save

ROOT = Path(__file__).resolve().parents[1]
NOT_PACKAGED = {"tests", "benchmarks", "examples", "notebooks", "docs", "build", "dist", "runs", "scratch"}
MAX_INSTALLED_MB = 330
"""A ceiling, the shipped model (10 MB), sample parcels, the demonstration's belt, the manual's pictures and the starter
threats (9 MB) included: OpenCV, NumPy and onnxruntime alone are 282 MB."""
LEAN = ("onnxruntime==1.28.0", "opencv-python-headless==4.11.0.86")
"""The newest versions that are small; what docs/embedding.md names where space is short."""
MAX_LEAN_MB = 300
BROUGHT_BY_VENV = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
NEEDS_EXTRA = {"synthetic", "threat_render.py", "projected_set.py", "service"}
"""Packages and modules of datasets/ that render, and so need the extra [synthetic]; inference/service is an extra's own
name."""
ABSENT = ("torch", "torchvision", "ultralytics", "onnx", "scipy", "matplotlib", "numba")


def source_files() -> list[Path]:
    """Tracked and new files, relative to the root; what git ignores is no source."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if listing.returncode:
        pytest.skip("not a git checkout, so what belongs to the source cannot be told")
    names = [Path(os.fsdecode(name)) for name in listing.stdout.split(b"\0") if name]
    return [name for name in names if (ROOT / name).is_file()]


def modules() -> list[Path]:
    """Python files of the package, relative to the root."""
    return [
        path
        for path in source_files()
        if path.suffix == ".py" and path.parts[0] not in NOT_PACKAGED and not path.parts[0].startswith(".")
    ]


def listed_packages() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        packages: list[str] = tomllib.load(file)["tool"]["setuptools"]["packages"]
    return packages


def test_every_package_is_listed() -> None:
    found = {".".join(("parcelsight", *path.parent.parts)) for path in modules() if path.name == "__init__.py"}
    assert sorted(listed_packages()) == sorted(found)


def test_every_module_lies_in_a_package() -> None:
    packages = set(listed_packages())
    assert [str(p) for p in modules() if ".".join(("parcelsight", *p.parent.parts)) not in packages] == []


def run(*command: str | Path, cwd: Path, pinned: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in ``cwd`` with nothing of this environment on its import path; pip's pins hold where wanted."""
    left_out = {"PYTHONPATH", "VIRTUAL_ENV"} | (set() if pinned else {"PIP_CONSTRAINT"})
    environment = {k: v for k, v in os.environ.items() if k not in left_out}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )


def must(*command: str | Path, cwd: Path, pinned: bool = True) -> str:
    """Run a command that must succeed; what it printed."""
    done = run(*command, cwd=cwd, pinned=pinned)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the source."""
    base = tmp_path_factory.mktemp("wheel")
    for name in source_files():
        target = base / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    must(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", base, base / "source", cwd=base)
    (made,) = base.glob("parcelsight-*.whl")
    return made


def installed(wheel: Path, base: Path, *pins: str) -> Path:
    """A fresh environment with the wheel and no extras; its folder of programs."""
    must(sys.executable, "-m", "venv", base, cwd=base.parent)
    must(base / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, *pins, cwd=base, pinned=not pins)
    return base / "bin"


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions that were tested together."""
    return installed(wheel, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def lean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest versions."""
    return installed(wheel, tmp_path_factory.mktemp("lean"), *LEAN)


@pytest.mark.slow
@pytest.mark.parametrize("versions", ["bare", "lean"])
def test_bare_install_screens_a_picture(versions: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    programs: Path = request.getfixturevalue(versions)
    rgb = np.full((120, 200, 3), 255, np.uint8)
    rgb[40:80, 50:100] = 0
    picture = tmp_path / "parcel.png"
    cv2.imwrite(str(picture), rgb)
    model = save(dark_model(), tmp_path / "dark.onnx")
    printed = must(programs / "parcelsight", "screen", picture, "--model", model, "--json", cwd=tmp_path)
    record = json.loads(printed)
    assert record["verdict"] == "ALARM" and record["detections"][0]["class"] == "pistol"
    np.testing.assert_allclose(record["detections"][0]["xyxy_px"], [50, 40, 100, 80], atol=200 / 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", ABSENT)
def test_bare_install_has_no_training_packages(bare: Path, tmp_path: Path, name: str) -> None:
    done = run(bare / "python", "-c", f"import {name}", cwd=tmp_path)
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr


@pytest.mark.slow
def test_every_runtime_module_imports_bare(bare: Path, tmp_path: Path) -> None:
    names = ["parcelsight.commands.main"] + [
        ".".join(("parcelsight", *path.with_suffix("").parts))
        for path in modules()
        if path.parts[0] in ("inference", "datasets")
        and path.name != "__init__.py"
        and not NEEDS_EXTRA.intersection((*path.parts, path.name))
    ]
    must(bare / "python", "-c", f"import {', '.join(names)}", cwd=tmp_path)


@pytest.mark.slow
def test_bare_install_checks_signatures(bare: Path, tmp_path: Path) -> None:
    model = save(dark_model(), tmp_path / "dark.onnx")
    must(bare / "parcelsight", "keys", "site.key", cwd=tmp_path)
    must(bare / "parcelsight", "sign", model, "--key", "site.key", cwd=tmp_path)
    assert "of the trusted key" in must(bare / "parcelsight", "verify", model, "--key", "site.key.pub", cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("versions", "ceiling_mb"), [("bare", MAX_INSTALLED_MB), ("lean", MAX_LEAN_MB)])
def test_bare_install_is_small(versions: str, ceiling_mb: int, request: pytest.FixtureRequest) -> None:
    """As the wheels hold it, without the bytecode that Python makes of it."""
    programs: Path = request.getfixturevalue(versions)
    (packages,) = (programs.parent / "lib").glob("python*/site-packages")
    sizes_mb: dict[str, float] = defaultdict(float)
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0]
        made = path.is_symlink() or path.suffix == ".pyc" or top.startswith(BROUGHT_BY_VENV)
        if path.is_file() and not made:
            sizes_mb[top] += path.stat().st_size / 1e6
    largest = sorted(sizes_mb.items(), key=lambda item: -item[1])[:8]
    installed_mb = sum(sizes_mb.values())
    assert installed_mb < ceiling_mb, ", ".join(f"{name} {mb:.0f} MB" for name, mb in largest)
