"""The look into ONNX files survives any bytes: a model, or a ModelError, and never a crash or a hang."""

from __future__ import annotations

import os
import random
import zipfile
from contextlib import nullcontext
from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelsight.detector.checkpoint_file import check_checkpoint
from parcelsight.detector.errors import ModelError
from parcelsight.detector.seal import read_seal, sealed
from parcelsight.inference import model_file
from parcelsight.inference.model_file import read_model
from tests.models import dark_model

BODY = dark_model().SerializeToString()
GOOD = sealed(BODY)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model") / "m.onnx"


def outcome(path: Path, content: bytes) -> str:
    """``read`` or ``refused``; anything else is a failure."""
    path.write_bytes(content)
    try:
        model = read_model(path)
    except ModelError as error:
        assert str(path) in error.message and error.remedy and "\n" not in error.message
        return "refused"
    assert model.content == content
    return "read"


def test_a_good_model_is_read_whole(path: Path) -> None:
    assert outcome(path, GOOD) == "read"
    assert read_model(path).metadata["parcelsight.contract"] == "1"


# One file is written over and over on purpose; it is never read across examples.
shared_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)


@shared_file
@given(content=st.binary(max_size=300))
def test_random_bytes(path: Path, content: bytes) -> None:
    outcome(path, content)


@shared_file
@given(length=st.integers(0, len(GOOD) - 1))
def test_truncation(path: Path, length: int) -> None:
    assert outcome(path, GOOD[:length]) == "refused"


@shared_file
@given(flips=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 7)), min_size=1, max_size=8))
def test_bit_flips(path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for position, bit in flips:
        content[position] ^= 1 << bit
    if content != GOOD:  # the same bit twice
        assert outcome(path, bytes(content)) == "refused"


@shared_file
@given(flips=st.lists(st.tuples(st.integers(0, len(BODY) - 1), st.integers(0, 7)), min_size=1, max_size=8))
def test_a_forger_may_seal_anything(path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(BODY)
    for position, bit in flips:
        content[position] ^= 1 << bit
    outcome(path, sealed(bytes(content)))


def test_a_seal_is_replaced_not_piled_up() -> None:
    assert sealed(GOOD) == GOOD
    seal = read_seal(GOOD)
    assert seal is not None and GOOD[: seal.body_bytes] == BODY
    assert onnx.load_from_string(GOOD).graph == onnx.load_from_string(BODY).graph


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no graph in it"),
        (b"hello, this is text, not a network", "not an ONNX model"),
        (b"\x3a" + b"\xff" * 9 + b"\x7f", "ends too early"),
        (b"\x08" + b"\xff" * 20, "a number is too long"),
        (b"\x0b" * 50, "unknown wire type"),
        (b"\x00\x00", "a field has no number"),
        (b"\xea\x80\x80\x80\x10\x00", "a field's number is too large"),
        (b"\x3a\x00\x3a\x00", "more than one graph"),
        (b"\x72\x06\x0a\x01a\x12\x01b\x72\x06\x0a\x01a\x12\x01c", "'a' twice"),
        (b"\x08\x01" * 1_000_001, "more than 1000000 fields"),
        (b"\x42\xe9\x07\x0a\xe6\x07" + b"x" * 998, "custom domain"),
        (b"\x42\xf3\x07\x0a\xf0\x07" + b"x" * 1008, "far too long"),
        (b"\x42\x04\x0a\x02\xff\xfe", "not text"),
    ],
    ids=[
        "empty",
        "text",
        "endless length",
        "endless number",
        "groups",
        "field 0",
        "field over 32 bits",
        "two graphs",
        "two answers",
        "many fields",
        "domain",
        "long",
        "?",
    ],
)
def test_hostile_bytes(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_model(path)


def test_noise_ends_in_an_answer(path: Path) -> None:
    noise = random.Random(1).randbytes(200_000)
    for start in range(40):
        outcome(path, b"\x3a" + noise[start:])


@pytest.mark.parametrize(
    ("compression", "declared_bytes", "says"),
    [
        (zipfile.ZIP_DEFLATED, 1_000_000, "is compressed inside"),
        (zipfile.ZIP_STORED, 3_000_000_000, "would unpack to more than 2000 MB"),
        (zipfile.ZIP_STORED, 1_000, None),
    ],
    ids=["bomb", "too large", "sound"],
)
def test_a_checkpoint_is_weighed_before_it_is_unpacked(
    tmp_path: Path, compression: int, declared_bytes: int, says: str | None
) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w", compression) as archive:
        archive.writestr("x/data.pkl", bytes(min(declared_bytes, 1_000_000)))
        archive.filelist[0].file_size = declared_bytes  # as the archive's list will tell
    with pytest.raises(ModelError, match=says) if says else nullcontext():
        check_checkpoint(tmp_path / "x.pt")


def test_a_checkpoint_is_called_by_its_name(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    with pytest.raises(ModelError, match="PyTorch checkpoint, not an ONNX model; export it with"):
        read_model(path)


def test_too_large_is_refused_without_reading_it_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MAX_MODEL_BYTES", 1_000_000)
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse
    with pytest.raises(ModelError, match="larger than 1 MB"):
        read_model(path)
    path.unlink()


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        read_model(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read_model(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read_model(tmp_path / "pipe.onnx")
