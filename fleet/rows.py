"""One row a scan: what re-screening writes and comparing reads, as an Arrow schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..detector.card import ModelCard
from ..inference.report import to_record
from ..inference.verdicts import ScreenedScan

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("scan", "site", "verdict", "reason", "classes", "groups", "scores", "xyxy_px", "dense_xyxy_px", "ms")


def result_schema() -> pyarrow.Schema:
    """Of the result: detections are parallel lists, best first; ``xyxy_px`` has four edges a detection."""
    import pyarrow as pa

    text, many = pa.string(), pa.list_
    kinds = (text, text, text, text, many(text), many(text), many(pa.float32()), many(pa.float32()))
    return pa.schema(list(zip(COLUMNS, (*kinds, many(pa.float32()), pa.float32()), strict=True)))


def listing_schema() -> pyarrow.Schema:
    """Of the frozen list."""
    import pyarrow as pa

    names = ("scan", "site", "files", "problem")
    return pa.schema(list(zip(names, (pa.string(), pa.string(), pa.list_(pa.string()), pa.string()), strict=True)))


def result_row(scan: str, site: str, screened: ScreenedScan, card: ModelCard) -> dict[str, Any]:
    """The row of one scan."""
    record = to_record(screened, card)
    found = record["detections"]
    return {
        "scan": text_of(scan),
        "site": text_of(site),
        "verdict": record["verdict"],
        "reason": text_of(record["reason"]),
        "classes": [each["class"] for each in found],
        "groups": [each["group"] for each in found],
        "scores": [each["score"] for each in found],
        "xyxy_px": [edge for each in found for edge in each["xyxy_px"]],
        "dense_xyxy_px": [edge for each in record["dense"] for edge in each["xyxy_px"]],
        "ms": record["timing_ms"].get("total", 0.0),
    }


def to_parquet(
    rows: Iterable[Mapping[str, Any]], schema: pyarrow.Schema, metadata: Mapping[str, str], row_group: int | None = None
) -> bytes:
    """Rows as the bytes of a Parquet file, in groups of so many rows."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist([dict(row) for row in rows], schema.with_metadata(dict(metadata)))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, row_group_size=row_group, compression="zstd")
    return bytes(sink.getvalue())


def text_of(name: str) -> str:
    """Names may hold bytes that are no text; columns may not."""
    return name.encode("utf-8", "backslashreplace").decode()
