"""The verb ``bundle``: from one contract-1 file to everything an integrator needs, and what it says to mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

from parcelsight.commands.main import app
from parcelsight.datasets.opencv import cv2
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ModelError, UsageError
from parcelsight.detector.seal import sealed
from parcelsight.export import variants
from parcelsight.export.calibration_scans import FEWEST_SCANS
from parcelsight.export.contract_file import contract_bytes, weights_sha256
from parcelsight.export.embed import embed_bytes
from parcelsight.export.pictures import generated_pictures
from parcelsight.inference.bundle import verify_bundle
from parcelsight.inference.detector import Detector
from tests.test_export import INPUT_PX, card, lively_network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny trained-looking network as its exporter writes it, with a proof beside it."""
    folder = tmp_path_factory.mktemp("model")
    lively_network(seed=3).export_raw_onnx(folder / "raw.onnx", INPUT_PX)
    graph = onnx.load(str(folder / "raw.onnx"))
    path = folder / "tiny.onnx"
    path.write_bytes(contract_bytes(graph, card(weights_sha256(graph))))
    path.with_suffix(".parity.json").write_text("{}\n")
    return path


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    pictures = generated_pictures()[:16]
    for i in range(FEWEST_SCANS):
        small = cv2.resize(np.rot90(pictures[i % 16].rgb, i // 16), (90, 70))
        cv2.imwrite(str(folder / f"{i:02}.png"), small)
    return folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["bundle", *map(str, words)])


@pytest.mark.slow
def test_every_variant_is_there_and_runs(
    model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "has_openvino", lambda: False)  # tested with the quantiser; it takes long
    done = run(model, tmp_path / "out", "--scans", scans, "--json")
    assert done.exit_code == 0, done.output
    files = {entry["path"]: entry for entry in json.loads(done.stdout)["files"]}
    assert {(e["contract"], e["precision"]) for e in files.values() if e["path"].endswith(".onnx")} == {
        *((contract, precision) for contract in ("1", "embed-1") for precision in ("fp32", "fp16", "int8")),
        ("embed-batch-1", "fp32"),
        ("embed-dual-1", "fp32"),
    }
    assert files["test.parity.json"]["kind"] == "proof"
    assert files["test-int8.onnx"]["size_bytes"] < files["test-fp16.onnx"]["size_bytes"]
    verify_bundle(tmp_path / "out")
    rgb = generated_pictures()[4].rgb
    whole = Detector(model).detect(rgb, floor=0.0)
    for name, tolerance in (("test.onnx", 1e-6), ("test-fp16.onnx", 0.01), ("test-int8.onnx", 0.2)):
        found = Detector(tmp_path / "out" / name).detect(rgb, floor=0.0)
        assert abs(float(found.score[0]) - float(whole.score[0])) <= tolerance, name


def test_without_enough_scans_there_are_no_int8_variants(model: Path, scans: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "00.png").write_bytes((scans / "00.png").read_bytes())
    done = run(model, tmp_path / "out", "--scans", few)
    assert (
        done.exit_code == 0 and "no INT8 variants: 32 scans are needed to fit them to, and there are 1" in done.output
    )
    assert not list((tmp_path / "out").glob("*int8*")) and (tmp_path / "out" / "test-fp16.embed.onnx").is_file()


def test_mistakes_are_told_before_any_work(model: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    for words, message in (
        ((model, tmp_path / "taken"), "taken exists and is not an empty folder; give a new folder"),
        ((model, tmp_path / "out", "--sign", tmp_path / "absent"), "absent: no private key can be read there"),
    ):
        done = run(*words)
        assert isinstance(done.exception, UsageError) and message in str(done.exception)
    embed = tmp_path / "m.embed.onnx"
    embed.write_bytes(sealed(embed_bytes(model.read_bytes(), EmbedKind.SINGLE)))
    done = run(embed, tmp_path / "out")
    assert isinstance(done.exception, ModelError) and "is of contract embed-1; variants are made from" in str(
        done.exception
    )
    assert not (tmp_path / "out").exists()


def test_the_shipped_model_is_sealed() -> None:
    assert sealed(SHIPPED_MODEL.read_bytes()) == SHIPPED_MODEL.read_bytes()
