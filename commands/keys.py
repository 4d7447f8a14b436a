"""The verb ``keys``: a new key pair to sign models with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import stdout


def keys(
    file: Annotated[Path, typer.Argument(help="Private key file to write; the public key goes to FILE.pub.")],
) -> None:
    """Make a key pair (Ed25519) to sign models with.

    Keep FILE secret: whoever has it can sign in your name. It is written for its owner only (mode 0600), never
    overwritten, and is a PEM file that OpenSSL reads too. Give FILE.pub to everyone who runs your models, by another
    way than the models themselves; they pin it with PARCELSIGHT_MODEL_KEY or --key.
    """
    from ..inference.key_pairs import make_key_pair, public_half

    key = make_key_pair(file)
    stdout.print(f"{file}: private key; keep it secret, and a copy of it safe")
    stdout.print(f"{public_half(file)}: public key {key.public.name}, as one line: {key.public.text}")
