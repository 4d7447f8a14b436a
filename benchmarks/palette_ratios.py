"""Print a_low / a_high of slabs against mean attenuation: where MATERIAL_RATIOS of datasets/canonical.py comes from.

python benchmarks/palette_ratios.py [SCANNER]
"""

from __future__ import annotations

import sys

import numpy as np

from parcelsight.datasets.canonical import MATERIAL_RATIOS
from parcelsight.datasets.synthetic.scanner import load_scanner

MATERIALS = ("polyethylene", "water", "aluminium", "steel", "brass", "lead")
THICKNESS_MM = np.geomspace(0.01, 500, 600)


def main() -> None:
    """One row a mean attenuation, one column a material."""
    scanner = load_scanner(sys.argv[1] if len(sys.argv) > 1 else "tunnel160")
    depths = [row[0] for row in MATERIAL_RATIOS]
    print("mean".rjust(6), *(name.rjust(13) for name in MATERIALS))
    columns = []
    for name in MATERIALS:
        integrals = THICKNESS_MM[:, None] * scanner.nodes.attenuation_per_mm(name)
        attenuation = -np.log(np.maximum(scanner.nodes.transmission(integrals.astype(np.float32)), 1e-9))
        columns.append(np.interp(depths, attenuation.mean(1), attenuation[:, 0] / attenuation[:, 1]))
    for depth, *ratios in zip(depths, *columns, strict=True):
        print(f"{depth:6.2f}", *(f"{ratio:13.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
