"""Every input of a batch ends in exactly one item, in order, whatever lies in the folders."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.datasets.writers import write_dual_energy, write_picture
from parcelsight.detector.errors import ScanError, UsageError
from parcelsight.inference import sources
from parcelsight.inference.sources import Fate, SourceItem, iter_scans
from parcelsight.inference.video import Clock

PICTURE = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
DUAL = np.random.default_rng(0).integers(0, 60_000, (48, 64, 2)).astype(np.uint16)


def told(items: list[SourceItem], root: Path) -> list[tuple[str, Fate]]:
    return [(os.path.relpath(item.scan_id, root), item.fate) for item in items]


def write_half(path: Path, channel: int) -> None:
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(DUAL[:, :, channel]))[1].tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as customers have them: scans, labels and rubbish."""
    root = tmp_path / "scans"
    (root / "lane 2" / ".cache").mkdir(parents=True)
    write_picture(root / "b.png", PICTURE)
    write_picture(root / "a.jpg", PICTURE)
    write_dual_energy(root / "lane 2" / "d.tif", DUAL)
    write_picture(root / "lane 2" / ".cache" / "thumb.png", PICTURE)
    write_half(root / "p_low.png", 0)
    write_half(root / "p_high.png", 1)
    write_half(root / "q_low.png", 0)
    (root / "a.xml").write_text("<annotation/>")
    (root / ".hidden.png").touch()
    (root / "broken.png").write_bytes((root / "b.png").read_bytes()[:500])
    (root / "notes.docx").write_bytes(b"PK\3\4")
    os.mkfifo(root / "pipe.jpg")
    (root / "back").symlink_to(root)
    return root


FATES = [
    (".hidden.png", Fate.IGNORED),
    ("a.xml", Fate.IGNORED),
    ("a.jpg", Fate.READ),
    ("b.png", Fate.READ),
    ("broken.png", Fate.FAILED),
    ("notes.docx", Fate.FAILED),
    ("p", Fate.READ),
    ("pipe.jpg", Fate.FAILED),
    ("q", Fate.FAILED),
    ("lane 2/.cache", Fate.IGNORED),
    ("lane 2/d.tif", Fate.READ),
]


def test_every_file_of_a_folder_has_its_fate(folder: Path) -> None:
    items = list(iter_scans([folder]))
    assert told(items, folder) == FATES
    for item in items:
        if item.error is not None:
            assert Path(item.scan_id).name in item.error.message
            assert item.error.remedy
    kinds = {os.path.relpath(i.scan_id, folder): i.scan.kind for i in items if i.scan is not None}
    assert kinds["p"] is kinds["lane 2/d.tif"] is ScanKind.DUAL_ENERGY
    assert kinds["a.jpg"] is ScanKind.PSEUDO_COLOUR
    assert all(item.scan.scan_id == item.scan_id for item in items if item.scan is not None)


def test_named_files_come_in_the_order_named_and_once(folder: Path) -> None:
    named = [folder / n for n in ("p_high.png", "b.png", "p_low.png", "missing.png")] + [folder / "b.png", folder]
    items = told(list(iter_scans(named)), folder)
    assert items[:3] == [("p", Fate.READ), ("b.png", Fate.READ), ("missing.png", Fate.FAILED)]
    assert sorted(items) == sorted([*FATES, ("missing.png", Fate.FAILED)])


def test_a_picture_under_another_name_is_not_passed_over(folder: Path) -> None:
    (folder / "scan.txt").write_bytes((folder / "b.png").read_bytes())
    assert ("scan.txt", Fate.READ) in told(list(iter_scans([folder])), folder)


def test_a_file_called_like_a_pair_is_not_lost(folder: Path) -> None:
    (folder / "p").write_bytes((folder / "b.png").read_bytes())
    items = told(list(iter_scans([folder])), folder)
    assert sorted(items) == sorted([*FATES, ("p", Fate.FAILED)])
    named = list(iter_scans([folder / "p_low.png", folder / "p", folder / "p_high.png"]))
    assert told(named, folder) == [("p", Fate.READ), ("p", Fate.READ)]


def test_named_file_that_is_no_picture_fails(folder: Path) -> None:
    (item,) = iter_scans([folder / "a.xml"])
    assert item.fate is Fate.FAILED
    assert "not a picture" in str(item.error)


def test_empty_folder_is_told(tmp_path: Path) -> None:
    (item,) = iter_scans([tmp_path])
    assert (item.fate, item.scan_id) == (Fate.FAILED, str(tmp_path))
    assert "holds no files" in str(item.error)


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("assertion failed"), RecursionError("deep")], ids=repr)
def test_a_file_that_breaks_its_decoder_costs_no_other(
    folder: Path, video: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Scan:
        raise error

    monkeypatch.setattr(sources, "read_scan", broken)
    monkeypatch.setattr(sources, "read_frames", lambda *_, **__: (broken() for _ in range(1)))
    items = list(iter_scans([folder, video]))
    fates = [(name, Fate.FAILED if fate is Fate.READ and name != "p" else fate) for name, fate in FATES]
    assert sorted(told(items, folder)[:-1]) == sorted(fates)
    assert items[-1].fate is Fate.FAILED and str(video) in str(items[-1].error)
    (item,) = (item for item in items if item.scan_id.endswith("a.jpg"))
    assert f"cannot be decoded ({type(error).__name__}" in str(item.error)


def test_scans_are_read_one_at_a_time(folder: Path) -> None:
    items = iter_scans([folder / "a.jpg", folder / "b.png"])
    assert next(items).fate is Fate.READ
    (folder / "b.png").unlink()
    assert next(items).fate is Fate.FAILED


def test_air_level_reaches_the_reader(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(cv2.imencode(".png", np.full((9, 9), 30_000, np.uint16))[1].tobytes())
    (item,) = iter_scans([tmp_path], air_level=30_000)
    assert item.scan is not None
    assert (item.scan.pixels == 60_000).all()


@pytest.mark.parametrize(
    ("fate", "error"), [(Fate.READ, None), (Fate.FAILED, None), (Fate.IGNORED, ScanError("x", "y"))]
)
def test_item_must_fit_its_fate(fate: Fate, error: ScanError | None) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        SourceItem("x", fate, error=error)


def write_video(path: Path, frames: list[NDArray[np.uint8]], rate_hz: float = 10, codec: str = "MJPG") -> None:
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate_hz, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()


def belt(shift_px: int) -> NDArray[np.uint8]:
    """White belt with a red block at ``shift_px`` (BGR, as OpenCV writes)."""
    frame = np.full((96, 128, 3), 255, np.uint8)
    frame[30:60, shift_px : shift_px + 30] = (30, 30, 200)
    return frame


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds at 10 frames a second; the belt stands still in the second one."""
    path = tmp_path / "belt.avi"
    write_video(path, [belt(4 * i) for i in range(10)] + [belt(36)] * 10)
    return path


def test_video_is_sampled_by_time_and_repeats_are_told(video: Path) -> None:
    items = list(iter_scans([video], every_s=0.5))
    assert [i.scan_id for i in items] == [f"{video}#t={t}s" for t in ("0.00", "0.50", "1.00", "1.50")]
    assert [i.fate for i in items] == [Fate.READ, Fate.READ, Fate.READ, Fate.REPEATED]
    scan: Scan | None = items[0].scan
    assert scan is not None and scan.kind is ScanKind.PSEUDO_COLOUR
    red, _, blue = scan.pixels[45, 15].astype(int)
    assert red > blue + 100  # RGB order


@pytest.mark.parametrize(("suffix", "codec"), [("mpg", "mpg1"), ("ts", "mp2v")])
def test_joined_clips_are_sampled_to_the_end(tmp_path: Path, suffix: str, codec: str) -> None:
    # Each clip's time stamps begin again at nought.
    write_video(tmp_path / f"clip.{suffix}", [belt(2 * i) for i in range(40)], 25, codec)
    once, joined = tmp_path / f"clip.{suffix}", tmp_path / f"joined.{suffix}"
    joined.write_bytes(once.read_bytes() * 3)
    samples = [len([i for i in iter_scans([path], every_s=0.5) if i.fate is Fate.READ]) for path in (once, joined)]
    assert samples[0] == 4 and samples[1] >= 9


class Capture:
    """A stream with the time stamps a recorder wrote, in milliseconds."""

    def __init__(self, stamps_ms: list[float], rate_hz: float) -> None:
        self.stamps_ms, self.rate_hz = iter(stamps_ms), rate_hz

    def get(self, what: int) -> float:
        return next(self.stamps_ms) if what == cv2.CAP_PROP_POS_MSEC else self.rate_hz


@pytest.mark.parametrize(
    ("stamps_ms", "rate_hz", "times_s"),
    [
        ([0, 40, 80], 25, [0, 0.04, 0.08]),
        ([0, 0, 0], 10, [0, 0.1, 0.2]),
        ([0, 0, 0], 0, [0, 0.04, 0.08]),
        ([0, 500, 0, 500], 2, [0, 0.5, 1.0, 1.5]),
        ([7e6, 7e6 + 40], 25, [3600 - 0.04, 3600]),
        ([0, 120_000, 240_000], 25, [0, 120, 240]),
        ([0, 1e18, 1e18], 25, [0, 3600, 3600.04]),
    ],
    ids=["sound", "no stamps", "no stamps, no rate", "begin again", "begin late", "slow recorder", "nonsense"],
)
def test_clock_never_stands_still(stamps_ms: list[float], rate_hz: float, times_s: list[float]) -> None:
    clock = Clock(Capture(stamps_ms, rate_hz))
    assert [clock.tick() for _ in stamps_ms] == pytest.approx(times_s)


def test_sampling_denser_than_the_frames_takes_each_once(video: Path) -> None:
    items = list(iter_scans([video], every_s=0.02))
    assert len(items) == len({i.scan_id for i in items}) == 20


def test_sampling_too_dense_is_a_usage_error(video: Path) -> None:
    with pytest.raises(UsageError, match="every 0"):
        list(iter_scans([video], every_s=0))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text.mp4", b"hello", "is not a video"),
        ("playlist.ts", b"#EXTM3U\nhttp://127.0.0.1/x.ts\n", "is not a video"),
        ("empty.mkv", b"", "is empty"),
        ("header only.mp4", b"\0\0\0\x18ftypmp42" + bytes(40), "damaged"),
    ],
    ids=["text", "playlist", "empty", "header only"],
)
def test_bad_video_is_one_item(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    (item,) = iter_scans([tmp_path])
    assert item.fate is Fate.FAILED
    assert item.error is not None and says in item.error.message and name in item.error.message
    assert item.error.remedy


def test_real_video(shared_data: Path) -> None:
    items = list(iter_scans([shared_data / "video" / "belt.mp4"], every_s=1))
    assert [i.fate for i in items] == [Fate.READ] * 4
    assert all(i.scan is not None and i.scan.pixels.shape == (480, 848, 3) for i in items)


def test_video_with_a_lost_end_is_told(video: Path) -> None:
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    *frames, last = iter_scans([video], every_s=0.5)
    assert frames and {i.fate for i in frames} == {Fate.READ}
    assert last.fate is Fate.FAILED and "frames are missing" in str(last.error)


@pytest.mark.parametrize("damage", ["cut", "hole"])
def test_real_video_with_a_lost_end_is_told(shared_data: Path, tmp_path: Path, damage: str) -> None:
    data = (shared_data / "video" / "belt.mp4").read_bytes()
    half = len(data) // 2
    (tmp_path / "belt.mp4").write_bytes(
        data[:half] + (b"" if damage == "cut" else bytes(20_000) + data[half + 20_000 :])
    )
    items = list(iter_scans([tmp_path], every_s=1))
    assert Counter(i.fate for i in items) == {Fate.READ: 2, Fate.FAILED: 1}
    assert "frames are missing" in str(items[-1].error)
