"""The verb ``sign``: put one's own signature under a model that one has reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import stdout


def sign(
    model: Annotated[Path, typer.Argument(help="ONNX model of a ParcelSight contract.")],
    key: Annotated[
        Path | None, typer.Option(metavar="PRIVATE", help="Private key of parcelsight keys; without, only seal.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write [default: the model itself].")] = None,
) -> None:
    """Sign a model file, so that machines which trust your key run it.

    The model is checked first, as parcelsight verify does; who signed it before does not matter, and that signature is
    replaced. Without --key the file gets a new seal alone: the digest that shows damage, for files that have none.
    """
    from ..export.signing import sign_model
    from ..inference.key_pairs import read_private_key

    private = read_private_key(key) if key else None
    target = out or model
    made = sign_model(model, target, private)
    how = f"signed with key {private.public.name}" if private else "sealed, not signed"
    stdout.print(f"{target}: {made.card.name} {made.card.version}, contract {made.contract}, {how}")
