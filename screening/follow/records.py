"""A lane's verdict as a checked value; what cannot be read becomes a parcel that a person must look at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ...inference.verdicts import Verdict

_DECLARED = "declared"
_MOST_VIEWS = 4


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Box = Annotated[list[Finite], Field(min_length=4, max_length=4)]
When = Annotated[datetime, AfterValidator(_with_zone)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ToldAlarm(_Told):
    """One detection."""

    xyxy_px: Box
    score: Annotated[float, Field(ge=0, le=1)]
    label: Annotated[str, Field(alias="class", min_length=1, max_length=64)]
    group: Annotated[str, Field(max_length=64)]
    id: int | str | None = None


class ToldArea(_Told):
    """One area too dense to judge."""

    xyxy_px: Box


class ToldVerdict(_Told):
    """What a lane says of one scan."""

    number: Annotated[int, Field(ge=1)]
    sequence: Annotated[int, Field(ge=1)]
    lane: Annotated[str, Field(min_length=1, max_length=40)]
    scan: Annotated[str, Field(max_length=200)]
    verdict: Verdict
    reason: Annotated[str, Field(max_length=10_000)] = ""
    barcode: Annotated[str, Field(max_length=200)] = ""
    accepted_at: When
    detections: Annotated[list[ToldAlarm], Field(max_length=1000)] = []
    dense: Annotated[list[ToldArea], Field(max_length=1000)] = []
    meta: dict[str, str] = {}

    @property
    def parcel(self) -> str:
        """What its views have in common; its own id where it is the only one."""
        return self.meta.get("parcel") or self.scan

    @property
    def view(self) -> str:
        """Of the parcel."""
        return self.meta.get("view", "")[:20] or "top"

    @property
    def views(self) -> int:
        """How many the parcel has."""
        text = self.meta.get("views", "")
        return min(max(int(text), 1), _MOST_VIEWS) if text.isdecimal() and len(text) < 4 else 1

    def declared(self) -> dict[str, str]:
        """What the sender declared: notes called ``declared`` or ``declared-…``."""
        found = {}
        for name, text in self.meta.items():
            lowered = name.lower().replace("_", "-")
            if lowered == _DECLARED:
                found["contents"] = text
            elif lowered.startswith(f"{_DECLARED}-"):
                found[lowered.removeprefix(f"{_DECLARED}-")] = text
        return found

    def alarms(self) -> list[dict[str, Any]]:
        """Detections as the console keeps them, each with an id that stays."""
        return [
            {
                "id": f"c{alarm.id}" if alarm.id is not None else f"d{index}",
                "xyxy_px": alarm.xyxy_px,
                "score": alarm.score,
                "class": alarm.label,
                "group": alarm.group,
            }
            for index, alarm in enumerate(self.detections, start=1)
        ]


def read_verdict(told: dict[str, Any], number: int) -> ToldVerdict:
    """Check a record.

    Args:
        told: as the lane service sent it.
        number: of the event.

    Returns:
        The verdict; UNSCREENED with the reason where the record is damaged, so that the parcel is seen all the same.

    Raises:
        ValueError: if not even its sequence number and lane can be read.
    """
    try:
        found = ToldVerdict.model_validate(told | {"number": number})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        kept = {key: told[key] for key in ("sequence", "lane") if key in told}
        now = datetime.now(UTC)
        reason = f"the lane's record of this scan cannot be read ({where}: {first['msg']})"
        return ToldVerdict.model_validate(
            {
                "number": number,
                "scan": f"damaged-{number}",
                "verdict": Verdict.UNSCREENED,
                "reason": reason,
                "accepted_at": now,
            }
            | kept
        )
    return found
