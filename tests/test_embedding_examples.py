"""The examples of docs/embedding.md, run as an integrator would, against what the Python runtime says."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.readers import read_scan
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.seal import sealed
from parcelsight.export.embed import embed_bytes
from parcelsight.inference.detector import Detector

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
JAVASCRIPT = EXAMPLES / "javascript"
SAMPLES = ROOT / "datasets" / "samples"
SCORE_TOLERANCE, BOX_TOLERANCE_PX = 3e-3, 0.6
"""Two decimals are printed; engines round differently."""
NETWORK_S = 300


@dataclass(frozen=True)
class Claim:
    """One line that an example prints."""

    name: str
    score: float
    xyxy_px: tuple[float, ...]


@dataclass(frozen=True)
class Kit:
    """What an integrator has: a model, its labels, pictures."""

    model: Path
    labels: Path
    pictures: tuple[Path, ...]
    expected: tuple[list[Claim], ...]


def squeezed(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same parcel on its side, larger: landscape becomes portrait."""
    return np.ascontiguousarray(np.rot90(cv2.resize(rgb, None, fx=2.5, fy=2.0)))


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    folder = tmp_path_factory.mktemp("kit")
    model = folder / "model.embed.onnx"
    model.write_bytes(sealed(embed_bytes(SHIPPED_MODEL.read_bytes(), EmbedKind.SINGLE)))
    detector = Detector(SHIPPED_MODEL, device="cpu")
    names = [spec.name for spec in detector.card.classes]
    (folder / "labels.txt").write_text("\n".join(names) + "\n")
    samples = (canonical_rgb(read_scan(path)) for path in sorted(SAMPLES.glob("parcel-*.*")))
    # A larger copy may say something else: one of which it says enough.
    first, second = [rgb for rgb in samples if len(detector.detect(rgb)) and len(detector.detect(squeezed(rgb)))][:2]
    seen = {
        "first": first,
        "second": second,
        "large": squeezed(second),
        "air": np.full((9, 7, 3), 255, np.uint8),
    }
    pictures, expected = [], []
    for name, rgb in seen.items():
        pictures.append(folder / f"{name}.png")
        cv2.imwrite(str(pictures[-1]), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        found = detector.detect(rgb)
        boxes = ([float(edge) for edge in box] for box in found.xyxy_px)
        claims = zip(found.class_id, found.score, boxes, strict=True)
        expected.append([Claim(names[c], float(score), tuple(box)) for c, score, box in claims])
    assert [bool(claims) for claims in expected] == [True, True, True, False]
    return Kit(model, folder / "labels.txt", tuple(pictures), tuple(expected))


def claims(printed: str) -> list[Claim]:
    words = [line.split() for line in printed.splitlines()]
    return [Claim(line[0], float(line[1]), tuple(map(float, line[2:]))) for line in words]


def assert_agree(given: Sequence[Claim], expected: Sequence[Claim]) -> None:
    """Claims of nearly the same score may stand in either order."""
    assert len(given) == len(expected), (given, expected)
    left = list(given)
    for claim in expected:
        likes = [
            each
            for each in left
            if each.name == claim.name
            and abs(each.score - claim.score) <= SCORE_TOLERANCE
            and np.abs(np.subtract(each.xyxy_px, claim.xyxy_px)).max() <= BOX_TOLERANCE_PX
        ]
        assert likes, f"{claim} has no like among {given}"
        left.remove(likes[0])


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    # The Makefile keeps the working directory off the path, where benchmarks/ lies.
    environment = os.environ | {"PYTHONSAFEPATH": ""}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- the page


def test_figures_of_the_page_are_those_measured() -> None:
    run(sys.executable, "-m", "benchmarks.embedding_variants", "--check")


def test_the_code_of_the_page_runs(kit: Kit, tmp_path: Path) -> None:
    first, second = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "embedding.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "OUT").mkdir()
    shutil.copy(kit.model, tmp_path / "OUT" / "parcelsight-n.embed.onnx")
    shutil.copy(kit.pictures[0], tmp_path / "scan.png")
    printed = run(sys.executable, "-c", f"{first}\nprint(len(scores))", cwd=tmp_path)
    assert int(printed) == len(kit.expected[0])
    assert run(sys.executable, "-c", second).startswith("1 2026.1 {'name': 'pistol'")


# --- Python


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return named | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_python_with_onnxruntime_and_opencv(kit: Kit) -> None:
    example = EXAMPLES / "python" / "detect.py"
    assert imports(example) == {"json", "sys", "cv2", "onnxruntime"}
    body = [line for line in example.read_text("utf-8").splitlines()[1:] if line and not line.startswith("import")]
    assert len(body) <= 10, "ten lines were promised"
    for picture, expected in zip(kit.pictures, kit.expected, strict=True):
        assert_agree(claims(run(sys.executable, example, kit.model, picture)), expected)


def test_opencv_alone(kit: Kit) -> None:
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip(f"OpenCV {cv2.__version__} cannot load graphs with free sides; it takes OpenCV 5")
    example = EXAMPLES / "python" / "detect_opencv.py"
    assert imports(example) == {"sys", "pathlib", "cv2"}
    for picture, expected in zip(kit.pictures[:3], kit.expected, strict=False):
        assert_agree(claims(run(sys.executable, example, kit.model, kit.labels, picture)), expected)


# --- C++


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ example, built as its CMakeLists.txt says."""
    openvino = pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    missing = [program for program in ("cmake", "g++", "make") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; on Debian: apt-get install cmake g++ make")
    folder = tmp_path_factory.mktemp("cpp")
    config = Path(openvino.__path__[0]) / "cmake"
    run("cmake", "-S", EXAMPLES / "cpp", "-B", folder, f"-DOpenVINO_DIR={config}", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", folder)
    return folder / "detect"


@pytest.mark.slow
def test_cpp_with_openvino(kit: Kit, built: Path, tmp_path: Path) -> None:
    for picture, expected in zip(kit.pictures, kit.expected, strict=True):
        ppm = tmp_path / f"{picture.stem}.ppm"
        cv2.imwrite(str(ppm), cv2.imread(str(picture)))
        assert_agree(claims(run(built, kit.model, kit.labels, ppm)), expected)


@pytest.mark.slow
def test_cpp_refuses_what_is_no_picture(kit: Kit, built: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.ppm"
    short.write_bytes(b"P6 9 9 255\n123")
    for picture, why in ((kit.labels, "is no 8-bit binary PPM"), (short, "ends early")):
        done = subprocess.run([built, kit.model, kit.labels, picture], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and why in done.stderr


# --- JavaScript


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js, with the packages of examples/javascript installed there; npm fetches them once."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None:
        pytest.skip("Node.js is not installed; on Debian: apt-get install nodejs npm")
    wanted = [JAVASCRIPT / "node_modules" / name for name in ("onnxruntime-node", "onnxruntime-web", "sharp")]
    if not all(path.is_dir() for path in wanted):
        if npm is None:
            pytest.skip("examples/javascript has no node_modules and npm is missing; on Debian: apt-get install npm")
        command = [npm, "install", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(command, cwd=JAVASCRIPT, capture_output=True, text=True, timeout=NETWORK_S)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not fetch the packages of examples/javascript within {NETWORK_S} s")
        if done.returncode:
            pytest.skip(f"npm could not fetch the packages of examples/javascript: {done.stderr.strip()[-300:]}")
    return Path(program)


@pytest.mark.slow
def test_node(kit: Kit, node: Path) -> None:
    for picture, expected in zip(kit.pictures, kit.expected, strict=True):
        printed = run(node, "detect.js", kit.model, kit.labels, picture, cwd=JAVASCRIPT)
        assert_agree(claims(printed), expected)


@pytest.fixture
def site(kit: Kit, node: Path, tmp_path: Path) -> Iterator[str]:
    """The browser example served on loopback as its page says; the address."""
    shutil.copy(JAVASCRIPT / "index.html", tmp_path)
    shutil.copy(kit.model, tmp_path / "model.embed.onnx")
    shutil.copy(kit.labels, tmp_path / "labels.txt")
    (tmp_path / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Tests have their own reports."""


@pytest.mark.slow
def test_browser(kit: Kit, site: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed; it comes with: pip install 'parcelsight[test]'"
    )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site)
        page.wait_for_function("document.getElementById('found').textContent === 'ready'", timeout=60_000)
        for picture, expected in zip(kit.pictures, kit.expected, strict=True):
            page.evaluate("document.getElementById('found').textContent = ''")
            page.set_input_files("#picture", str(picture))
            page.wait_for_function("document.getElementById('found').textContent !== ''", timeout=60_000)
            shown = str(page.text_content("#found"))
            assert_agree(claims(shown) if expected else [], expected)
            assert expected or shown == "nothing above the thresholds"
        page.screenshot(path=str(kit.model.parent / "page.png"))
        browser.close()
    assert all(url.startswith((site, "blob:")) for url in asked), "everything comes from this machine"
