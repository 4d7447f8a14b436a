"""The Triton model repository and the bill of materials of a bundle, held against their formats' own definitions."""

from __future__ import annotations

import importlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.export.bundle import Variant, write_bundle
from parcelsight.export.embed import embed_bytes
from parcelsight.export.sbom import with_requirements
from parcelsight.inference.bundle import VerifiedBundle
from tests.models import SIDE_PX, with_open_batch


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> VerifiedBundle:
    content = with_open_batch()
    variants = [Variant("tiny.onnx", content, "fp32")]
    variants += [Variant(f"tiny{kind.suffix}", embed_bytes(content, kind), "fp32") for kind in EmbedKind]
    return write_bundle(tmp_path_factory.mktemp("bundle") / "tiny", variants)


@cache
def model_config() -> ModuleType:
    """Triton's own definition of config.pbtxt; loaded alone, since the client around it needs gRPC."""
    client = importlib.util.find_spec("tritonclient")
    if client is None or not client.submodule_search_locations:
        pytest.skip("tritonclient is not installed; it comes with: pip install 'parcelsight[test]'")
    path = Path(client.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parsed(path: Path) -> Any:
    return importlib.import_module("google.protobuf.text_format").Parse(
        path.read_text("ascii"), model_config().ModelConfig()
    )


def test_the_repository_has_the_layout_triton_wants(bundle: VerifiedBundle) -> None:
    repository = bundle.folder / "triton"
    assert sorted(path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file()) == [
        "tiny-embed/1/model.onnx",
        "tiny-embed/config.pbtxt",
        "tiny-embed/labels.txt",
        "tiny/1/model.onnx",
        "tiny/config.pbtxt",
        "tiny/labels.txt",
    ]
    assert (repository / "tiny" / "labels.txt").read_text() == "pistol\ncartridge\n"


@pytest.mark.parametrize(("name", "max_batch"), [("tiny", 16), ("tiny-embed", 0)])
def test_the_configuration_fits_the_model(bundle: VerifiedBundle, name: str, max_batch: int) -> None:
    folder = bundle.folder / "triton" / name
    config = parsed(folder / "config.pbtxt")
    assert (config.name, config.backend, config.max_batch_size) == (name, "onnxruntime", max_batch)
    assert config.HasField("dynamic_batching") == (max_batch > 0) and not config.HasField("ensemble_scheduling")
    types = {"TYPE_FP32": "tensor(float)", "TYPE_UINT8": "tensor(uint8)", "TYPE_INT64": "tensor(int64)"}
    session = onnxruntime.InferenceSession(str(folder / "1" / "model.onnx"), providers=["CPUExecutionProvider"])
    for told, real in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        assert [each.name for each in told] == [each.name for each in real]
        for each, argument in zip(told, real, strict=True):
            kind = model_config().DataType.Name(each.data_type)
            assert types[kind] == argument.type
            sides = [side if isinstance(side, int) else -1 for side in argument.shape]
            assert list(each.dims) == (sides[1:] if max_batch else sides)


def test_the_batched_model_takes_batches(bundle: VerifiedBundle) -> None:
    model = onnx.load(str(bundle.folder / "triton" / "tiny" / "1" / "model.onnx"))
    assert [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim][0] == "N"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["N", 3, SIDE_PX, SIDE_PX]
    assert session.run(None, {"images": np.ones((1, 3, SIDE_PX, SIDE_PX), np.float32)})[0].shape == (1, 1, 6)


# --- the bill of materials


def bill(bundle: VerifiedBundle) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((bundle.folder / "sbom.cdx.json").read_text())
    return document


def test_the_bill_of_materials_keeps_its_schema(bundle: VerifiedBundle) -> None:
    pytest.importorskip("cyclonedx", reason="cyclonedx-python-lib comes with: pip install 'parcelsight[test]'")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    document = bill(bundle)
    assert validator.validate_str(json.dumps(document)) is None
    document["components"][0]["type"] = "spaceship"
    assert validator.validate_str(json.dumps(document)) is not None


def test_the_bill_of_materials_names_files_and_distributions(bundle: VerifiedBundle) -> None:
    components = {each["name"]: each for each in bill(bundle)["components"]}
    files = {entry.path: entry.sha256 for entry in bundle.manifest.files if entry.kind == "model"}
    assert {n: each["hashes"][0]["content"] for n, each in components.items() if each["type"] == "file"} == files
    assert components["onnxruntime"]["version"] == onnxruntime.__version__
    assert components["onnxruntime"]["scope"] == components["numpy"]["scope"] == "required"
    assert components["torch"]["scope"] == components["onnx"]["scope"] == "excluded"
    assert all(each["licenses"] for each in components.values() if each["type"] == "library")


def test_requirements_are_followed_and_absent_ones_passed_over() -> None:
    assert {"rich", "pygments", "markdown-it-py"} <= with_requirements(["Rich", "no-such-distribution"])
