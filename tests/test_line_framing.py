"""The line protocol byte by byte: round trips, damage, refusals, and what hostile senders cost."""

from __future__ import annotations

import os
import random
import re
import resource
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelsight.detector.errors import ParcelSightError, SourceError
from parcelsight.inference.stream.framing import Damage, Deframer
from parcelsight.inference.stream.protocol import (
    ANYWHERE,
    End,
    Hello,
    Kind,
    LinesMessage,
    Message,
    Refused,
    Status,
    encode,
    frame,
)
from parcelsight.inference.stream.reading import BeltReader
from tests.line_streams import HELLO, some_lines


def told(message: Message | Damage) -> object:
    """Something that compares."""
    if isinstance(message, LinesMessage):
        rest = (message.sequence, message.clock_ms, message.view, message.position_mm, message.motion, message.beam)
        return rest, message.values.tolist()
    return message


@settings(max_examples=50, deadline=None)
@given(
    first=st.integers(0, 1 << 47),
    count=st.integers(1, 5),
    motion=st.sampled_from([None, -1, 0, 1]),
    beam=st.sampled_from([None, False, True]),
    position_mm=st.one_of(st.none(), st.floats(-1e9, 1e9)),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=8),
)
def test_messages_survive_the_wire_in_any_pieces(
    first: int, count: int, motion: int | None, beam: bool | None, position_mm: float | None, cuts: list[int]
) -> None:
    sent: list[Message] = [
        HELLO,
        some_lines(first, count, motion=motion, beam=beam, position_mm=position_mm),
        End(first + count),
    ]
    data = b"".join(encode(message) for message in sent)
    got: list[Message | Damage] = []
    deframer, at, turn = Deframer(), 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        got += list(deframer.feed(data[at : at + size]))
        at, turn = at + size, turn + 1
    assert [told(message) for message in got] == [told(message) for message in sent]
    assert deframer.waiting_bytes == 0


def test_answers_survive_the_wire() -> None:
    sent: list[Message] = [Status(ANYWHERE, 0), Status(7, 3, stop_belt=True), Refused("no; try again")]
    assert list(Deframer(answers=True).feed(b"".join(encode(message) for message in sent))) == sent


def test_damage_is_told_and_stepped_over() -> None:
    broken = bytearray(encode(some_lines(4)))
    broken[40] ^= 1
    data = encode(HELLO) + encode(some_lines(0)) + bytes(broken) + b"noise" + encode(some_lines(8))
    got = list(Deframer().feed(data))
    assert [message.sequence for message in got if isinstance(message, LinesMessage)] == [0, 8]
    damages = [message for message in got if isinstance(message, Damage)]
    assert sum(damage.skipped_bytes for damage in damages) == len(broken) + 5 and "CRC" in damages[0].reason


BAD: dict[str, tuple[bytes, str]] = {
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not the line protocol"),
    "lines first": (encode(some_lines()), "before HELLO"),
    "hello twice": (encode(HELLO) * 2, "second HELLO"),
    "hello no json": (frame(Kind.HELLO, b"{"), "HELLO"),
    "hello of another version": (
        frame(Kind.HELLO, HELLO.model_dump_json().replace(':1,"s', ':2,"s').encode()),
        "protocol",
    ),
    "hello with a path": (frame(Kind.HELLO, HELLO.model_dump_json().replace('"t"', '"../t"').encode()), "stream"),
    "hello of no number": (
        frame(Kind.HELLO, HELLO.model_dump_json().replace("250.0", "1e999").encode()),
        "line_rate_hz",
    ),
    "hello with a key too many": (frame(Kind.HELLO, HELLO.model_dump_json().replace("{", '{"x":1,', 1).encode()), "x"),
    "hello of too many detectors": (
        frame(Kind.HELLO, HELLO.model_dump_json().replace("[32]", "[99999]").encode()),
        "detectors",
    ),
    "too few values": (encode(HELLO) + frame(Kind.LINES, encode(some_lines())[12:-8]), "bytes of values"),
    "a short head": (encode(HELLO) + frame(Kind.LINES, b"\0" * 8), "LINES of 8 bytes"),
    "view 7": (encode(HELLO) + frame(Kind.LINES, struct.pack("<QddHHbBH", 0, 0, 0, 7, 1, 1, 1, 0)), "view 7"),
    "no line": (encode(HELLO) + frame(Kind.LINES, struct.pack("<QddHHbBH", 0, 0, 0, 0, 0, 1, 1, 0)), "0 lines"),
    "a clock that is none": (
        encode(HELLO) + frame(Kind.LINES, struct.pack("<QddHHbBH", 0, float("nan"), 0, 0, 1, 1, 1, 0)),
        "clock nan",
    ),
    "motion 9": (encode(HELLO) + frame(Kind.LINES, struct.pack("<QddHHbBH", 0, 0, 0, 0, 1, 9, 1, 0)), "motion 9"),
    "sequence beyond": (
        encode(HELLO) + frame(Kind.LINES, struct.pack("<QddHHbBH", 1 << 63, 0, 0, 0, 1, 1, 1, 0)),
        "sequence",
    ),
    "damage without end": (encode(HELLO) + (b"noise" + encode(some_lines())) * 40, "too much arrives damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_protocol_is_refused_with_a_remedy(case: str) -> None:
    data, says = BAD[case]
    deframer = Deframer()
    with pytest.raises(SourceError, match=re.escape(says)) as caught:
        for _ in range(40):  # damage is forgiven a few times
            list(deframer.feed(data[len(encode(HELLO)) :] if deframer.hello else data))
    assert caught.value.remedy


def test_numbers_that_begin_anew_are_refused() -> None:
    reader = BeltReader(HELLO)
    list(reader.add(some_lines(10**6, 1000)))
    with pytest.raises(SourceError, match="went back"):
        for first in range(0, 100_000, 1000):
            list(reader.add(some_lines(first, 1000)))


def test_hostile_bytes_cost_little_and_crash_nothing() -> None:
    """Mutated streams: an error of ours or parcels, bounded in memory and time, counted. HOSTILE_STREAMS=5000: long."""
    mutations = int(os.environ.get("HOSTILE_STREAMS", "150"))
    rng = random.Random(7)
    clean = [encode(HELLO), *(encode(some_lines(n, 8, motion=1)) for n in range(0, 200, 8)), encode(End(200))]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(mutations):
        data = bytearray(b"".join(clean))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            way = rng.randrange(4)
            if way == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif way == 1:
                del data[at : at + rng.randrange(1, 400)]
            elif way == 2:
                data[at:at] = data[: rng.randrange(1, 400)]
            else:
                data[at : at + 4] = rng.randbytes(4)
        started = time.perf_counter()
        hostile(bytes(data))
        assert time.perf_counter() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 64 << 10


def hostile(data: bytes) -> None:
    deframer, reader, sent = Deframer(), None, 0
    try:
        for at in range(0, len(data), 1000):
            for message in deframer.feed(data[at : at + 1000]):
                if isinstance(message, Hello):
                    reader = BeltReader(message)
                elif isinstance(message, LinesMessage):
                    assert reader is not None
                    list(reader.add(message))
                    sent += len(message.values)
    except ParcelSightError as error:
        assert error.remedy
    if reader is not None and len(reader.hello.views) == 1:
        assert reader.counts.lines + reader.counts.repeated == sent
