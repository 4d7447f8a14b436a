"""Bundles: what they hold, and that a changed, added, missing or forged file is found before anything runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parcelsight.detector.embed_contract import EmbedKind
from parcelsight.detector.errors import ModelError, UsageError
from parcelsight.export.bundle import Companion, Variant, write_bundle
from parcelsight.export.embed import embed_bytes
from parcelsight.inference.bundle import verify_bundle
from parcelsight.inference.key_pairs import make_key_pair
from parcelsight.inference.manifest import MANIFEST_NAME, SIGNATURE_NAME, read_manifest, with_digest
from tests.signed_models import BODY, OURS, THEIRS, flipped, run


def tiny_variants() -> list[Variant]:
    return [
        Variant("tiny.onnx", BODY, "fp32"),
        *(Variant(f"tiny{kind.suffix}", embed_bytes(BODY, kind), "fp32") for kind in EmbedKind),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    write_bundle(folder, tiny_variants(), [Companion("proof/tiny.parity.json", b"{}\n", "proof")], OURS)
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A signed bundle to play with."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def test_a_bundle_says_what_everything_in_it_is(bundle: Path) -> None:
    verified = verify_bundle(bundle, OURS.public)
    assert verified.signed_by == OURS.public
    files = {entry.path: entry for entry in verified.manifest.files}
    on_disk = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert on_disk == {*files, MANIFEST_NAME, SIGNATURE_NAME}
    embed = files["tiny.embed.onnx"]
    assert (embed.contract, embed.precision, embed.inputs[0].shape) == ("embed-1", "fp32", (None, None, 3))
    assert verified.manifest.card.name == verified.manifest.name == "test"


def test_the_same_variants_give_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "again", tiny_variants(), [Companion("proof/tiny.parity.json", b"{}\n", "proof")], OURS)
    for name in (MANIFEST_NAME, SIGNATURE_NAME, "sbom.cdx.json", "tiny.embed.onnx"):
        assert (tmp_path / "again" / name).read_bytes() == (bundle / name).read_bytes()


def test_every_flipped_bit_of_a_bundle_is_refused(bundle: Path) -> None:
    chance = random.Random(8)
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    for path in files * 8:
        content = path.read_bytes()
        path.write_bytes(flipped(content, chance.randrange(len(content)), chance.randrange(8)))
        with pytest.raises(ModelError) as caught:
            verify_bundle(bundle)
        assert str(bundle) in caught.value.message
        path.write_bytes(content)
    verify_bundle(bundle)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """What a forger without the key does: another manifest with a good digest."""
    document = read_manifest(folder)[0].model_dump(mode="json")
    change(document)
    (folder / MANIFEST_NAME).write_bytes(with_digest(document))


def unsigned(document: dict[str, Any]) -> None:
    document["signed_by"] = None


def stripped(bundle: Path) -> None:
    rewrite(bundle, unsigned)
    (bundle / SIGNATURE_NAME).unlink()


def path_of_first(path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        unsigned(document)
        document["files"][0]["path"] = path

    return change


def link(bundle: Path) -> None:
    (bundle / "card.json").rename(bundle.parent / "card.json")
    (bundle / "card.json").symlink_to(bundle.parent / "card.json")


def linked_folder(bundle: Path) -> None:
    (bundle / "triton").rename(bundle.parent / "triton")
    (bundle / "triton").symlink_to(bundle.parent / "triton")


def pipe(bundle: Path) -> None:
    (bundle / "card.json").unlink()
    os.mkfifo(bundle / "card.json")


def swapped_models(bundle: Path) -> None:
    """Both are signed; only the manifest tells them apart."""
    shutil.copy(bundle / "tiny.embed-dual.onnx", bundle / "tiny.embed.onnx")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "file missing": (lambda b: (b / "labels.txt").unlink(), "labels.txt is missing"),
    "file added": (lambda b: (b / "evil.so").write_bytes(b"x"), "evil.so is in the folder and not in its manifest"),
    "file cut": (lambda b: os.truncate(b / "tiny.onnx", 100), "has 100 bytes where the manifest says"),
    "file swapped": (swapped_models, "tiny.embed.onnx"),
    "manifest missing": (lambda b: (b / MANIFEST_NAME).unlink(), "manifest.json is missing"),
    "manifest reformatted": (
        lambda b: (b / MANIFEST_NAME).write_text(json.dumps(json.loads((b / MANIFEST_NAME).read_text()))),
        "damaged or altered",
    ),
    "manifest nested": (lambda b: (b / MANIFEST_NAME).write_text("[" * 100_000), "is no manifest"),
    "manifest huge": (lambda b: os.truncate(b / MANIFEST_NAME, 10**9), "larger than"),
    "signature missing": (lambda b: (b / SIGNATURE_NAME).unlink(), "manifest.sig is missing"),
    "signature of another": (
        lambda b: (b / SIGNATURE_NAME).write_bytes(THEIRS.sign((b / MANIFEST_NAME).read_bytes()).value),
        "is not the signature of manifest.json",
    ),
    "signature stripped": (stripped, "is not signed, and only bundles signed with key"),
    "link": (link, "card.json is a symbolic link"),
    "linked folder": (linked_folder, "triton is a symbolic link"),
    "pipe": (pipe, "card.json is not a regular file"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_tampered_bundle_is_refused(bundle: Path, case: str) -> None:
    change, message = TAMPERED[case]
    change(bundle)
    with pytest.raises(ModelError, match=message) as caught:
        verify_bundle(bundle, OURS.public)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "path",
    ["../outside.onnx", "/etc/passwd", "a/../../b", "a//b", "./a", ".hidden", "a\\b", "a\nb", "", "manifest.json",
     "C:evil", "a/" * 20 + "b", "é.onnx", "a" * 300],
)  # fmt: skip
def test_paths_in_a_manifest_stay_inside(bundle: Path, path: str) -> None:
    rewrite(bundle, path_of_first(path))
    with pytest.raises(ModelError, match=r"files\.0\.path is refused"):
        verify_bundle(bundle)


@pytest.mark.parametrize("key", ["/etc/passwd", "ed25519:", "ed25519:" + "A" * 43, "../site.key.pub"])
def test_the_key_in_a_manifest_is_never_a_path(bundle: Path, key: str) -> None:
    rewrite(bundle, lambda document: document.update(signed_by=key))
    with pytest.raises(ModelError, match="signed_by is refused"):
        verify_bundle(bundle)


def test_a_forger_without_the_key_gets_nowhere(bundle: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["signed_by"] = THEIRS.public.text

    rewrite(bundle, change)
    (bundle / SIGNATURE_NAME).write_bytes(THEIRS.sign((bundle / MANIFEST_NAME).read_bytes()).value)
    with pytest.raises(ModelError, match=f"signed with key {THEIRS.public.name}, and only key {OURS.public.name}"):
        verify_bundle(bundle, OURS.public)
    with pytest.raises(ModelError, match=f"is signed with key {OURS.public.name}"):  # the models still are ours
        verify_bundle(bundle)


def test_a_bundle_is_never_written_over_something(made: Path) -> None:
    with pytest.raises(UsageError, match="exists and is not an empty folder; give a new folder for the bundle"):
        write_bundle(made, tiny_variants())


def test_openssl_reads_our_keys_and_agrees_on_signatures(tmp_path: Path, bundle: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed; on Debian: apt-get install openssl")
    make_key_pair(tmp_path / "k")
    derived = subprocess.run([openssl, "pkey", "-in", tmp_path / "k", "-pubout"], capture_output=True, check=True)
    assert derived.stdout == (tmp_path / "k.pub").read_bytes()
    (tmp_path / "ours.pub").write_text(OURS.public.pem)
    command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(tmp_path / "ours.pub"), "-rawin"]
    command += ["-in", str(bundle / MANIFEST_NAME), "-sigfile", str(bundle / SIGNATURE_NAME)]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_verb_tells_a_bundle_of_ours_from_another(bundle: Path) -> None:
    code, text = run("verify", bundle, "--key", OURS.public.text, "--json")
    outcome = json.loads(text)
    assert code == 0 and outcome["verified"] and outcome["key_is_trusted"] and len(outcome["files"]) > 10
    code, text = run("verify", bundle, "--key", THEIRS.public.text, "--json")
    assert code == 1 and not json.loads(text)["verified"] and json.loads(text)["remedy"]
    code, text = run("verify", bundle)
    assert code == 0 and f"of key {OURS.public.name}; give --key" in text
