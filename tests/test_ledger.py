"""The ledger: nothing acknowledged is lost, nothing is judged twice, whatever the disk and the power do."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from time import sleep

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelsight.datasets.readers import decode_scan
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.detector.errors import LedgerError, ScanError
from parcelsight.inference.lanes.arrival import MAX_META_ENTRIES, MAX_PAYLOAD_BYTES, Arrival
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.ledger import LOST, REFUSED, Ledger, cause_of
from parcelsight.inference.verdicts import ScreenedScan, Verdict
from tests.lane_parts import NOW, arrival, remount, small_disk

OUTCOME: dict[str, object] = {"scan": "parcel-1", "reason": "", "detections": [], "timing_ms": {}}


def outcome(verdict: Verdict = Verdict.NO_ALARM) -> dict[str, object]:
    return OUTCOME | {"verdict": str(verdict)}


def spooled(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in (ledger.folder / "spool").iterdir())


def test_an_accepted_scan_is_on_disk_and_outlives_the_program(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    receipt = first.accept(arrival(payload=b"low", high=b"high", barcode="AA123456785BR", meta={"belt": "2"}))
    first.close()
    second = Ledger(tmp_path)
    (entry,) = second.unfinished()
    assert (entry.sequence, entry.scan_id, entry.barcode, entry.meta) == (
        receipt.sequence, "parcel-1", "AA123456785BR", {"belt": "2"},
    )  # fmt: skip
    assert [path.read_bytes() for path in entry.files] == [b"low", b"high"]
    assert entry.captured_at == "2026-03-01T12:00:00.000+00:00"
    assert second.entry_of("parcel-1", "lane1") == entry and second.entry_of("parcel-1", "lane2") is None


def test_the_same_scan_delivered_again_is_one_scan(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, again = ledger.accept(arrival()), ledger.accept(arrival())
    assert (again.sequence, first.again, again.again) == (first.sequence, False, True)
    assert len(spooled(ledger)) == 1 and ledger.counts().accepted == 1
    others = [arrival(payload=b"another picture"), arrival(scan_id="parcel-2"), arrival(lane="lane2")]
    assert len({first.sequence, *(ledger.accept(other).sequence for other in others)}) == 4


def test_one_scan_delivered_by_many_threads_at_once_is_one_scan(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda _: ledger.accept(arrival()), range(32)))
    assert len({receipt.sequence for receipt in receipts}) == 1
    assert sum(not receipt.again for receipt in receipts) == 1
    assert len(spooled(ledger)) == 1


def test_a_scan_has_one_verdict_whoever_tries_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    sequence = ledger.accept(arrival()).sequence
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda v: ledger.record(sequence, outcome(v)), [*Verdict] * 4))
    assert sorted(n is not None for n in numbers) == [False] * 15 + [True]
    assert len(ledger.verdicts_since(0)) == 1 and ledger.unfinished() == []
    with pytest.raises(KeyError):
        ledger.record(sequence + 1, outcome())


def test_verdict_numbers_have_no_gaps_and_pages_join(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    sequences = [ledger.accept(arrival(f"parcel-{n}")).sequence for n in range(30)]
    Random(3).shuffle(sequences)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda s: (ledger.record(s, outcome()), ledger.record(s, outcome())), sequences))
    pages, cursor = [], 0
    while page := ledger.verdicts_since(cursor, limit=7):
        pages += page
        cursor = page[-1]["number"]
    assert [verdict["number"] for verdict in pages] == list(range(1, 31))
    assert sorted(verdict["sequence"] for verdict in pages) == sorted(sequences)
    assert {"lane", "scan", "verdict", "reason", "detections", "captured_at", "cause", "meta"} <= pages[0].keys()


STEPS = st.lists(st.tuples(st.sampled_from(("accept", "record", "open again")), st.integers(0, 5)), max_size=24)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_accepted_is_verdicts_plus_unfinished(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    accepted: dict[int, int] = {}
    recorded: set[int] = set()
    for step, which in steps:
        if step == "accept":
            accepted[which] = ledger.accept(arrival(f"parcel-{which}")).sequence
        elif step == "record" and which in accepted:
            is_new = ledger.record(accepted[which], outcome()) is not None
            assert is_new == (which not in recorded)
            recorded.add(which)
        elif step == "open again":
            ledger.close()
            ledger = Ledger(ledger.folder)
    counts = ledger.counts()
    assert (counts.accepted, counts.verdicts, counts.pending) == (
        len(accepted),
        len(recorded),
        len(accepted) - len(recorded),
    )
    assert {entry.sequence for entry in ledger.unfinished()} == {accepted[w] for w in accepted.keys() - recorded}
    assert counts.last_number == len(recorded)
    ledger.close()


def test_losses_are_counted_by_cause_and_outlive_the_program(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    sequence = first.accept(arrival()).sequence
    first.record(sequence, outcome(Verdict.UNSCREENED), LossCause.DEADLINE)
    first.count("lane1", REFUSED, LossCause.OVERLOAD, 2)
    first.count("lane2", LOST, LossCause.LINES_LOST, 40)
    expected = {
        ("lane1", "ACCEPTED", None): 1, ("lane1", "UNSCREENED", LossCause.DEADLINE): 1,
        ("lane1", "REFUSED", LossCause.OVERLOAD): 2, ("lane2", "LOST", LossCause.LINES_LOST): 40,
    }  # fmt: skip
    assert {(t.lane, t.outcome, t.cause): t.count for t in first.tallies()} == expected
    first.flush()
    first.close()
    assert {(t.lane, t.outcome, t.cause): t.count for t in Ledger(tmp_path).tallies()} == expected


def test_an_assembled_scan_comes_back_from_the_spool_as_it_was(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    rng = np.random.default_rng(1)
    scans = [
        Scan("dual", rng.integers(0, 65_000, (40, 30, 2), np.uint16), ScanKind.DUAL_ENERGY, 1.25),
        Scan("colour", rng.integers(0, 255, (40, 30, 3), np.uint8), ScanKind.PSEUDO_COLOUR),
        Scan("grey", rng.integers(0, 255, (40, 30), np.uint8), ScanKind.GREY),
        Scan("grey16", rng.integers(0, 65_000, (40, 30), np.uint16), ScanKind.GREY, 0.8),
    ]
    for scan in scans:
        ledger.accept(Arrival("lane1", scan.scan_id, NOW, scan=scan))
    for scan, entry in zip(scans, ledger.unfinished(), strict=True):
        back = decode_scan(entry.files[0].read_bytes(), entry.scan_id)
        assert (back.kind, back.pitch_mm) == (scan.kind, pytest.approx(scan.pitch_mm) if scan.pitch_mm else None)
        assert np.array_equal(back.pixels, scan.pixels)


def test_pruning_keeps_what_is_unfinished_new_and_small_enough(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    sequences = [ledger.accept(arrival(f"parcel-{n}", payload=bytes(1000))).sequence for n in range(6)]
    for sequence in sequences[:-1]:
        ledger.record(sequence, outcome())
    assert ledger.prune(timedelta(days=1), keep_bytes=10_000) == 0
    assert ledger.prune(timedelta(days=1), keep_bytes=2_500) == 3
    assert [bool(ledger.entry(s).files) for s in sequences] == [False] * 3 + [True] * 3  # type: ignore[union-attr]
    assert ledger.prune(timedelta(0), keep_bytes=10_000) == 2
    assert len(spooled(ledger)) == 1, "the unfinished one stays"
    assert len(ledger.verdicts_since(0)) == 5


def test_a_second_program_is_kept_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(LedgerError, match=f"{tmp_path}: another program.*stop it first"):
        Ledger(tmp_path)
    ledger.close()
    Ledger(tmp_path).close()


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database" * 500)
    with pytest.raises(LedgerError, match="ledger.db: cannot be opened"):
        Ledger(tmp_path)


REFUSED_DISKS: dict[str, tuple[int, LossCause]] = {
    "no space": (errno.ENOSPC, LossCause.DISK_FULL),
    "over quota": (errno.EDQUOT, LossCause.DISK_FULL),
    "read-only": (errno.EROFS, LossCause.READ_ONLY),
    "broken": (errno.EIO, LossCause.STORAGE),
}


@pytest.mark.parametrize("case", REFUSED_DISKS)
def test_a_disk_that_refuses_in_the_middle_leaves_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, cause = REFUSED_DISKS[case]
    ledger = Ledger(tmp_path)
    write = os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(number, os.strerror(number))
        return write(handle, data[: len(data) // 2])

    monkeypatch.setattr("parcelsight.inference.lanes.spool.os.write", half)
    with pytest.raises(LedgerError) as refusal:
        ledger.accept(arrival(payload=bytes(1000)))
    monkeypatch.undo()
    assert cause_of(refusal.value) is cause and str(tmp_path) in str(refusal.value)
    assert spooled(ledger) == [] and ledger.unfinished() == []
    assert ledger.accept(arrival(payload=bytes(1000))).sequence == 1


def test_a_full_disk_refuses_whole_scans_and_recovers(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=2048) as disk:
        ledger = Ledger(disk / "ledger", reserve_bytes=500_000)
        accepted = []
        with pytest.raises(LedgerError) as refusal:
            for n in range(100):
                accepted.append(ledger.accept(arrival(f"parcel-{n}", payload=os.urandom(100_000))).sequence)
        assert cause_of(refusal.value) is LossCause.DISK_FULL
        assert len(spooled(ledger)) == len(accepted) == len(ledger.unfinished()) > 5
        ledger.record(accepted[0], outcome())
        ledger.prune(timedelta(0), 0)
        assert ledger.accept(arrival("parcel-again", payload=os.urandom(50_000))).sequence not in accepted
        ledger.close()


def test_a_read_only_disk_is_told_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=4096) as disk:
        Ledger(disk / "ledger").close()
        remount(disk, "ro")
        with pytest.raises(LedgerError, match="Read-only file system.*name another folder"):
            Ledger(disk / "ledger")


ACCEPTING = """
from pathlib import Path
from parcelsight.inference.lanes.ledger import Ledger
from tests.lane_parts import arrival
ledger = Ledger(Path({folder!r}))
for n in range(10**6):
    receipt = ledger.accept(arrival(f"{turn}-{{n}}", payload=bytes(20_000)))
    print(receipt.sequence, flush=True)
    if n % 2:
        ledger.record(receipt.sequence, {{"verdict": "REVIEW", "timing_ms": {{}}}})
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    random = Random(5)
    for turn in range(5):
        code = ACCEPTING.format(folder=str(tmp_path / "ledger"), turn=turn)
        # The Makefile keeps the working directory off the path, where tests/ lies.
        environment = os.environ | {"PYTHONSAFEPATH": ""}
        root = Path(__file__).parents[1]
        program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root, env=environment)
        assert program.stdout is not None
        acknowledged.append(int(program.stdout.readline()))
        sleep(random.uniform(0, 0.15))
        program.send_signal(signal.SIGKILL)
        rest = program.communicate()[0].split(b"\n")
        acknowledged += [int(line) for line in rest[:-1] if line]
    ledger = Ledger(tmp_path / "ledger")
    entries = ledger.entries_since(0, limit=10**6)
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= {entry.sequence for entry in entries}
    for entry in entries:
        assert [path.stat().st_size for path in entry.files] == [20_000]
    assert len(spooled(ledger)) == len(entries)
    numbers = [verdict["number"] for verdict in ledger.verdicts_since(0, limit=10**6)]
    assert numbers == list(range(1, len(numbers) + 1))
    ledger.close()


def _too_many_notes() -> Arrival:
    return arrival(meta={str(n): "" for n in range(MAX_META_ENTRIES + 1)})


GREY = Scan("s", np.zeros((4, 4), np.uint8), ScanKind.GREY)
BAD_ARRIVALS: dict[str, tuple[Callable[[], object], str]] = {
    "no content": (lambda: arrival(payload=b""), "holds no scan"),
    "two contents": (lambda: replace(arrival(), scan=GREY), "or two"),
    "judged bytes": (lambda: replace(arrival(), judged=ScreenedScan("s", Verdict.ALARM, "")), "holds no scan"),
    "too large": (lambda: arrival(payload=bytes(MAX_PAYLOAD_BYTES), high=b"1"), "more than the limit of 67 MB"),
    "no id": (lambda: arrival(scan_id=""), "0 characters"),
    "long id": (lambda: arrival(scan_id="x" * 201), "201 characters"),
    "line end in the id": (lambda: arrival(scan_id="a\nb"), "not printable"),
    "half a surrogate pair": (lambda: arrival(scan_id="a\ud800"), "not printable"),
    "escape in the barcode": (lambda: arrival(barcode="\x1b[2J"), "not printable"),
    "too many notes": (_too_many_notes, "33 notes"),
    "long note": (lambda: arrival(meta={"k": "v" * 201}), "201 characters"),
}


@pytest.mark.parametrize("case", BAD_ARRIVALS)
def test_a_bad_arrival_is_refused_before_it_is_written(case: str) -> None:
    make, words = BAD_ARRIVALS[case]
    with pytest.raises(ScanError, match=words):
        make()


def test_a_local_time_is_the_sources_mistake() -> None:
    with pytest.raises(ValueError, match="UTC"):
        Arrival("lane1", "s", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), b"x")
