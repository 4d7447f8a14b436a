"""The verb ``start-weights``: a trained network as the beginning of other trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..detector.errors import UsageError
from .extras import TRAINING, require
from .terminal import stdout


def start_weights(
    run: Annotated[Path, typer.Argument(help="Run directory of parcelsight train, or a .pt file.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The .pt file to write.")],
) -> None:
    """Write a trained network as start weights for fine-tuning.

    The file holds the best epoch's layers in half precision and the class names; optimizer, scores, arguments and paths
    of the training stay behind. Begin with it by `start_weights: FILE` in a recipe. It is read as data, never as code.
    """
    require("writing start weights", "train", TRAINING)
    if out.suffix != ".pt":
        raise UsageError(f"{out}: start weights end in .pt", "correct --out")
    from ..detector.network import load_network

    network = load_network(run)
    network.write_start_weights(out)
    size_mb = out.stat().st_size / 1e6
    stdout.print(f"{out}: {network.architecture}, {len(network.classes)} classes, {size_mb:.1f} MB")
