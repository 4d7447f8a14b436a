"""Scanner displays as lanes: rendered displays with known parcels, as frames and as video files; and a real film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from parcelsight.detector.errors import SourceError
from parcelsight.inference.lanes.arrival import Arrival
from parcelsight.inference.lanes.source import Receipt
from parcelsight.inference.lanes.source_video import VideoConfig, VideoSource
from parcelsight.inference.lanes.video_frames import frames, is_live, shown
from parcelsight.inference.scroll_shift import darkness, estimate
from parcelsight.inference.scroll_strip import Direction, Stitched
from parcelsight.inference.scroll_window import WindowFinder
from tests.service_parts import Health

Picture = NDArray[np.uint8]
HEIGHT_PX, WIDTH_PX = 160, 320


def parcel(seed: int, width_px: int, height_px: int = HEIGHT_PX) -> Picture:
    """A coloured box with random blocks in it."""
    rng = np.random.default_rng(seed)
    made = np.full((height_px, width_px, 3), 255, np.uint8)
    made[20:-20] = (250, 200, 140)
    for _ in range(14 * max(1, width_px // 150)):
        x, y = int(rng.integers(0, max(1, width_px - 20))), int(rng.integers(22, height_px - 50))
        made[y : y + int(rng.integers(8, 28)), x : x + int(rng.integers(6, 20))] = rng.integers(0, 200, 3)
    return made


def belt(widths: tuple[int, ...] = (120, 90, 200), gap_px: int = 60, height_px: int = HEIGHT_PX) -> Picture:
    """Parcels on a white belt, the first one first."""
    air = np.full((height_px, gap_px, 3), 255, np.uint8)
    parts = [air]
    for seed, width in enumerate(widths):
        parts += [parcel(seed, width, height_px), air]
    return np.concatenate([*parts, np.full((height_px, WIDTH_PX, 3), 255, np.uint8)], axis=1)


def scrolled(strip: Picture, steps: list[int], width_px: int = WIDTH_PX) -> Iterator[Picture]:
    """Frames of a display that shows the strip moving to the left, by these steps."""
    canvas = np.concatenate([np.full((strip.shape[0], width_px, 3), 255, np.uint8), strip], axis=1)
    at = 0
    for step in [0, *steps]:
        at += step
        yield canvas[:, at : at + width_px].copy()


def steps_over(strip: Picture, seed: int = 0, least: int = 5, most: int = 25) -> list[int]:
    rng = np.random.default_rng(seed)
    steps: list[int] = []
    while sum(steps) < strip.shape[1] - most:
        steps.append(int(rng.integers(least, most)))
    return steps


def stitched(pictures: Any, **more: Any) -> list[Stitched]:
    config = VideoConfig.model_validate({"kind": "video", "address": "film.mp4", **more})
    return list(VideoSource("gate", config).parcels(pictures))


def assert_shows(found: Stitched, expected: Picture, tolerance: float = 0.5) -> None:
    """The stitched picture holds the parcel, pixel by pixel, with nothing but air beside it."""
    assert found.rgb.shape[0] >= expected.shape[0] and found.rgb.shape[1] >= expected.shape[1], found.rgb.shape
    match = cv2.matchTemplate(found.rgb, expected, cv2.TM_SQDIFF)
    assert float(match.min()) / expected.size <= tolerance**2, "the parcel is not in it"
    assert found.rgb.shape[1] - expected.shape[1] <= 40


TURNS: dict[Direction, Callable[[Picture], Picture]] = {
    Direction.LEFT: lambda p: p,
    Direction.RIGHT: lambda p: p[:, ::-1],
    Direction.UP: lambda p: p.swapaxes(0, 1),
    Direction.DOWN: lambda p: p.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
def test_every_parcel_is_put_together_once(direction: Direction, told: bool) -> None:
    strip, turn = belt(), TURNS[direction]
    pictures = [np.ascontiguousarray(turn(picture)) for picture in scrolled(strip, steps_over(strip))]
    found = stitched(pictures, **({"direction": direction} if told else {}))
    assert len(found) == 3 and all(one.complete for one in found)
    for seed, (one, width) in enumerate(zip(found, (120, 90, 200), strict=True)):
        assert_shows(one, np.ascontiguousarray(turn(parcel(seed, width))))


def test_a_parcel_wider_than_the_window_is_stitched() -> None:
    strip = belt((700,))
    (found,) = stitched(scrolled(strip, steps_over(strip)), direction="left")
    assert_shows(found, parcel(0, 700))


def test_an_endless_parcel_comes_in_overlapping_pieces() -> None:
    strip = belt((3000,))
    found = stitched(scrolled(strip, steps_over(strip)), direction="left")
    assert len(found) >= 2 and not any(one.complete for one in found)
    covered = 0
    for one in found:
        assert one.from_px - found[0].from_px <= covered  # no gap between pieces
        covered = one.from_px - found[0].from_px + one.rgb.shape[1]
    assert covered >= 3000


def test_frames_that_repeat_and_a_belt_that_stops_change_nothing() -> None:
    strip = belt()
    steps = [step for one in steps_over(strip) for step in (one, 0, 0)]
    found = stitched(scrolled(strip, steps), direction="left", window=(0, 0, WIDTH_PX, HEIGHT_PX))
    assert [one.rgb.shape for one in found] == [
        one.rgb.shape for one in stitched(scrolled(strip, steps_over(strip)), direction="left")
    ]


def test_a_belt_that_runs_back_and_on_gives_nothing_twice() -> None:
    strip = belt()
    steps = steps_over(strip)
    middle = len(steps) // 2
    steps[middle:middle] = [-20, -20, -20, 20, 20, 20]
    found = stitched(scrolled(strip, steps), direction="left")
    assert len(found) == 3
    for seed, (one, width) in enumerate(zip(found, (120, 90, 200), strict=True)):
        assert_shows(one, parcel(seed, width))


def furnished(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """A toolbar on the left, a status bar below with a clock, a grey frame."""
    for count, picture in enumerate(pictures):
        frame = np.full((HEIGHT_PX + 56, WIDTH_PX + 80, 3), 190, np.uint8)
        frame[16 : 16 + HEIGHT_PX, 64 : 64 + WIDTH_PX] = picture
        frame[30:50, 10:40] = (40, 90, 200)
        cv2.putText(
            frame, f"12:00:{count // 10:02d}", (80, HEIGHT_PX + 44), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2
        )
        yield frame


def test_furniture_around_the_scan_is_left_out() -> None:
    strip = belt()
    found = stitched(furnished(scrolled(strip, steps_over(strip))))
    assert len(found) == 3
    for seed, (one, width) in enumerate(zip(found, (120, 90, 200), strict=True)):
        assert one.rgb.shape[0] <= HEIGHT_PX + 16
        assert_shows(one, parcel(seed, width)[20:-20])


def test_the_window_never_cuts_where_it_is_white() -> None:
    finder = WindowFinder(HEIGHT_PX, WIDTH_PX)
    strip = belt()
    strip[:60] = 255  # nothing was seen above yet
    for picture in scrolled(strip, steps_over(strip)):
        finder.add(picture)
    window = finder.window()
    assert finder.is_sure and (window.top, window.bottom, window.left, window.right) == (0, HEIGHT_PX, 0, WIDTH_PX)


def test_a_display_that_shows_one_parcel_after_the_other_loses_none() -> None:
    pictures = []
    for seed in range(6):
        page = np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8)
        page[:, 60:220] = parcel(seed, 160)
        pictures += [page] * 5
    found = stitched(pictures)
    for seed in range(6):
        assert any(_holds(one, parcel(seed, 160)) for one in found), f"parcel {seed} is lost"
    assert len(found) <= 8


def _holds(found: Stitched, expected: Picture, tolerance: float = 0.5) -> bool:
    if found.rgb.shape[0] < expected.shape[0] or found.rgb.shape[1] < expected.shape[1]:
        return False
    return float(cv2.matchTemplate(found.rgb, expected, cv2.TM_SQDIFF).min()) / expected.size < tolerance**2


@pytest.mark.parametrize("px", [-150, -37, -1, 0, 1, 12, 140])
def test_shifts_are_found(px: int) -> None:
    strip = np.concatenate([parcel(3, 400), parcel(4, 400)], axis=1)
    before, after = strip[:, 300 : 300 + WIDTH_PX], strip[:, 300 - px : 300 - px + WIDTH_PX]
    shift = estimate(darkness(np.ascontiguousarray(before)), darkness(np.ascontiguousarray(after)))
    assert shift.px == px and shift.is_sure


def test_nothing_is_seen_in_air() -> None:
    white = darkness(np.full((HEIGHT_PX, WIDTH_PX, 3), 255, np.uint8))
    assert estimate(white, white).correlation == 0


def written(path: Path, pictures: Iterator[Picture], quantiser: int | None = 2, **encoder: Any) -> Path:
    """A film; the quantiser 1…31 is the finer the smaller, None leaves it to the encoder's bit rate."""
    av = pytest.importorskip("av", reason="no PyAV: pip install 'parcelsight[video]'")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options=encoder.get("options", {}))
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.bit_rate = encoder.get("bit_rate", 1_000_000)
        if quantiser is not None:
            stream.codec_context.qmin = stream.codec_context.qmax = quantiser
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


class Lane:
    def __init__(self) -> None:
        self.taken: list[Arrival] = []

    def __call__(self, arrival: Arrival) -> Receipt:
        self.taken.append(arrival)
        return Receipt(len(self.taken))


def test_a_file_is_followed_to_its_end(tmp_path: Path) -> None:
    strip = belt()
    path = written(tmp_path / "film.mp4", scrolled(strip, steps_over(strip)))
    lane, health = Lane(), Health()
    config = VideoConfig(kind="video", address=str(path), pitch_mm=1.5)
    VideoSource("gate", config).run(lane, Event(), health)
    assert [arrival.scan_id for arrival in lane.taken] == ["film.mp4#1", "film.mp4#2", "film.mp4#3"]
    for seed, (arrival, width) in enumerate(zip(lane.taken, (120, 90, 200), strict=True)):
        assert arrival.scan is not None and arrival.scan.pitch_mm == 1.5
        assert_shows(Stitched(arrival.scan.pixels, 0, True), parcel(seed, width), tolerance=24)
    assert health.turns > len(lane.taken)


ENCODERS: dict[str, dict[str, Any]] = {
    "fine": {"quantiser": 2},
    "coarse": {"quantiser": 12},
    "as the encoder likes": {"quantiser": None},
    "few bits": {"quantiser": None, "bit_rate": 200_000},
    "the same on every processor": {"quantiser": None, "options": {"flags": "+bitexact"}},
}


@pytest.mark.parametrize("case", ENCODERS)
def test_compression_neither_hides_nor_doubles_a_parcel(tmp_path: Path, case: str) -> None:
    """A codec leaves shreds in the air that stand still while the belt runs; they tell nothing of the belt.

    How they look differs by processor, so one shred in all these films may pass for a small thing of its own.
    """
    strip, more = belt(), 0
    for seed in range(6):
        path = written(tmp_path / "film.mp4", scrolled(strip, steps_over(strip, seed)), **ENCODERS[case])
        found = stitched(picture for _, picture in frames(str(path), "gate"))
        for number, width in enumerate((120, 90, 200)):
            whole = [one for one in found if _holds(one, parcel(number, width), tolerance=32)]
            assert len(whole) == 1 and whole[0].complete, f"film {seed}: parcel {number} comes {len(whole)} times"
        more += len(found) - 3
    assert more <= 1


def test_it_stops_when_it_is_told(tmp_path: Path) -> None:
    strip = belt()
    path = written(tmp_path / "film.mp4", scrolled(strip, steps_over(strip)))
    stop, lane = Event(), Lane()
    stop.set()
    VideoSource("gate", VideoConfig(kind="video", address=str(path), paced=True)).run(lane, stop, Health())
    assert lane.taken == []


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "text": (b"#EXTM3U\nhttp://elsewhere/a.ts\n", "is not a video"),
    "empty": (b"", "is empty"),
    "a video's first bytes only": (b"\0\0\0\x18ftypmp42" + b"\0" * 40, "film.mp4"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named(tmp_path: Path, case: str) -> None:
    pytest.importorskip("av", reason="no PyAV: pip install 'parcelsight[video]'")
    data, words = BAD_FILES[case]
    (tmp_path / "film.mp4").write_bytes(data)
    with pytest.raises(SourceError, match=words) as caught:
        list(frames(str(tmp_path / "film.mp4"), "gate"))
    assert caught.value.remedy


def test_a_stream_that_is_not_there_is_said() -> None:
    pytest.importorskip("av", reason="no PyAV: pip install 'parcelsight[video]'")
    with pytest.raises(SourceError, match="127.0.0.1") as caught:
        list(frames("rtsp://user:secret@127.0.0.1:9/lane", "gate"))
    assert "secret" not in str(caught.value)


def test_addresses() -> None:
    assert is_live("rtsp://h/a") and is_live("/dev/video0") and not is_live("film.mp4") and not is_live("/dev/video0/x")
    assert shown("rtsp://user:pw@h:554/a") == "rtsp://h:554/a"
    for bad in ("http://h/a.mp4", "file:///etc/passwd", "concat:a|b", "rtsp\n"):
        if bad != "concat:a|b":  # a file of that name; FFmpeg may use no protocol but files
            with pytest.raises(ValidationError):
                VideoConfig(kind="video", address=bad)


def test_a_real_film_of_a_belt(shared_data: Path) -> None:
    """115 frames of a belt with seven bags, the display's content scrolling to the right at changing speed."""
    pytest.importorskip("av", reason="no PyAV: pip install 'parcelsight[video]'")
    pictures = (picture for _, picture in frames(str(shared_data / "video" / "belt.mp4"), "gate"))
    found = stitched(pictures)
    assert len(found) == 7 and all(one.complete for one in found)
    widths = [one.rgb.shape[1] for one in found]
    assert all(270 <= width <= 530 for width in widths), widths
