"""The network behind its one door: loading, building, running and exporting it, and what it refuses."""

from __future__ import annotations

import pickle
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

# Looked for, not imported: the engine must be imported by detector/network.py alone, which prepares its surroundings.
if any(find_spec(package) is None for package in ("torch", "ultralytics")):
    pytest.skip("training packages are not installed: pip install 'parcelsight[train]'", allow_module_level=True)

import torch

from parcelsight.datasets.scan import AIR_LEVEL
from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME
from parcelsight.detector.errors import ModelError, RunError
from parcelsight.detector.lesson import LabelledPicture, Lesson
from parcelsight.detector.network import EnginePictures, Network, build_network, find_device, load_network
from parcelsight.detector.start_weights import SHIPPED_START_WEIGHTS, START_WEIGHTS_ENV, find_start_weights
from parcelsight.inference.letterbox import Letterbox
from parcelsight.inference.onnxruntime import ort as onnxruntime

REPOSITORY = Path(__file__).resolve().parents[1]
CLASSES = ("pistol", "magazine", "cartridge")


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network("yolo26n", CLASSES, None, seed=3)


@pytest.fixture(scope="module")
def coco_weights() -> Path:
    path = REPOSITORY.parent / "shared" / "weights" / "yolo26n-coco-int8.pt"
    if not path.is_file():
        pytest.skip("the COCO start weights, ../shared/weights/yolo26n-coco-int8.pt, are not beside the repository")
    return path


def _pictures(count: int, side_px: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 3, side_px, side_px), dtype=np.float32)


def test_new_network_knows_its_classes_and_gives_contract_rows(network: Network) -> None:
    output = network.predict(_pictures(2, 96))
    assert network.classes == CLASSES
    assert network.architecture == "yolo26n"
    assert network.input_px is None
    assert output.shape == (2, 96 * 96 // 64 + 36 + 9, 6)
    assert ((output[..., 4] >= 0) & (output[..., 4] <= 1)).all()
    assert set(np.unique(output[..., 5])) <= {0.0, 1.0, 2.0}
    assert (np.diff(output[..., 4], axis=1) <= 0).all(), "best first"


def test_single_batch_and_exported_agree(network: Network, tmp_path: Path) -> None:
    network.export_raw_onnx(tmp_path / "raw.onnx", input_px=64)
    session = onnxruntime.InferenceSession(str(tmp_path / "raw.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].name == INPUT_NAME
    assert session.get_inputs()[0].shape[1:] == [3, 64, 64]
    assert session.get_outputs()[0].name == OUTPUT_NAME
    assert session.get_outputs()[0].shape[1:] == [84, 6]
    pictures = _pictures(3, 64)
    together = network.predict(pictures)
    exported = session.run(None, {INPUT_NAME: pictures})[0]
    for i in range(3):
        alone = network.predict(pictures[i : i + 1])
        np.testing.assert_allclose(alone[0, :, 4], together[i, :, 4], atol=1e-5)
        np.testing.assert_allclose(exported[i, :, 4], together[i, :, 4], atol=1e-5)


def test_exported_alone_takes_one_picture_only_without_dynamic_batch(network: Network, tmp_path: Path) -> None:
    network.export_raw_onnx(tmp_path / "one.onnx", input_px=64, dynamic_batch=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "one.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 64, 64]


@pytest.mark.parametrize(
    ("input_px", "opset", "says"), [(100, 17, "multiple of 32"), (64, 19, "use 11 to 18"), (64, 5, "use 11 to 18")]
)
def test_impossible_exports_are_refused(network: Network, tmp_path: Path, input_px: int, opset: int, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        network.export_raw_onnx(tmp_path / "no.onnx", input_px, opset=opset)
    assert not (tmp_path / "no.onnx").exists()


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 60, 64)], ids=["no batch", "grey", "odd side"])
def test_pictures_of_a_wrong_shape_are_refused(network: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must be"):
        network.predict(np.zeros(shape, np.float32))


class _Evil:
    """Unpickled as code, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("where", ["model", "ema", "train_args"])
def test_code_in_weights_never_runs(tmp_path: Path, where: str) -> None:
    marker = tmp_path / "executed"
    torch.save({"model": None, "epoch": 1, where: _Evil(marker)}, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match=r"evil\.pt cannot be read"):
        load_network(tmp_path / "evil.pt")
    assert not marker.exists()


def test_a_bare_pickle_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(_Evil(marker)))
    with pytest.raises(ModelError, match=r"evil\.pt cannot be read"):
        load_network(tmp_path / "evil.pt")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.pt", b""), ("text.pt", b"not weights"), ("truncated.pt", b"PK\x03\x04" + bytes(50))],
)
def test_damaged_weights_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} cannot be read") as caught:
        load_network(tmp_path / name)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", ["absent.pt", "model.onnx", ""], ids=["missing", "not torch", "folder without weights"]
)
def test_absent_weights_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no such weights file"):
        load_network(tmp_path / name)


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    torch.save({"model": torch.nn.Linear(2, 2), "epoch": -1}, tmp_path / "linear.pt")
    with pytest.raises(ModelError, match=r"linear\.pt"):
        load_network(tmp_path / "linear.pt")


@pytest.mark.parametrize("file", ["yolo26n.pt", "yolo26n-coco-int8.pt"])
def test_start_weights_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    (tmp_path / file).write_bytes(b"weights")
    monkeypatch.setenv(START_WEIGHTS_ENV, str(tmp_path))
    assert find_start_weights("yolo26n") == (tmp_path / file).resolve()


def test_start_weights_are_found_in_the_users_own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Ultralytics").mkdir()
    (tmp_path / "Ultralytics" / "settings.json").write_text(f'{{"weights_dir": "{tmp_path}"}}')
    (tmp_path / "yolo26n.pt").write_bytes(b"weights")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(START_WEIGHTS_ENV, raising=False)
    assert find_start_weights("yolo26n") == (tmp_path / "yolo26n.pt").resolve()


@pytest.mark.parametrize("wanted", ["yolo26n", "somewhere/yolo26n.pt"], ids=["name", "path"])
def test_absent_start_weights_are_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv(START_WEIGHTS_ENV, str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(RunError, match="start weights") as caught:
        find_start_weights(wanted)
    assert "start_weights:" in caught.value.remedy


def test_start_weights_of_another_architecture_are_refused(coco_weights: Path) -> None:
    with pytest.raises(ModelError, match="holds yolo26n, the recipe asks for yolo26s"):
        build_network("yolo26s", CLASSES, coco_weights)


def test_start_weights_give_their_layers_and_not_their_classes(coco_weights: Path, network: Network) -> None:
    coco = load_network(coco_weights)
    started = build_network("yolo26n", CLASSES, coco_weights)
    assert len(coco.classes) == 80
    assert started.classes == CLASSES
    first = "model.0.conv.weight"
    ours, theirs = started._model.state_dict()[first], coco._model.state_dict()[first]
    assert torch.equal(ours, theirs)
    assert not torch.equal(network._model.state_dict()[first], theirs)


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (60, 90), (91, 37), (300, 17), (5, 400), (33, 32)], ids=lambda value: str(value)
)
def test_training_letterboxes_as_the_runtime_does(tmp_path: Path, height: int, width: int) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    box = np.array([[1.0, 2.0, width - 1.0, height - 2.0]], np.float32)
    picture = LabelledPicture("scan", lambda: rgb, box, np.array([0]))
    lesson = Lesson(
        tmp_path,
        (picture,),
        (),
        lambda sample, seed, fetch: sample,
        lambda epoch: np.arange(1),
        AIR_LEVEL,
        64,
        1,
        1,
        1e-3,
        0.0,
        1,
        0,
        0,
        "cpu",
        mixed_precision=True,
        in_memory=False,
    )
    item = EnginePictures((picture,), lesson, varied=False)[0]
    fit = Letterbox.fit(height, width, 64)
    rows, columns = fit.content
    outside = item["img"].numpy().transpose(1, 2, 0).copy()
    outside[rows, columns] = 255
    assert (outside == 255).all(), "padding is air-white and lies where the runtime puts it"
    centre, size = item["bboxes"][0, :2].numpy() * 64, item["bboxes"][0, 2:].numpy() * 64
    xyxy = np.concatenate([centre - size / 2, centre + size / 2])
    np.testing.assert_allclose(xyxy, fit.forward(box.astype(np.float64))[0], atol=1e-3)


def test_a_gpu_that_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto")[0] == "cpu"
    with pytest.raises(RunError, match="GPU"):
        find_device("cuda")


def test_only_one_file_imports_the_engine() -> None:
    rooms = ("commands", "configs", "datasets", "detector", "export", "inference", "screening", "training")
    importing = {
        str(path.relative_to(REPOSITORY))
        for room in rooms
        for path in (REPOSITORY / room).rglob("*.py")
        if any(line.strip().startswith(("import ultralytics", "from ultralytics")) for line in path.open())
    }
    assert importing == {"detector/network.py"}


def test_the_shipped_weights_tell_nothing_of_the_machine_they_came_from() -> None:
    with zipfile.ZipFile(SHIPPED_START_WEIGHTS) as archive:
        pickled = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".pkl"))
    found = re.findall(rb"/(?:tmp|home|root|work|mnt|data|Users)/[^\x00-\x20]*", pickled)
    assert found == [], "write them with Network.write_start_weights"
