"""What the desk page sends, as typed values; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..storage.tables import DecisionKind

RequestId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""Made by the page, new for each thing a person does; the same again changes nothing."""
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
LaneName = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NextBody(_Body):
    """POST /api/desk/next."""

    lane: LaneName | None = None


class ParcelBody(_Body):
    """POST /api/desk/renew and put-back."""

    parcel_id: Number


class DecisionBody(_Body):
    """POST /api/desk/decisions."""

    request_id: RequestId
    parcel_id: Number
    kind: DecisionKind
    reason: Annotated[str, Field(max_length=60)] = ""
    note: Text = ""
    took_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0
    aid_shown: bool = True
    next: bool = True
    """Whether to take the next parcel at once."""
    lane: LaneName | None = None


class MarkBody(_Body):
    """POST /api/desk/marks: about an alarm, or a box around what was missed."""

    request_id: RequestId
    scan_id: Number
    detection_id: Annotated[str, Field(max_length=64)] | None = None
    right: bool = True
    label: Annotated[str, Field(max_length=64)] = ""
    xyxy_px: Annotated[list[float], Field(min_length=4, max_length=4)] | None = None


class OpeningBody(_Body):
    """POST /api/openings."""

    request_id: RequestId
    parcel_id: Number
    found: Annotated[list[dict[str, Any]], Field(max_length=50)] = []
    note: Text = ""


class ItemIdBody(_Body):
    """POST /api/parcels/{id}/item-id."""

    scanned: Annotated[str, Field(min_length=1, max_length=80)]
