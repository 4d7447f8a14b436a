"""A scan as it arrives from a lane: bytes nobody has decoded yet, or an array that this program assembled itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...datasets.scan import Scan
from ...detector.errors import ScanError
from ..verdicts import ScreenedScan
from .parcel_again import BeltPlace

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""Of one scan, both halves of a pair together; sources stop reading a body here."""
MAX_ID_CHARS = 200
MAX_BARCODE_CHARS = 64
MAX_META_ENTRIES = 32
MAX_META_CHARS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """One scan of one lane, before it has a sequence number.

    It holds either ``payload`` (and ``high``), the encoded file as it came, which is only ever decoded in a worker
    process, or ``scan``, which a source assembled from lines within this process.

    Raises:
        ScanError: if it holds neither or both, is over a limit, or an id, barcode or note has characters that are not
            printable.
        ValueError: if the time has no zone: that is the source's mistake, not the scanner's.
    """

    lane: str
    scan_id: str
    """Unique in its lane: the same id with the same content is taken for the same scan, delivered again."""
    captured_at: datetime
    """By this machine's wall clock, in UTC; for the record only, nothing is timed with it."""
    payload: bytes = b""
    high: bytes = b""
    """The high-energy half of a pair of pictures, where ``payload`` is the low-energy one."""
    media: str = ""
    """What the source says the payload is: a suffix or media type; never believed, kept for the record."""
    scan: Scan | None = None
    judged: ScreenedScan | None = None
    """The outcome where the scan was screened while it came in (parcels on the belt); asked for only with ``scan``."""
    place: BeltPlace | None = None
    """Where on its stream it was read; asked for only with ``scan``."""
    clock_ms: float | None = None
    """The scanner's own clock, where it has one."""
    barcode: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.captured_at.utcoffset() != timedelta(0):
            raise ValueError("captured_at must be in UTC")
        if bool(self.payload) == (self.scan is not None) or (self.judged is not None and self.scan is None):
            raise ScanError(f"{self.lane}: {self.scan_id[:80]!r} holds no scan, or two", "send one scan at a time")
        size = len(self.payload) + len(self.high)
        if size > MAX_PAYLOAD_BYTES:
            raise ScanError(
                f"{self.lane}: {self.scan_id[:80]!r} has {size / 1e6:.0f} MB, more than the limit of "
                f"{MAX_PAYLOAD_BYTES / 1e6:.0f} MB",
                "crop or compress the scan",
            )
        _check_text("scan id", self.scan_id, MAX_ID_CHARS, least=1)
        _check_text("barcode", self.barcode, MAX_BARCODE_CHARS)
        _check_text("media type", self.media, MAX_META_CHARS)
        if len(self.meta) > MAX_META_ENTRIES:
            raise ScanError(f"{self.scan_id!r} has {len(self.meta)} notes", f"send at most {MAX_META_ENTRIES}")
        for key, value in self.meta.items():
            _check_text("note", key, MAX_META_CHARS, least=1)
            _check_text(f"note {key}", value, MAX_META_CHARS)


def _check_text(what: str, text: str, most: int, least: int = 0) -> None:
    if not least <= len(text) <= most:
        raise ScanError(f"{what} has {len(text)} characters", f"send {least} to {most}")
    if text and not text.isprintable():  # control characters, and halves of surrogate pairs, which are no UTF-8
        raise ScanError(f"{what} {text[:80]!r} has characters that are not printable", "send plain text")
