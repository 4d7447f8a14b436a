"""What it costs to verify a model file, and whether every damaged one is refused.

    python -m benchmarks.verification [--model FILE] [--rounds N] [--cases N] [--limit-ms 50]

Time: all checks of a file, beside the bare sha256 of the same bytes, in interleaved rounds of one process; processor
time, to which other programs on a busy machine add little. Refusals: as many single-bit flips, truncations and foreign
signatures as asked for, each of which must be refused before a session is created. Exit status 1 where the median is
over the limit for 10 MB, or where anything was not refused.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time

from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.errors import ModelError
from parcelsight.detector.seal import sealed
from parcelsight.inference.key_pairs import PrivateKey
from parcelsight.inference.model_file import check_content
from parcelsight.inference.onnxruntime import ort
from parcelsight.inference.verification import verified, verify_model

OURS, THEIRS = PrivateKey(b"\1" * 32), PrivateKey(b"\2" * 32)
"""Made up, for measuring only."""


def processor_ms(stages: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Processor time of every stage; each round runs all of them, in turns forwards and backwards."""
    times: dict[str, list[float]] = {name: [] for name in stages}
    for turn in range(rounds):
        for name in list(stages)[:: 1 if turn % 2 else -1]:
            started = process_time()
            stages[name]()
            times[name].append((process_time() - started) * 1e3)
    return times


def measure(model: Path, rounds: int) -> float:
    """Print the times; the median of all checks, in ms for 10 MB."""
    content = model.read_bytes()
    times = processor_ms({"all checks": lambda: verify_model(model), "sha256": lambda: hashlib.sha256(content)}, rounds)
    whole, bare = times["all checks"], times["sha256"]
    for_10_mb = median(whole) * 10e6 / len(content)
    ratio = median(whole) / median(bare)
    print(f"{len(content) / 1e6:.2f} MB, {rounds} rounds: all checks / sha256 = {ratio:.2f} (medians)")
    for name, values in times.items():
        print(f"    {name:12s} median {median(values):7.2f} ms   minimum {min(values):7.2f} ms")
    print(f"    all checks for 10 MB: {for_10_mb:.1f} ms")
    return for_10_mb


def damaged(content: bytes, cases: int) -> Iterator[tuple[str, bytes]]:
    """Files that must be refused where our key is trusted."""
    chance = random.Random(1)
    for _ in range(cases):
        place, bit = chance.randrange(len(content)), chance.randrange(8)
        copy = bytearray(content)
        copy[place] ^= 1 << bit
        yield f"bit {bit} of byte {place} flipped", bytes(copy)
    for _ in range(cases // 10):
        length = chance.randrange(len(content))
        yield f"cut to {length} bytes", content[:length]
    yield "signed with another key", sealed(content, THEIRS.sign)
    yield "not signed", sealed(content)
    yield "signature of something else", sealed(content, lambda _: OURS.sign(b"something else"))


def accepted(model: Path, cases: int) -> list[str]:
    """Damaged files that were not refused, or that reached an engine."""
    content = sealed(model.read_bytes(), OURS.sign)
    verified(check_content(model, content, OURS.public))  # the whole one is taken
    sessions: list[object] = []
    created = ort.InferenceSession
    ort.InferenceSession = lambda *given, **_: sessions.append(given)
    wrong: list[str] = []
    total = 0
    try:
        for name, copy in damaged(content, cases):
            total += 1
            try:
                verified(check_content(model, copy, OURS.public))
                wrong.append(name)
            except ModelError:
                wrong += [f"{name}: a session was created"] if sessions else []
    finally:
        ort.InferenceSession = created
    print(f"{total - len(wrong)} of {total} damaged files refused before a session")
    return wrong


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="model file (default: the shipped one)")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cases", type=int, default=1000, help="bit flips; a tenth as many truncations")
    parser.add_argument("--limit-ms", type=float, default=50.0, help="for 10 MB")
    args = parser.parse_args()
    took_ms = measure(args.model, args.rounds)
    wrong = accepted(args.model, args.cases)
    for name in wrong:
        print(f"NOT refused: {name}")
    print(f"limit {args.limit_ms} ms: {'held' if took_ms <= args.limit_ms else 'NOT held'}")
    return int(bool(wrong) or took_ms > args.limit_ms)


if __name__ == "__main__":
    sys.exit(main())
