"""A watched folder as scanners and shares use it: half-written files, pairs, links, and nothing delivered twice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import ValidationError

from parcelsight.detector.errors import SourceError
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.causes import LossCause
from parcelsight.inference.lanes.folder_files import is_junk
from parcelsight.inference.lanes.source import Receipt, Refusal
from parcelsight.inference.lanes.source_folder import FolderConfig, FolderSource, scan_id_of_name
from tests.service_parts import Health, picture
from tests.test_service import until


class Lane:
    """Takes what it is given, or refuses as told."""

    def __init__(self) -> None:
        self.taken: list[Arrival] = []
        self.answer: Refusal | None = None

    def __call__(self, arrival: Arrival) -> Receipt | Refusal:
        if self.answer is not None:
            return self.answer
        self.taken.append(arrival)
        return Receipt(len(self.taken))

    @property
    def ids(self) -> list[str]:
        return [arrival.scan_id for arrival in self.taken]


class Watched:
    """A source on a folder, and the means to look when the test wants it."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        config = {"settle_s": 0, "patience_s": 0, **more}
        self.source = FolderSource("gate", FolderConfig(kind="folder", path=folder, **config))
        self.lane, self.health = Lane(), Health()

    def look(self) -> list[str]:
        """One look; the ids delivered by it."""
        before = len(self.lane.taken)
        self.source.look(self.lane, Event(), self.health)
        return self.lane.ids[before:]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def test_every_file_is_delivered_once_the_oldest_first(inbox: Path) -> None:
    watched = Watched(inbox)
    for age, name in enumerate(("b.jpg", "a.jpg", "sub/deep/c.jpg")):
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(age))
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    assert watched.look() == ["sub/deep/c.jpg", "a.jpg", "b.jpg"]
    assert watched.look() == []
    first = watched.lane.taken[0]
    assert first.payload == picture(2) and first.captured_at.timestamp() == 1_699_999_998 and first.media == ".jpg"


def test_a_file_written_anew_is_another_scan(inbox: Path) -> None:
    watched = Watched(inbox)
    (inbox / "scan.jpg").write_bytes(picture(1))
    assert watched.look() == ["scan.jpg"]
    (inbox / "scan.jpg").write_bytes(picture(2))
    assert watched.look() == ["scan.jpg"] and watched.lane.taken[1].payload == picture(2)


def test_a_file_is_left_alone_until_it_has_settled(inbox: Path) -> None:
    watched = Watched(inbox, settle_s=0.3, patience_s=60)
    (inbox / "a.jpg").write_bytes(picture())
    assert watched.look() == []
    time.sleep(0.2)
    os.utime(inbox / "a.jpg")  # still written to
    assert watched.look() == []
    time.sleep(0.2)
    assert watched.look() == []
    time.sleep(0.2)
    assert watched.look() == ["a.jpg"]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
def test_a_copy_that_pauses_is_not_taken_half(inbox: Path, suffix: str) -> None:
    import cv2
    import numpy as np

    whole = bytes(cv2.imencode(suffix, np.full((60, 60, 3), 90, np.uint8))[1])
    watched = Watched(inbox, patience_s=60)
    path = inbox / f"a{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    assert watched.look() == [] and watched.look() == []
    path.write_bytes(whole)
    assert watched.look() == [path.name] and watched.lane.taken[0].payload == whole


def test_a_picture_whose_end_never_comes_is_taken_as_it_is(inbox: Path) -> None:
    watched = Watched(inbox, patience_s=0.1)
    (inbox / "a.jpg").write_bytes(picture()[:-50])
    assert watched.look() == []
    time.sleep(0.15)
    assert watched.look() == ["a.jpg"]  # the worker says what is wrong with it; it is not passed over


def test_a_rename_into_the_folder_is_a_new_file(inbox: Path, tmp_path: Path) -> None:
    watched = Watched(inbox)
    (inbox / "a.jpg.part").write_bytes(picture())
    assert watched.look() == []
    (inbox / "a.jpg.part").rename(inbox / "a.jpg")
    assert watched.look() == ["a.jpg"]


def test_a_pair_is_one_scan_and_waits_for_both_halves(inbox: Path) -> None:
    watched = Watched(inbox, patience_s=60)
    (inbox / "p_high.png").write_bytes(b"high")
    assert watched.look() == []
    (inbox / "p_low.png").write_bytes(b"low")
    assert watched.look() == ["p"] and (watched.lane.taken[0].payload, watched.lane.taken[0].high) == (b"low", b"high")
    assert watched.look() == []
    (inbox / "p_low.png").write_bytes(b"low again")
    assert watched.look() == ["p"] and watched.lane.taken[1].high == b"high"


def test_a_half_that_stays_alone_is_counted(inbox: Path) -> None:
    watched = Watched(inbox)
    (inbox / "p_high.png").write_bytes(b"high")
    assert watched.look() == [] and watched.look() == []
    assert watched.health.losses == [(LossCause.UNREADABLE, 1)]


JUNK = [".hidden.jpg", "a.jpg.part", "a.tmp", "notes.txt", "Thumbs.db", "a.jpg~", "~$a.jpg", "a.crdownload", "x.json"]


def test_junk_is_ignored_and_told(inbox: Path) -> None:
    watched = Watched(inbox)
    for name in JUNK:
        (inbox / name).write_bytes(picture())
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / ".secret").mkdir()
    (inbox / ".secret" / "a.jpg").write_bytes(picture())
    assert watched.look() == []
    assert watched.source.ignored == {*JUNK, "pipe.jpg"}
    assert not is_junk("PARCEL.JPG") and not is_junk("no-suffix")


LINKS: dict[str, Callable[[Path, Path], None]] = {
    "to a file outside": lambda inbox, outside: (inbox / "a.jpg").symlink_to(outside / "secret.jpg"),
    "to a folder outside": lambda inbox, outside: (inbox / "sub").symlink_to(outside),
    "to itself": lambda inbox, outside: (inbox / "loop").symlink_to(inbox),
    "to nowhere": lambda inbox, outside: (inbox / "b.jpg").symlink_to("gone.jpg"),
}


@pytest.mark.parametrize("case", LINKS)
def test_links_are_not_followed(inbox: Path, tmp_path: Path, case: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(picture())
    watched = Watched(inbox)
    LINKS[case](inbox, outside)
    assert watched.look() == [] and watched.health.losses == []


def test_a_link_put_in_the_way_between_look_and_reading_is_not_followed(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.jpg").write_bytes(picture(7))
    (inbox / "a.jpg").write_bytes(picture(1))
    watched = Watched(inbox)
    real = watched.source._waiting

    def swapped(listing: Any) -> Any:
        found = real(listing)
        (inbox / "a.jpg").unlink()
        (inbox / "a.jpg").symlink_to(tmp_path / "secret.jpg")
        return found

    monkeypatch.setattr(watched.source, "_waiting", swapped)
    assert watched.look() == []


def test_a_full_lane_gets_the_scan_later(inbox: Path) -> None:
    watched = Watched(inbox)
    (inbox / "a.jpg").write_bytes(picture())
    watched.lane.answer = Refusal(LossCause.OVERLOAD, "full", 0.1)
    assert watched.look() == []
    watched.lane.answer = None
    assert watched.look() == []  # not before the time it was told
    time.sleep(0.15)
    assert watched.look() == ["a.jpg"]


def test_what_a_lane_never_wants_is_not_offered_again(inbox: Path) -> None:
    watched = Watched(inbox)
    (inbox / "a.jpg").write_bytes(picture())
    watched.lane.answer = Refusal(LossCause.MALFORMED, "no", None)
    watched.look()
    watched.lane.answer = None
    assert watched.look() == []


def test_empty_and_too_large_files_are_counted(inbox: Path) -> None:
    watched = Watched(inbox)
    (inbox / "empty.jpg").touch()
    with (inbox / "large.tif").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert watched.look() == []
    assert sorted(watched.health.losses) == [(LossCause.TOO_LARGE, 1), (LossCause.UNREADABLE, 1)]
    watched.look()
    assert len(watched.health.losses) == 2


def test_done_files_are_moved_with_their_subfolder(inbox: Path, tmp_path: Path) -> None:
    done = tmp_path / "done"
    watched = Watched(inbox, after="move", moved_to=done)
    for turn in range(2):
        (inbox / "sub").mkdir(exist_ok=True)
        (inbox / "sub" / "a.jpg").write_bytes(picture(turn))
        assert watched.look() == ["sub/a.jpg"]
        assert list((inbox / "sub").iterdir()) == []
    assert {path.read_bytes() for path in (done / "sub").iterdir()} == {picture(0), picture(1)}


def test_a_folder_that_cannot_be_moved_to_does_not_deliver_for_ever(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "done").write_text("a file, no folder")
    watched = Watched(inbox, after="move", moved_to=tmp_path / "done")
    (inbox / "a.jpg").write_bytes(picture())
    assert watched.look() == ["a.jpg"] and watched.look() == []


def test_what_is_done_is_remembered_over_a_restart(inbox: Path, tmp_path: Path) -> None:
    memory = tmp_path / "seen.jsonl"
    for i in range(3):
        (inbox / f"{i}.jpg").write_bytes(picture(i))
    assert len(Watched(inbox, after="remember", memory=memory).look()) == 3
    with memory.open("a") as file:
        file.write('["cut o')  # by a kill
    (inbox / "new.jpg").write_bytes(picture(9))
    assert Watched(inbox, after="remember", memory=memory).look() == ["new.jpg"]
    (inbox / "0.jpg").write_bytes(picture(5))
    assert Watched(inbox, after="remember", memory=memory).look() == ["0.jpg"]


def test_without_memory_a_restart_delivers_again_and_the_ledger_knows(inbox: Path) -> None:
    (inbox / "a.jpg").write_bytes(picture())
    first, second = Watched(inbox), Watched(inbox)
    assert first.look() == second.look() == ["a.jpg"]
    assert first.lane.taken[0].payload == second.lane.taken[0].payload


def test_a_strange_memory_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("shopping list\nmilk\n")
    with pytest.raises(SourceError, match="line 1: this is no memory") as caught:
        Watched(inbox, after="remember", memory=tmp_path / "seen")
    assert caught.value.remedy


def test_a_folder_that_goes_and_comes_back(inbox: Path) -> None:
    watched = Watched(inbox)
    away = inbox.rename(inbox.with_name("away"))
    with pytest.raises(SourceError, match="cannot be listed"):
        watched.look()
    away.rename(inbox)
    (inbox / "a.jpg").write_bytes(picture())
    assert watched.look() == ["a.jpg"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none is no folder") as caught:
        Watched(tmp_path / "none")
    assert caught.value.remedy


BAD_CONFIGS: dict[str, dict[str, Any]] = {
    "move without a place": {"after": "move"},
    "a place without move": {"moved_to": "/elsewhere"},
    "remember without memory": {"after": "remember"},
    "moved into the folder itself": {"after": "move", "moved_to": "/inbox/done"},
    "unknown key": {"polls": 1},
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_configuration_is_refused(case: str) -> None:
    with pytest.raises(ValidationError):
        FolderConfig.model_validate({"kind": "folder", "path": "/inbox", **BAD_CONFIGS[case]})


def test_strange_names_become_ids(inbox: Path) -> None:
    watched = Watched(inbox)
    names = ["a\nb.jpg", "\udcff.jpg", "ü" * 100 + ".jpg", "x y.jpg"]
    for name in names:
        (inbox / name).write_bytes(picture())
    ids = watched.look()
    assert len({*ids}) == len(names) and all(one.isprintable() and len(one) <= 200 for one in ids)
    assert scan_id_of_name("a\nb") != scan_id_of_name("a\rb")


def test_it_runs_until_it_is_stopped(inbox: Path) -> None:
    watched, stop = Watched(inbox, poll_s=0.05), Event()
    thread = Thread(target=watched.source.run, args=(watched.lane, stop, watched.health))
    thread.start()
    (inbox / "a.jpg").write_bytes(picture())
    until(lambda: watched.lane.ids == ["a.jpg"])
    turns = watched.health.turns
    until(lambda: watched.health.turns > turns + 2)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
