"""Does anything tell which parcels carry a projected threat? Two classifiers try.

    python -m benchmarks.tip_telltale --parcels 800 --scenes 400 --first 13001 --save docs/results/tutor/telltale.json

**wire**: everything a browser receives of a parcel before it is answered (news, queue, parcel, answers' sizes, headers
and times, of every request a desk makes), except pixels, against whether it carries a projection.
**border**: pixels at the border of projected threats against those of the same threats rendered in place in the same
parcels: edge profiles across the border, noise and texture on both sides, the ratio of the two energies.

Area under the ROC by five-fold cross-validation, boosted trees and logistic regression, with 95 % bootstrap intervals;
.5 is chance, .55 the most that is allowed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.projection_gap import Scene, scene_of
from benchmarks.tip_wire import wire_samples
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.projection.compose import project, shade_of
from parcelsight.datasets.projection.realism import Change, looks_real
from parcelsight.datasets.projection.scan_traits import traits_of
from parcelsight.datasets.scan import transmission
from parcelsight.datasets.synthetic.scanner import load_scanner

GATE = 0.55
SCANNER = "tunnel160"
_REACH = 4
"""Pixels on each side of the border that are looked at."""
_SOFTEST_PX = 1.5
_DARKEST = 1e-3
Features = NDArray[np.float64]


def border_features(lit: NDArray[np.float32], footprint: NDArray[np.bool_]) -> Features:
    """What the pixels at a threat's border tell.

    Args:
        lit: (h, w, 2) transmissions of a window.
        footprint: (h, w) where the threat is.
    """
    depth = -np.log(np.maximum(lit, _DARKEST))
    inside = cv2.distanceTransform(footprint.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~footprint).astype(np.uint8), cv2.DIST_L2, 5)
    signed = np.where(footprint, inside - 0.5, 0.5 - outside)
    found: list[float] = []
    rough = np.stack([cv2.Laplacian(np.ascontiguousarray(depth[:, :, c]), cv2.CV_32F) for c in (0, 1)], axis=2)
    down, right = np.gradient(depth, axis=(0, 1))
    steep = np.hypot(down, right)
    for low in range(-_REACH, _REACH):
        ring = (signed >= low) & (signed < low + 1)
        if ring.sum() < 5:
            found += [0.0] * 13
            continue
        for channel in (0, 1):
            values, edges = depth[ring][:, channel], rough[ring][:, channel]
            found += [
                float(values.std()), float(steep[ring][:, channel].mean()), float(np.abs(edges).mean()),
                float(edges.mean()), float(np.percentile(np.abs(edges), 90)), float(np.median(np.abs(edges))),
            ]  # fmt: skip
        found.append(float(np.median(depth[ring][:, 1] / np.maximum(depth[ring][:, 0], 0.02))))
    rings = [depth[(signed >= low) & (signed < low + 1)] for low in range(-_REACH, _REACH)]
    profile = np.diff(np.stack([ring.mean(axis=0) if len(ring) else np.zeros(2) for ring in rings]), axis=0)
    step = np.maximum(np.abs(profile.sum(axis=0)), 0.02)
    return np.array([*found, *(profile / step).ravel()])


def border_pair(seed: int) -> tuple[Features, Features] | None:
    """Features of one threat rendered in place and projected; None where the scene or the realism check refuses."""
    scanner = load_scanner(SCANNER)
    scene: Scene | None = scene_of(seed, scanner)
    if scene is None:
        return None
    before, truth = transmission(scene.empty), transmission(scene.filled)
    traits = traits_of(before)
    shade = shade_of(scene.image, scene.placement, scanner.preset.pitch_mm, min(traits.blur_px, _SOFTEST_PX))
    if not shade.lies_in(before.shape):
        return None
    window = before[shade.slices]
    layered = project(window, shade, traits, np.random.default_rng([seed, 3]))

    def depth(lit: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(-np.log(np.maximum(lit, _DARKEST)).mean(axis=2), np.float32)

    noise = (traits.noise(layered.expected) / np.maximum(layered.expected, _DARKEST)).mean(axis=2)
    change = Change(
        depth(layered.transmission) - depth(window), depth(layered.expected) - depth(window), noise, shade.footprint,
        noise / np.float32(np.sqrt(2)), depth(layered.transmission),
    )  # fmt: skip
    if looks_real(change, check_noise=True) is not None:
        return None
    return (
        border_features(truth[shade.slices], shade.footprint),
        border_features(layered.transmission, shade.footprint),
    )


def border_samples(
    scenes: int, jobs: int, first: int = 1, minutes: float = 600
) -> tuple[Features, NDArray[np.int64], NDArray[np.int64]]:
    """(features, is projected, scene) of so many scenes, or as many as the time allows; two rows a scene."""
    until = monotonic() + 60 * minutes
    pairs: list[tuple[Features, Features]] = []
    seed = first
    with ProcessPoolExecutor(jobs) as pool:
        while len(pairs) < scenes and seed < first + 6 * scenes + 20 and monotonic() < until:
            batch = range(seed, seed + 4 * jobs)
            pairs += [pair for pair in pool.map(border_pair, batch) if pair is not None]
            seed = batch.stop
            print(f"{len(pairs)} of {scenes} scenes", flush=True)
    rows = [row for pair in pairs[:scenes] for row in pair]
    number = len(rows) // 2
    return np.stack(rows), np.tile([0, 1], number), np.repeat(np.arange(number), 2)


def area(
    features: Features, carries: NDArray[np.int64], groups: NDArray[np.int64], seed: int = 0
) -> dict[str, dict[str, float]]:
    """Area under the ROC of each classifier, cross-validated so that a group is never on both sides."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models: dict[str, Callable[[], Any]] = {
        "boosted trees": lambda: HistGradientBoostingClassifier(max_iter=120, learning_rate=0.06, random_state=seed),
        "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)),
    }
    found = {}
    for name, make in models.items():
        scores = np.zeros(len(carries))
        for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(features, carries, groups):
            model: Any = make()
            model.fit(features[train], carries[train])
            scores[test] = model.predict_proba(features[test])[:, 1]
        low, high = _interval(scores, carries, groups, seed)
        value = float(roc_auc_score(carries, scores))
        found[name] = {"auc": round(value, 3), "low": round(low, 3), "high": round(high, 3)}
    return found


def _interval(
    scores: NDArray[np.float64], carries: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """95 % of bootstrap samples of whole groups."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    values = []
    for _ in range(500):
        chosen = np.concatenate([members[int(k)] for k in rng.integers(len(members), size=len(members))])
        if 0 < carries[chosen].sum() < len(chosen):
            values.append(roc_auc_score(carries[chosen], scores[chosen]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def strongest(features: Features, carries: NDArray[np.int64], names: Sequence[str] = ()) -> list[list[Any]]:
    """The single features that tell most, by their own area: where to look for a leak."""
    from sklearn.metrics import roc_auc_score

    areas = [float(roc_auc_score(carries, features[:, k])) for k in range(features.shape[1])]
    order = sorted(range(len(areas)), key=lambda k: -abs(areas[k] - 0.5))[:6]
    return [[names[k] if names else k, round(areas[k], 3)] for k in order]


def main() -> None:
    """Measure, print, save; more than .55 ends in status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=800)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hold", type=float, default=0.25)
    parser.add_argument("--first", type=int, default=1, help="seed of the first scene")
    parser.add_argument("--minutes", type=float, default=600, help="for each part: what it has after so long counts")
    parser.add_argument("--cache", type=Path, help="keep the features here, to look at them again")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"gate": GATE}
    if arguments.scenes:
        features, projected, groups = border_samples(
            arguments.scenes, arguments.jobs, arguments.first, arguments.minutes
        )
        if arguments.cache:
            np.savez(arguments.cache.with_suffix(".border.npz"), features, projected, groups)
        result["border"] = {
            "scenes": len(groups) // 2, "scanner": SCANNER, "samples": len(projected),
            **area(features, projected, groups), "strongest": strongest(features, projected),
        }  # fmt: skip
        print(json.dumps(result["border"]), flush=True)
    if arguments.parcels:
        with TemporaryDirectory(prefix="tip-wire-") as name:
            wire, carrying, columns = wire_samples(Path(name), arguments.parcels, arguments.hold, arguments.minutes)
        if arguments.cache:
            np.savez(arguments.cache.with_suffix(".wire.npz"), wire, carrying)
        result["wire"] = {
            "parcels": len(carrying), "projected": int(carrying.sum()), "features": len(columns),
            **area(wire, carrying, np.arange(len(carrying))), "strongest": strongest(wire, carrying, columns),
        }  # fmt: skip
        print(json.dumps(result["wire"]), flush=True)
    if arguments.save:
        arguments.save.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(arguments.save.read_text("utf-8")) if arguments.save.exists() else {}
        result = kept | result  # a part that was left out keeps its figures
        arguments.save.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    areas = [result[part][model]["auc"] for part in ("border", "wire") if part in result
             for model in ("boosted trees", "logistic regression")]  # fmt: skip
    raise SystemExit(1 if max(areas, default=0) > GATE else 0)


if __name__ == "__main__":
    main()
