"""What projection reads off a scan, against what the rendered scanner was: sharpness and noise.

    python -m benchmarks.scan_traits_truth [--scans 70] [--first 100] [--scanner tunnel160]

Parcels are rendered with the state of their detectors kept. Printed: by percentile of edge spreads the bias and the
standard deviation of the variance of the point spread, in square pixels, against the mean of both directions; and the
gain as a share of the true one, by channel, mean and standard deviation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.projection import scan_traits
from parcelsight.datasets.scan import transmission
from parcelsight.datasets.synthetic import render as rendering
from parcelsight.datasets.synthetic.detector_array import DetectorArray
from parcelsight.datasets.synthetic.packing import compose_parcel
from parcelsight.datasets.synthetic.scanner import Scanner, Signal, load_scanner

PERCENTILES = (12, 14, 15, 16, 17, 18, 20)
Kernel = NDArray[np.float32]


def rendered(scanner: Scanner, seeds: range) -> Iterator[tuple[NDArray[np.float32], DetectorArray]]:
    """(transmissions (H, W, C), its detectors) of one parcel a seed."""
    states: list[DetectorArray] = []

    class Kept(DetectorArray):
        @classmethod
        def draw(cls, signal: Signal, columns: int, channels: int, rng: np.random.Generator) -> DetectorArray:
            states.append(DetectorArray.draw(signal, columns, channels, rng))
            return states[-1]

    with patch.object(rendering, "DetectorArray", Kept):
        for seed in seeds:
            parcel = compose_parcel(np.random.default_rng(seed), "test", threat_share=1.0)
            scan = rendering.render(parcel, scanner, np.random.default_rng(seed))[0].scan
            yield transmission(scan), states.pop()


def variance(kernel: Kernel) -> float:
    """Of a point spread, in square pixels."""
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    return float((kernel * offsets**2).sum() - (kernel * offsets).sum() ** 2)


def main() -> None:
    """Render, read, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=70)
    parser.add_argument("--first", type=int, default=100, help="seed of the first parcel")
    parser.add_argument("--scanner", default="tunnel160")
    options = parser.parse_args()
    off: dict[int, list[float]] = {percentile: [] for percentile in PERCENTILES}
    gains = []
    for lit, state in rendered(load_scanner(options.scanner), range(options.first, options.first + options.scans)):
        gains.append(scan_traits.traits_of(lit).gain * state.photons)
        true = (variance(state.across) + variance(state.along)) / 2
        for percentile in PERCENTILES:
            with patch.object(scan_traits, "_SHARPEST", percentile):
                off[percentile].append(scan_traits.edge_spread(np.ascontiguousarray(lit.mean(axis=2))) ** 2 - true)
    print(f"{options.scans} scans, {options.scanner}; projection uses percentile {scan_traits._SHARPEST}")
    for percentile, bias in off.items():
        print(f"percentile {percentile}: bias {np.mean(bias):+.3f}, standard deviation {np.std(bias):.3f}")
    mean, spread = np.mean(gains, axis=0), np.std(gains, axis=0)
    print("gain, share of the true one: " + ", ".join(f"{m:.2f} ± {s:.2f}" for m, s in zip(mean, spread, strict=True)))


if __name__ == "__main__":
    main()
