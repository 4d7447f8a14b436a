"""Belts for tests: a scanner with large pixels, so that they are quick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from parcelsight.datasets.belt import Lines
from parcelsight.datasets.synthetic.belt import VirtualScanner
from parcelsight.datasets.synthetic.belt_plan import BeltPlan
from parcelsight.datasets.synthetic.scanner import Framing, Range, Scanner, load_scanner

NIL = Range(low=0, high=0)
MARGIN_PX = 10


def coarse(quiet: bool = False) -> Scanner:
    """The dual-view scanner with large pixels, so that belts are quick; quiet: levels are transmissions."""
    scanner = load_scanner("duo140")
    framing = Framing(width_mm=640, margin_mm=Range(low=MARGIN_PX * 2.5, high=MARGIN_PX * 2.5), whole_width=0)
    preset = scanner.preset.model_copy(update={"pitch_mm": 2.5, "framing": framing})
    if quiet:
        fields = ("electronic_noise", "scatter", "blur_px", "belt_blur_px", "afterglow", "gain_residue", "dark_residue")
        update = dict.fromkeys((*fields, "line_drift"), NIL) | {
            "dead_share": 0.0,
            "photons": Range(low=1e12, high=1e12),
        }
        preset = preset.model_copy(update={"signal": preset.signal.model_copy(update=update)})
    return replace(scanner, preset=preset)


def plan(**changes: object) -> BeltPlan:
    return replace(BeltPlan("duo140", seed=4, parcels=3, threat_share=1.0, gap_mm=(50, 200)), **changes)  # type: ignore[arg-type]


def stream(virtual: VirtualScanner, lines: int = 64) -> dict[str, Lines]:
    """All lines by view; blocks must follow each other."""
    blocks, expected = [], 0
    for block in virtual.blocks(lines):
        assert block.first_sequence == expected
        expected += len(block)
        blocks.append(block)
    return {view: np.concatenate([block.views[view] for block in blocks]) for view in virtual.arrays}
