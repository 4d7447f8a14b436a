"""What verification promises: every altered, forged or reaching model is refused before an engine sees a byte of it.

The full form of the corruption test, 1,000 bit flips of the shipped model, is ``python -m benchmarks.verification``.
"""

from __future__ import annotations

import random
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ModelError, UsageError
from parcelsight.detector.seal import read_seal, sealed
from parcelsight.export.embed import embed_bytes
from parcelsight.export.signing import sign_model
from parcelsight.inference.detector import Detector
from parcelsight.inference.key_pairs import make_key_pair, public_half, read_private_key
from parcelsight.inference.keys import KEY_VARIABLE, read_public_key
from parcelsight.inference.onnxruntime import ort
from parcelsight.inference.verification import verify_model
from tests.models import save
from tests.signed_models import BODY, MODEL, OURS, THEIRS, flipped, run

FLIPS = 300


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the test fail where a session is created."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an InferenceSession was created")

    monkeypatch.setattr(ort, "InferenceSession", refuse)


def refused(path: Path, content: bytes) -> str:
    """Why the runtime refuses these bytes; it must."""
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        Detector(path)
    assert str(path) in caught.value.message and caught.value.remedy
    return caught.value.message


# --- a lone file


@pytest.mark.parametrize("content", [sealed(BODY), sealed(BODY, OURS.sign)], ids=["sealed", "signed"])
def test_every_flipped_bit_is_refused_before_a_session(tmp_path: Path, no_session: None, content: bytes) -> None:
    """Random bits of the whole file, and every bit of the seal."""
    chance = random.Random(5)
    seal = read_seal(content)
    assert seal is not None
    places = [(chance.randrange(len(content)), chance.randrange(8)) for _ in range(FLIPS)]
    places += [(position, bit) for position in range(seal.body_bytes, len(content)) for bit in range(8)]
    for position, bit in places:
        refused(tmp_path / "m.onnx", flipped(content, position, bit))


def test_every_truncation_is_refused_before_a_session(tmp_path: Path, no_session: None) -> None:
    content = sealed(BODY, OURS.sign)
    chance = random.Random(6)
    for length in {*range(len(content) - 300, len(content)), *(chance.randrange(len(content)) for _ in range(100))}:
        refused(tmp_path / "m.onnx", content[:length])
    assert "no seal" in refused(tmp_path / "m.onnx", content + b"\x08\x08")


def test_flips_in_the_shipped_model(tmp_path: Path, no_session: None) -> None:
    content, chance = SHIPPED_MODEL.read_bytes(), random.Random(7)
    for _ in range(10):
        refused(tmp_path / "m.onnx", flipped(content, chance.randrange(len(content)), chance.randrange(8)))


def external(model: onnx.ModelProto) -> None:
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../secrets.bin"


def own_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Evil", ["is_dark"], ["z"], domain="evil.corp"))


def vendor_blob(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("EPContext", ["is_dark"], ["z"], domain="com.microsoft"))


def another_contract(model: onnx.ModelProto) -> None:
    model.metadata_props[0].value = "7"


def another_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 32


def another_type(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def more_outputs(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [1]))


def training_graph(model: onnx.ModelProto) -> None:
    model.training_info.add()


FORGED: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "external data": (external, "weights in another file"),
    "custom operator": (own_operator, "custom domain 'evil.corp'"),
    "EPContext": (vendor_blob, "EPContext"),
    "unknown contract": (another_contract, "speaks contract '7'"),
    "another input": (another_input, "declares images float32 .1, 3, 32, 64. where contract 1 says"),
    "another type": (another_type, "declares detections type 11"),
    "more outputs": (more_outputs, "more float32 .1. where contract 1 says"),
    "training graph": (training_graph, "training graphs"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_well_sealed_file_is_looked_into_all_the_same(tmp_path: Path, no_session: None, case: str) -> None:
    change, message = FORGED[case]
    model = onnx.ModelProto()
    model.CopyFrom(MODEL)
    change(model)
    path = save(model, tmp_path / "m.onnx")
    for check in (Detector, verify_model):
        with pytest.raises(ModelError, match=message):
            check(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(50), "PyTorch checkpoint"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch checkpoint"),
        (BODY, "has no seal at its end"),
        (b"not a model", "is not an ONNX model"),
        (sealed(b"not a model"), "is not an ONNX model"),
    ],
    ids=["renamed .pt", "renamed old .pt", "no seal", "text", "sealed text"],
)
def test_what_is_no_sealed_model(tmp_path: Path, no_session: None, content: bytes, message: str) -> None:
    assert message in refused(tmp_path / "m.onnx", content)


@pytest.mark.parametrize("kind", EmbedKind)
def test_embed_models_are_verified_by_their_own_contract(tmp_path: Path, kind: EmbedKind) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(sealed(embed_bytes(BODY, kind)))
    assert verify_model(path).contract == kind.value
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    with pytest.raises(ModelError, match=f"declares image float32 .* where contract {kind.value} says image uint"):
        verify_model(save(model, path))


# --- keys


def test_a_pinned_key_asks_for_its_own_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    monkeypatch.setenv(KEY_VARIABLE, OURS.public.text)
    assert "is not signed, and only models signed with key" in refused(path, sealed(BODY))
    assert f"signed with key {THEIRS.public.name}" in refused(path, sealed(BODY, THEIRS.sign))
    forged = sealed(BODY, lambda statement: OURS.sign(b"another statement"))
    assert "carries a signature that is not of this file" in refused(path, forged)
    path.write_bytes(sealed(BODY, OURS.sign))
    assert Detector(path).card.name == "test"
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "lost.pub"))
    with pytest.raises(UsageError, match=f"{KEY_VARIABLE}: .*lost.pub: no public key can be read"):
        Detector(path)


def test_a_key_pair_is_secret_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    key = make_key_pair(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_private_key(path) == key and repr(key.seed) not in repr(key)
    assert read_public_key(str(public_half(path))) == key.public == read_public_key(key.public.text)
    with pytest.raises(UsageError, match=r"site.key exists and is not overwritten"):
        make_key_pair(path)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="may be read by others than its owner; keep it secret: chmod 600"):
        read_private_key(path)


@pytest.mark.parametrize("text", ["", "ed25519:AAAA", "-----BEGIN PRIVATE KEY-----", "ünïcode", "A" * 60])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text, encoding="utf-8")
    (tmp_path / "k").chmod(0o600)
    with pytest.raises(UsageError, match="k is (no Ed25519 public|a private) key; give"):
        read_public_key(str(tmp_path / "k"))
    with pytest.raises(UsageError, match="k is no Ed25519 private key; give"):
        read_private_key(tmp_path / "k")


def test_signing_does_not_hide_damage(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(flipped(sealed(BODY), 100, 3))
    with pytest.raises(ModelError, match="damaged or altered"):
        sign_model(path, path, OURS)
    path.write_bytes(BODY)
    sign_model(path, tmp_path / "signed.onnx", OURS)
    assert verify_model(tmp_path / "signed.onnx", OURS.public).file.signed_by == OURS.public


# --- the verbs


def test_the_verb_tells_intact_refused_and_mistaken_apart(tmp_path: Path) -> None:
    model = save(MODEL, tmp_path / "m.onnx")
    code, text = run("verify", model)
    assert code == 0 and "m.onnx: intact" in text and "none: nothing here shows who made it" in text
    assert run("verify", model, key=OURS.public)[0] == 1
    assert run("verify", tmp_path / "absent")[0] == 2
    assert run("verify", model, "--key", tmp_path / "absent.pub")[0] == 2


def test_from_a_key_pair_to_a_trusted_model(tmp_path: Path) -> None:
    key, model = tmp_path / "site.key", save(MODEL, tmp_path / "m.onnx")
    assert run("keys", key)[0] == 0
    code, text = run("sign", model, "--key", key)
    assert code == 0 and "signed with key" in text
    code, text = run("verify", model, "--key", f"{key}.pub")
    assert code == 0 and "of the trusted key" in text


def test_screening_takes_models_of_the_trusted_key_alone(tmp_path: Path) -> None:
    sample = SHIPPED_MODEL.parents[2] / "datasets" / "samples" / "parcel-10.jpg"
    model = tmp_path / "m.onnx"
    model.write_bytes(sealed(BODY, OURS.sign))
    screened = run("screen", sample, "--model", model, "--json", "--key", OURS.public.text)
    assert screened[0] == 0 and '"verdict"' in screened[1]
    result = CliRunner().invoke(app, ["screen", str(sample), "--model", str(model), "--key", THEIRS.public.text])
    assert isinstance(result.exception, ModelError) and "is trusted here" in str(result.exception)


def test_verifying_loads_no_engine(tmp_path: Path) -> None:
    path = save(MODEL, tmp_path / "m.onnx")
    code = (
        "import sys; from pathlib import Path; from parcelsight.inference.verification import verify_model\n"
        "verify_model(Path(sys.argv[1])); print([m for m in ('onnxruntime', 'onnx', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
