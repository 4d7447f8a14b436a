"""A training in the terminal: a bar for reading, a bar for the epoch, a line for each epoch, all on stderr."""

from __future__ import annotations

from rich.progress import Progress

from ..detector.lesson import EpochReport
from ..training.pictures import Prepared
from ..training.train import Watch
from .terminal import stderr

_NAMED = 5
"""Scans set aside are named up to this many; all are in data.json."""


class TerminalWatch(Watch):
    """Shows how a training goes."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._reading = bars.add_task("reading scans", total=None, visible=False)
        self._epoch = bars.add_task("epoch 1", total=None, visible=False)

    def preparing(self, done: int, total: int) -> None:
        """Move the reading bar."""
        self._bars.update(self._reading, completed=done, total=total, visible=done < total)

    def prepared(self, train: Prepared, val: Prepared, device: str) -> None:
        """Say what is learned from."""
        objects = ", ".join(f"{label} {count}" for label, count in train.objects.items())
        self._say(f"training on {device}: {len(train.pictures)} scans ({objects}); validating on {len(val.pictures)}")
        lost = (*train.set_aside, *val.set_aside)
        for scan in lost[:_NAMED]:
            self._say(f"set aside {scan.scan_id}: {scan.reason}")
        if len(lost) > _NAMED:
            self._say(f"… and {len(lost) - _NAMED} more set aside, see data.json")

    def batch(self, epoch: int, done: int, total: int) -> None:
        """Move the epoch's bar."""
        self._bars.update(self._epoch, description=f"epoch {epoch}", completed=done, total=total, visible=True)

    def epoch(self, report: EpochReport) -> None:
        """One line for each epoch."""
        losses = "  ".join(
            f"{name.removeprefix('train/')} {value:.3f}"
            for name, value in report.losses.items()
            if name.startswith("train/")
        )
        best = "  best so far" if report.is_best else ""
        self._say(
            f"epoch {report.epoch:3d}  loss: {losses}  mAP50 {report.map50:.3f}  mAP50-95 {report.map50_95:.3f}"
            f"  recall {report.recall:.3f}{best}"
        )

    def _say(self, text: str) -> None:
        stderr.print(text)
