"""The mean of two networks that were taught one after the other: often better than either, for no cost at use.

    python -m benchmarks.average_weights EARLIER.pt RUN --input-px 416 --out MEAN.pt

EARLIER.pt is what RUN began with. Every weight, and every running mean and variance, becomes the mean of both
(Wortsman et al., Robust fine-tuning of zero-shot models, 2022). Export it as the weights of RUN.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from parcelsight.detector.errors import ModelError
from parcelsight.detector.network import Network, load_network


def average(first: Network, second: Network, input_px: int) -> Network:
    """The second network with half of the first in it.

    Raises:
        ModelError: if they are of different kinds.
    """
    if (first.architecture, first.classes) != (second.architecture, second.classes):
        raise ModelError(f"{first.source} and {second.source} differ in network or classes", "average one family")
    model = second._model.float()
    early, late = first._model.float().state_dict(), model.state_dict()
    model.load_state_dict({name: (early[name] + late[name]) / 2 if late[name].is_floating_point() else late[name]
                           for name in late})  # fmt: skip
    model.args = {"imgsz": input_px}
    return Network(model, second.source)


def main() -> None:
    """Average two files."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("earlier", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--input-px", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    average(load_network(given.earlier), load_network(given.run), given.input_px).write_start_weights(given.out)


if __name__ == "__main__":
    main()
