"""Signing: the models that are signed with an organisation's key."""

from __future__ import annotations

from pathlib import Path

from ..datasets.files import written_whole
from ..detector.errors import RunError, ScanError
from ..detector.seal import read_seal, sealed
from ..inference.key_pairs import PrivateKey
from ..inference.model_file import check_content, check_seal, read_content
from ..inference.verification import VerifiedModel, verified


def sealed_by(body: bytes, key: PrivateKey | None) -> bytes:
    """A model file with a new seal, signed where there is a key."""
    return sealed(body, key.sign if key else None)


def sign_model(model: Path, out: Path, key: PrivateKey | None) -> VerifiedModel:
    """Give a model file a new seal, after every check but that of who signed it.

    Args:
        model: a file of any known contract. One without a seal is taken at its word.
        out: the file to write; may be the same.
        key: signs it; None only seals.

    Raises:
        ModelError: if the model is damaged or refused.
        RunError: if it cannot be written.
    """
    content = read_content(model)
    if read_seal(content) is not None:
        check_seal(model, content)
    content = sealed_by(content, key)
    made = verified(check_content(model, content, key.public if key else None))
    write_file(out, content)
    return made


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file or none, with the folders it lies in.

    Raises:
        RunError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:
            part.write_bytes(content)
    except (OSError, ScanError) as error:
        raise RunError(f"{path} cannot be written ({error})", "give a place you may write to") from error
