"""Models and keys for tests of seals, signatures and bundles."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.detector.errors import UsageError
from parcelsight.inference.key_pairs import PrivateKey
from parcelsight.inference.keys import KEY_VARIABLE, PublicKey
from tests.models import dark_model

OURS, THEIRS = PrivateKey(b"\1" * 32), PrivateKey(b"\2" * 32)
MODEL = dark_model()
BODY = MODEL.SerializeToString()
"""Without a seal."""


def flipped(content: bytes, position: int, bit: int) -> bytes:
    """The same bytes but for one bit."""
    return content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :]


def run(*words: str | Path, key: PublicKey | None = None) -> tuple[int, str]:
    """Exit status and output of a verb; a usage error ends in status 2, as on the command line."""
    result = CliRunner().invoke(app, [str(word) for word in words], env={KEY_VARIABLE: key.text if key else None})
    if isinstance(result.exception, UsageError):
        return 2, str(result.exception)
    return result.exit_code, result.output
