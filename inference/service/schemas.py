"""What the service answers, as typed values: the OpenAPI document is made of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from ..lanes.entries import Entry

VERDICT_EXAMPLE: dict[str, Any] = {
    "format": "parcelsight-verdict/1",
    "number": 41,
    "sequence": 42,
    "lane": "dock-3",
    "barcode": "RR473124829DE",
    "captured_at": "2026-03-02T08:15:30.120+00:00",
    "accepted_at": "2026-03-02T08:15:30.127+00:00",
    "decided_at": "2026-03-02T08:15:30.171+00:00",
    "cause": None,
    "meta": {"shift": "early"},
    "scan": "2026-03-02/000117",
    "verdict": "ALARM",
    "reason": "slide 0.91",
    "detections": [{"xyxy_px": [212.4, 96.0, 371.8, 141.3], "score": 0.9112, "class": "slide", "group": "part"}],
    "timing_ms": {"read": 1.9, "render": 2.0, "detect": 31.4, "dense": 0.1, "total": 35.5},
}
PENDING_EXAMPLE: dict[str, Any] = {
    "sequence": 42,
    "lane": "dock-3",
    "scan": "2026-03-02/000117",
    "state": "PENDING",
    "barcode": "RR473124829DE",
    "meta": {"shift": "early"},
    "captured_at": "2026-03-02T08:15:30.120+00:00",
    "accepted_at": "2026-03-02T08:15:30.127+00:00",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "bytes": 481104,
    "verdict": None,
}


class Problem(BaseModel):
    """Why a request was not served."""

    error: str
    remedy: str = ""


class Live(BaseModel):
    """The program answers."""

    live: bool = True


class LaneState(BaseModel):
    """Whether a lane is screened right now, and if not, why and since when."""

    lane: str
    title: str
    state: Literal["SCREENING", "DEGRADED", "NOT_SCREENING"]
    cause: str | None
    detail: str
    since: str
    others: list[str]


class Ready(BaseModel):
    """True while every lane asked about is screened."""

    ready: bool
    lanes: list[LaneState] = Field(description="Those that are not screened or degraded, with the cause.")


class Tensor(BaseModel):
    """One input or output of the model."""

    name: str
    datatype: str
    shape: list[int]


class Model(BaseModel):
    """The model in force, as KServe's protocol describes one."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    parameters: dict[str, Any] = Field(description="Classes with their thresholds, operating point, licence, contract.")


class Accepted(BaseModel):
    """The scan is on disk and will get exactly one verdict."""

    sequence: int = Field(examples=[42])
    lane: str = Field(examples=["dock-3"])
    scan: str = Field(examples=["2026-03-02/000117"])
    again: bool = Field(description="True where the same upload had been accepted before; nothing is screened twice.")


class Scan(BaseModel):
    """An accepted scan."""

    model_config = {"json_schema_extra": {"examples": [PENDING_EXAMPLE]}}

    sequence: int
    lane: str
    scan: str
    state: Literal["PENDING", "DONE"]
    barcode: str
    meta: dict[str, str]
    captured_at: str
    accepted_at: str
    sha256: str
    bytes: int
    verdict: dict[str, Any] | None = Field(
        description="The verdict record, once it is DONE.", examples=[VERDICT_EXAMPLE]
    )

    @classmethod
    def of(cls, entry: Entry) -> Scan:
        """As the ledger knows it."""
        return cls(
            sequence=entry.sequence,
            lane=entry.lane,
            scan=entry.scan_id,
            state="PENDING" if entry.record is None else "DONE",
            barcode=entry.barcode,
            meta=dict(entry.meta),
            captured_at=entry.captured_at,
            accepted_at=entry.accepted_at,
            sha256=entry.sha256,
            bytes=entry.bytes,
            verdict=None if entry.record is None else dict(entry.record),
        )


class ScanPage(BaseModel):
    """Scans in order of acceptance."""

    scans: list[Scan]
    next_after: int | None = Field(description="Ask with after=… for what follows; null where there is no more now.")


class VerdictPage(BaseModel):
    """Verdicts in the order they were given."""

    verdicts: list[dict[str, Any]] = Field(examples=[[VERDICT_EXAMPLE]])
    next_after: int | None = Field(description="Ask with after=… for what follows; null where there is no more now.")
