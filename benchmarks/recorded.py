"""Measure again what pages quote, and keep what was printed: docs/results/recorded/NAME.txt.

    python -m benchmarks.recorded                        # the names, and what each runs
    python -m benchmarks.recorded NAME…                  # run, and replace the records

A page names the record before the paragraph or table that quotes it: ``<!-- figures: results/recorded/NAME.txt -->``.
tests/test_figures_quoted.py holds every number there to the record.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "docs" / "results" / "recorded"
_SIXRAY = "../shared/data/sixray"
COMMANDS: dict[str, tuple[str, ...]] = {
    "label-tightness": ("python benchmarks/label_tightness.py",),
    "path-lengths": ("python benchmarks/path_lengths.py",),
    "projection-gap": ("python benchmarks/projection_gap.py --scenes 24",),
    "verification": ("python -m benchmarks.verification --cases 1000",),
    "render-speed": ("python benchmarks/render_speed.py",),
    "viewer-frames": ("python -m benchmarks.viewer_frames --frames 40",),
    "render-vs-gvxr": ("python -m benchmarks.render_vs_gvxr",),
    "assembly-speed": (
        "parcelsight belt WORK/tunnel160 --parcels 40 --seed 11 --touching 0.5",
        "parcelsight belt WORK/mail180 --parcels 40 --seed 11 --touching 0.5 --scanner mail180",
        "python benchmarks/assembly_speed.py WORK/tunnel160 WORK/mail180",
    ),
    "sixray-splits": (
        f"parcelsight dataset convert {_SIXRAY} WORK/by-scan",
        f"parcelsight dataset convert {_SIXRAY} WORK/by-group",
        f"parcelsight dataset convert {_SIXRAY} WORK/by-id-range",
        "parcelsight dataset split WORK/by-scan --by scan",
        "parcelsight dataset split WORK/by-group --by group",
        "parcelsight dataset split WORK/by-id-range --by id-range",
    ),
}
"""Name → commands run one after the other; WORK stands for a folder that is gone afterwards."""


def record(name: str) -> int:
    """Run one entry and write what it printed; the worst exit status."""
    lines, worst = [], 0
    with tempfile.TemporaryDirectory() as work:
        for command in COMMANDS[name]:
            words = shlex.split(command.replace("WORK", work))
            words[:1] = (
                [sys.executable] if words[0] == "python" else [sys.executable, "-m", "parcelsight.commands.main"]
            )
            run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
            shown = run.stdout.replace(work, "WORK") + (run.stderr.replace(work, "WORK") if run.returncode else "")
            lines += [f"$ {command}", shown.rstrip(), f"(exit status {run.returncode})", ""]
            worst = max(worst, run.returncode)
    RECORDS.mkdir(parents=True, exist_ok=True)
    (RECORDS / f"{name}.txt").write_text("\n".join(line.rstrip() for line in "\n".join(lines).split("\n")), "utf-8")
    return worst


def main(names: list[str]) -> int:
    """List, or record those named; the worst exit status."""
    if unknown := [name for name in names if name not in COMMANDS]:
        print(f"unknown {unknown[0]}; known: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    if not names:
        print("\n".join(f"{name}: {' && '.join(commands)}" for name, commands in COMMANDS.items()))
    return max([record(name) for name in names], default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
