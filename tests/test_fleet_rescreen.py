"""Re-screening an archive: exactly one row a scan, resumable, bad scans set aside; and what comparing says of two."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.fleet_archive import known_verdict, write_archive, write_model, wrong_rows
from parcelsight.commands.main import app
from parcelsight.detector.errors import ModelError, StorageError, UsageError
from parcelsight.fleet.comparing import ALL, ANY, compare
from parcelsight.fleet.engines import LocalEngine
from parcelsight.fleet.in_hand import MOST_DEATHS, InHand
from parcelsight.fleet.listing import ScanRef, list_source
from parcelsight.fleet.paired import Paired
from parcelsight.fleet.plan import read_shard, shard_name, unfinished
from parcelsight.fleet.rescreening import Rescreening, check_exactly_once
from parcelsight.fleet.shards import ShardScreener
from parcelsight.fleet.store import RemoteStore, open_store
from tests.models import constant_model, save

pa = pytest.importorskip("pyarrow", reason="pyarrow comes with: pip install 'parcelsight[fleet]'")
SCANS = 520


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archive(folder / "scans", SCANS)
    write_model(folder / "model.onnx")
    return folder


def rescreening(archive: Path, sink: str | Path, **more: object) -> Rescreening:
    return Rescreening(
        str(archive / "scans"), str(sink), archive / "model.onnx", shard_scans=100, **more  # type: ignore[arg-type]
    )  # fmt: skip


def screened(archive: Path, sink: str | Path) -> Rescreening:
    work = rescreening(archive, sink)
    list(work.run(LocalEngine()))
    work.finish()
    return work


def rows(sink: Path) -> list[dict[str, object]]:
    from pyarrow import parquet

    return [row for path in sorted((sink / "verdicts").iterdir()) for row in parquet.read_table(path).to_pylist()]


def test_every_scan_has_one_row_with_the_right_verdict(archive: Path, tmp_path: Path) -> None:
    work = screened(archive, tmp_path)
    assert work.plan.scans == check_exactly_once(work.sink) == SCANS and not list(wrong_rows(tmp_path))
    found = rows(tmp_path)
    assert len({row["scan"] for row in found}) == SCANS
    alarm = next(row for row in found if row["verdict"] == "ALARM")
    assert alarm["classes"] == ["pistol"] and alarm["groups"] == ["firearm"]
    assert len(alarm["xyxy_px"]) == 4  # type: ignore[arg-type]
    assert {row["site"] for row in found} == {"site-0", "site-1", "site-2"}
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["verdicts"] == dict(Counter(str(known_verdict(str(row["scan"]))) for row in found))


def test_what_cannot_be_read_is_set_aside_with_its_reason(archive: Path, tmp_path: Path) -> None:
    screened(archive, tmp_path)
    aside = [json.loads(line) for path in (tmp_path / "set-aside").iterdir() for line in path.read_text().splitlines()]
    assert [Path(each["scan"]).stem for each in aside] == ["0000500"] and "not a picture" in aside[0]["reason"]


def test_a_run_that_was_cut_off_goes_on(archive: Path, tmp_path: Path) -> None:
    work = rescreening(archive, tmp_path)
    turns = work.run(LocalEngine())
    first = [next(turns), next(turns)]
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "verdicts").iterdir()}
    again = rescreening(archive, tmp_path)
    assert again.resumed and again.done_scans == sum(done.scans for done in first) == 200
    assert len(list(again.run(LocalEngine()))) == again.plan.shards - 2
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not screened again
    again.finish()
    assert check_exactly_once(again.sink) == SCANS and not list(wrong_rows(tmp_path))


def test_scans_that_come_later_change_no_run(archive: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    write_archive(scans, 150)
    (tmp_path / "model.onnx").write_bytes((archive / "model.onnx").read_bytes())
    work = rescreening(tmp_path, tmp_path / "out")
    next(work.run(LocalEngine()))
    write_archive(scans, 300)
    again = rescreening(tmp_path, tmp_path / "out")
    list(again.run(LocalEngine()))
    again.finish()
    assert again.plan.scans == check_exactly_once(again.sink) == 150


def test_a_shard_is_never_written_twice(archive: Path, tmp_path: Path) -> None:
    """Two workers with the same shard: a driver was killed while its worker lived on."""
    work = screened(archive, tmp_path)
    before = (tmp_path / shard_name(1)).read_bytes()
    assert ShardScreener(str(tmp_path)).screen(1).scans == 0
    assert (tmp_path / shard_name(1)).read_bytes() == before and check_exactly_once(work.sink) == SCANS


@pytest.mark.parametrize("change", ["a row less", "a row twice", "a file less", "no parquet"])
def test_results_that_were_changed_are_found(archive: Path, tmp_path: Path, change: str) -> None:
    from pyarrow import parquet

    work = screened(archive, tmp_path)
    path = tmp_path / shard_name(2)
    table = parquet.read_table(path)
    if change == "a file less":
        path.unlink()
        with pytest.raises(Exception, match="shard-0000002"):
            check_exactly_once(work.sink)
        return
    if change == "no parquet":
        path.write_bytes(b"rubbish")
    else:
        parquet.write_table(
            table.slice(0, 99) if change == "a row less" else pa.concat_tables([table, table[:1]]), path
        )
    for check in (work.finish, lambda: check_exactly_once(work.sink)):
        with pytest.raises(StorageError, match="shard-0000002"):
            check()


OTHER: dict[str, dict[str, Any]] = {
    "another model": {"model": "other.onnx"},
    "another archive": {"source": "elsewhere"},
    "another shard size": {"shard_scans": 7},
}


@pytest.mark.parametrize("case", OTHER)
def test_a_sink_of_another_run_is_not_mixed_with(archive: Path, tmp_path: Path, case: str) -> None:
    write_archive(tmp_path / "scans", 20)
    write_archive(tmp_path / "elsewhere", 20)
    shutil.copy(archive / "model.onnx", tmp_path / "model.onnx")
    save(constant_model([]), tmp_path / "other.onnx")
    asked: dict[str, Any] = {"source": "scans", "model": "model.onnx", "shard_scans": 10}

    def run(source: str, model: str, shard_scans: int) -> Rescreening:
        return Rescreening(str(tmp_path / source), str(tmp_path / "out"), tmp_path / model, shard_scans=shard_scans)

    run(**asked)
    with pytest.raises(UsageError, match="holds a run with"):
        run(**asked | OTHER[case])


def test_a_changed_model_in_the_results_is_refused(archive: Path, tmp_path: Path) -> None:
    rescreening(archive, tmp_path)
    save(constant_model([]), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="with which they began"):
        ShardScreener(str(tmp_path))


def test_a_scan_that_kills_its_workers_is_set_aside(archive: Path, tmp_path: Path) -> None:
    for _ in range(MOST_DEATHS):
        note = InHand(tmp_path / "in-hand" / "0000000")
        for row in range(4):  # dies with row 3 in hand
            note.take(row)
    rescreening(archive, tmp_path)
    ShardScreener(str(tmp_path)).screen(0)
    third = rows(tmp_path)[3]
    assert third["verdict"] == "UNSCREENED" and "workers died over it" in str(third["reason"])
    assert not (tmp_path / "in-hand" / "0000000").exists()
    assert Counter(row["verdict"] for row in rows(tmp_path))["UNSCREENED"] == 1


def test_chance_kills_set_nothing_aside(tmp_path: Path) -> None:
    rng = random.Random(1)
    for _ in range(50):
        note = InHand(tmp_path / "note")
        for row in range(rng.randrange(1, 400)):
            assert not note.is_deadly(row)
            note.take(row)
    note.done()


def test_any_store_that_fsspec_knows(archive: Path, tmp_path: Path) -> None:
    """Source and sink at addresses; the same rows as from a folder."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec comes with: pip install 'parcelsight[fleet]'")
    files = fsspec.filesystem("memory")
    for path in (archive / "scans").rglob("*.png"):
        files.pipe_file(f"/scans/{path.relative_to(archive / 'scans').as_posix()}", path.read_bytes())
    work = Rescreening("memory://scans", "memory://out", archive / "model.onnx", shard_scans=100)
    assert isinstance(work.sink, RemoteStore)
    list(work.run(LocalEngine()))
    assert sum(work.finish().verdicts.values()) == check_exactly_once(work.sink) == SCANS
    screened(archive, tmp_path)
    assert [sorted(read_shard(work.sink, n), key=str) for n in range(6)] == [
        sorted(read_shard(open_store(str(tmp_path)), n), key=str) for n in range(6)
    ]
    comparison, changes = compare("memory://out", str(tmp_path))
    assert list(changes) == [] and comparison.scans == SCANS and comparison.missing == 0


# Listing


def test_pairs_videos_and_bystanders(tmp_path: Path) -> None:
    for name in ("a/x_low.png", "a/x_high.png", "a/y_low.png", "b.mp4", "notes.txt", ".hidden.png", "a/.part/z.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = {ref.scan: ref for ref in list_source(str(tmp_path))}
    assert (
        found["a/x"].files == ("a/x_low.png", "a/x_high.png") and found["a/x"].site == "a" and not found["a/x"].problem
    )
    assert "half of the pair is missing" in found["a/y_low.png"].problem and "is a video" in found["b.mp4"].problem
    assert len(found) == 3


def test_a_parquet_list_names_scans_sites_and_repeats(archive: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    one, two = sorted(map(str, (archive / "scans").rglob("*.png")))[:2]
    table = pa.table({"path": [one, two, one], "scan": ["first", "second", "first"], "site": ["n", "s", "n"]})
    parquet.write_table(table, tmp_path / "list.parquet")
    found = list(list_source(str(tmp_path / "list.parquet")))
    assert found[:2] == [ScanRef("first", "n", (one,)), ScanRef("second", "s", (two,))]
    assert found[2].scan == "first#2" and "listed more than once" in found[2].problem
    work = Rescreening(str(tmp_path / "list.parquet"), str(tmp_path / "out"), archive / "model.onnx")
    list(work.run(LocalEngine()))
    assert [row["verdict"] == "UNSCREENED" for row in rows(tmp_path / "out")] == [False, False, True]


@pytest.mark.parametrize("columns", [{"name": ["a"]}, {"files": [["a", "b", "c"]]}, None])
def test_a_list_that_is_none_is_refused(tmp_path: Path, columns: dict[str, list[object]] | None) -> None:
    from pyarrow import parquet

    path = tmp_path / "list.parquet"
    path.write_bytes(b"no") if columns is None else parquet.write_table(pa.table(columns), path)
    with pytest.raises(UsageError):
        list(list_source(str(path)))


# Comparing


def test_comparing_counts_what_was_found_and_dropped(archive: Path, tmp_path: Path) -> None:
    screened(archive, tmp_path / "a")
    save(constant_model([(5.0, 5.0, 30.0, 30.0, 0.9, 1.0)]), tmp_path / "always.onnx")  # a cartridge on every scan
    work = Rescreening(str(archive / "scans"), str(tmp_path / "b"), tmp_path / "always.onnx", shard_scans=64)
    list(work.run(LocalEngine()))
    found, changes = compare(str(tmp_path / "a"), str(tmp_path / "b"))
    changed = list(changes)
    judged, alarms = SCANS - 1, sum(known_verdict(f"{n}.png") == "ALARM" for n in range(SCANS))
    assert (found.scans, found.missing, found.unscreened) == (SCANS, 0, 1) and len(changed) == judged
    assert found.paired(ALL, ANY) == Paired(alarms, 0, judged - alarms, 0)
    assert found.paired(ALL, "pistol") == Paired(0, alarms, 0, judged - alarms)
    assert found.paired(ALL, "cartridge") == Paired(0, 0, judged, 0)
    by_site = [found.paired(site, "pistol").only_before for site in ("site-0", "site-1", "site-2")]
    assert sum(by_site) == alarms and min(by_site) > 0
    dropped = [each for each in changed if each.dropped]
    assert len(dropped) == alarms and {each.found for each in changed} == {("cartridge",)}


def test_unfinished_results_are_not_compared(archive: Path, tmp_path: Path) -> None:
    screened(archive, tmp_path / "a")
    work = rescreening(archive, tmp_path / "b")
    assert unfinished(work.sink, work.plan) == list(range(6))
    with pytest.raises(UsageError, match="6 of 6 result files are missing"):
        compare(str(tmp_path / "a"), str(tmp_path / "b"))


def test_the_paired_interval_covers_the_truth() -> None:
    """Newcombe's method 10, 95 %: on correlated alarms of two models the truth lies in it in 93 to 99 of 100 draws."""
    rng, shares, covered = random.Random(4), {"both": 0.03, "before": 0.01, "after": 0.025}, 0
    for _ in range(1500):
        drawn = Counter(rng.choices([*shares, "neither"], [*shares.values(), 1 - sum(shares.values())], k=400))
        low, high = Paired(drawn["both"], drawn["before"], drawn["after"], drawn["neither"]).interval
        covered += low <= shares["after"] - shares["before"] <= high
    assert 0.93 <= covered / 1500 <= 0.99


def test_intervals_of_nothing_and_of_no_change() -> None:
    assert Paired(0, 0, 0, 0).interval == (-1.0, 1.0) and Paired(0, 0, 0, 0).difference is None
    low, high = Paired(50, 0, 0, 950).interval
    assert low == pytest.approx(-high) and 0 < high < 0.01


# The verbs


def test_the_verbs_together(archive: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    asked = ["rescreen", str(archive / "scans"), str(tmp_path / "a"), "--model", str(archive / "model.onnx"), "--json"]
    done = runner.invoke(app, asked)
    assert done.exit_code == 3 and json.loads(done.stdout)["scans"] == SCANS  # one scan was set aside
    assert runner.invoke(app, asked).exit_code == 3  # again: nothing left to do, the same answer
    told = runner.invoke(
        app, ["compare", str(tmp_path / "a"), str(tmp_path / "a"), "--json", "--scans", str(tmp_path / "d.csv")]
    )
    assert told.exit_code == 0 and json.loads(told.stdout)["alarms"][0]["change"] == 0.0
    assert (tmp_path / "d.csv").read_text().splitlines() == ["scan,site,before,after,found,dropped"]


def test_results_do_not_go_into_the_archive(archive: Path) -> None:
    with pytest.raises(UsageError, match="lies in the archive itself"):
        rescreening(archive, archive / "scans" / "out")
