"""Make the tube spectrum table of ``configs/spectra`` with spekpy (not needed to render, only to make a new table).

Run: ``python benchmarks/make_spectra.py configs/spectra/tungsten_20deg.csv --angle 20``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import spekpy

KVPS = (80, 100, 120, 140, 160, 180, 200)


def tube_table(anode_angle_deg: float) -> np.ndarray:
    """(energies, 1 + len(KVPS)): bin centre in keV, then fluence per bin of the bare tungsten tube for each kVp.

    Fluence is in photons / cm² / mAs at 1 m. No filter is applied: scanners name theirs.
    """
    energies_kev = np.arange(0.5, max(KVPS), 1.0)
    table = np.zeros((len(energies_kev), 1 + len(KVPS)))
    table[:, 0] = energies_kev
    for column, kvp in enumerate(KVPS, start=1):
        centres, fluence = spekpy.Spek(kvp=kvp, th=anode_angle_deg, dk=1.0).get_spectrum(edges=False)
        table[np.rint(centres - energies_kev[0]).astype(int), column] = fluence
    return table


def main() -> None:
    """Write the table as CSV with a header line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--angle", type=float, default=20.0, help="anode angle in degrees")
    arguments = parser.parse_args()
    table = tube_table(arguments.angle)
    header = ",".join(["energy_kev", *(str(kvp) for kvp in KVPS)])
    lines = [",".join([f"{row[0]:.1f}", *(f"{value:.5g}" for value in row[1:])]) for row in table[8:]]
    arguments.out.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
