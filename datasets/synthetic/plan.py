"""What a rendering run is to make, and why it may be impossible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ... import __version__
from ...detector.errors import UsageError
from .looks import palette_of
from .packing import SEVERAL_SHARE
from .scanner import load_scanner
from .senders import ALL, SPLITS, Sender, Shares, SplitChoice, senders

Only = Literal["all", "scans", "pictures"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to render."""

    out: Path
    count: int
    """Parcels; each gives one scan a view."""
    seed: int
    scanners: tuple[str, ...]
    """Presets by name or path; one is drawn for each parcel."""
    split: SplitChoice = "train"
    views: int = 1
    threat_share: float = 0.5
    """Chance of a parcel to hold a threat."""
    looks: str = "canonical"
    only: Only = "all"
    masks: bool = False
    benign: bool = False
    """Label benign objects too."""
    several_share: float = SEVERAL_SHARE
    """Chance of a parcel with a threat to hold several."""
    shares: Shares = (80.0, 10.0, 10.0)
    """Of train, val and test among the parcels, in any unit; counts where the split is ``all``."""
    turned_share: float = 0.0
    """Chance of a parcel's threats to be turned away from lying flat, for the training of people."""

    def statement(self) -> dict[str, object]:
        """What decides the bytes: a folder holds one such thing. ``count`` may grow."""
        presets = {name: load_scanner(name).preset.model_dump(mode="json") for name in self.scanners}
        return {
            "version": __version__,
            "seed": self.seed,
            "split": self.split,
            "shares": self.shares if self.split == ALL else None,
            "views": self.views,
            "threat_share": self.threat_share,
            "several_share": self.several_share,
            "looks": self.looks,
            "only": self.only,
            "masks": self.masks,
            # Named only where wanted, so that folders begun before there was such a thing can still grow.
            **({"benign": True} if self.benign else {}),
            **({"turned_share": self.turned_share} if self.turned_share else {}),
            "scanners": presets,
        }

    def senders(self) -> tuple[Sender, ...]:
        """Who sends which of the parcels; the last one may have more than are rendered."""
        return senders(self.count, self.seed, self.split, self.shares, self.threat_share)

    def check(self) -> None:
        """Raises UsageError or ConfigError for what cannot be rendered."""
        if self.count < 1:
            raise UsageError(f"--count {self.count}: there must be something to render", "give 1 or more")
        for option, share in (
            ("--threat-share", self.threat_share),
            ("--several-share", self.several_share),
            ("--turned-share", self.turned_share),
        ):
            if not 0 <= share <= 1:
                raise UsageError(f"{option} {share}: not a share", "give a number from 0 to 1")
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: seeds are not negative", "give 0 or more")
        palette_of(self.looks, np.random.default_rng(0))
        for name in self.scanners:
            views = load_scanner(name).preset.views
            if not 1 <= self.views <= len(views):
                capable = "it has " + (f"only the view {views[0].name}" if len(views) == 1 else "two views")
                raise UsageError(f"--views {self.views}: scanner {name} cannot; {capable}", "choose another scanner")
        if self.split == ALL:
            self._check_shares()

    def _check_shares(self) -> None:
        """Every split that has a share must get a parcel."""
        parcels = Counter(sender.split for sender in self.senders())
        for split, share in zip(SPLITS, self.shares, strict=True):
            if share > 0 and not parcels[split]:
                shares = ",".join(f"{each:g}" for each in self.shares)
                raise UsageError(
                    f"--count {self.count}: with --shares {shares} no parcel is left for {split}",
                    f"render about {int(np.ceil(sum(self.shares) / share))} parcels or more",
                )
