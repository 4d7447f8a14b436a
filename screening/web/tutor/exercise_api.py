"""What the exercise page asks for: the next picture, its pixels, the answer and what there is to learn from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ....datasets.scan import Scan
from ....detector.taxonomy import TAXONOMY
from ...desk.reliability import words_for
from ...tutor.answers import Feedback, Said, answer, feedback
from ...tutor.exercises import Shown, is_over, leave, next_picture
from ...tutor.manual import entry
from ...tutor.tables import ExerciseRow, ItemRow, PictureRow
from ...viewer_format import MEDIA_TYPE, pack_scans
from ..console import Console
from ..guard import NotFound
from ..requests import RequestId
from .aligned import moved
from .seen import rows_of, rows_shown, scans_of, told_item
from .shots import Shot, load, look_png, whole_png

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_LOOKS, _ALIKE = 6, 4
"""Pictures beside the feedback."""
_Look = Annotated[int, Path(ge=0, le=9)]
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


class AnswerBody(BaseModel):
    """POST /api/tutor/items/{id}/answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: RequestId
    is_threat: bool | None
    """None: the time ran out."""
    click_px: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """In the picture as ``pixels`` shows it."""
    view: Annotated[str, Field(max_length=20)] = ""
    """In which the click is; empty where there is one view."""
    confidence: Annotated[int, Field(ge=1, le=6)] | None = None
    took_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0

    def said(self, above: Mapping[str, int]) -> Said:
        """As the domain takes it, in the picture's own rows. Raises UsageError where it makes no sense."""
        at = (self.click_px[0], self.click_px[1] - above.get(self.view, 0)) if self.click_px is not None else None
        return Said(self.request_id, self.is_threat, at, self.confidence, self.took_ms, self.view)


def exercise_api(console: Console) -> APIRouter:
    """The routes under /api/tutor that an exercise uses."""
    router = APIRouter(prefix="/api/tutor", tags=["training"])

    @router.post("/exercises/{exercise_id}/next", summary="The open picture, or the next one")
    def following(request: Request, exercise_id: Number) -> dict[str, Any]:
        person = request.state.visitor.person
        with console.database.write() as session:
            shown = next_picture(session, person, exercise_id, console.clock, console.library)
        item = item_json(shown, rows_shown(console, shown)) if shown is not None else None
        return {"item": item, "review_url": review_url(exercise_id)}

    @router.post("/exercises/{exercise_id}/leave", summary="End an exercise early; what was answered counts")
    def leave_early(request: Request, exercise_id: Number) -> dict[str, Any]:
        with console.database.write() as session:
            leave(session, request.state.visitor.person, exercise_id)
        return {"review_url": review_url(exercise_id)}

    @router.post("/items/{item_id}/answer", summary="Answer a picture")
    def take_answer(request: Request, item_id: Number, body: AnswerBody) -> dict[str, Any]:
        """On disk once acknowledged; sent again with the same ``request_id`` it changes nothing."""
        person, above = request.state.visitor.person, rows_of(console, item_id)
        said = body.said(above)
        with console.database.write() as session:
            told = answer(session, person, item_id, said, console.clock)
            exercise = session.get_one(ExerciseRow, session.get_one(ItemRow, item_id).exercise_id)
            over = is_over(session, exercise)
        begin: dict[str, Any] = {"over": over, "review_url": review_url(exercise.id)}
        return begin | (feedback_json(told, above) if told is not None else {"outcome": None})

    @router.get(
        "/items/{item_id}/pixels", summary="A picture for the viewer", response_class=Response,
        responses={200: {"content": {MEDIA_TYPE: {}}}},
    )  # fmt: skip
    def pixels(request: Request, item_id: Number) -> Response:
        scans = scans_of(console, request.state.visitor.person, item_id)
        return Response(pack_scans(f"t{item_id}", scans), 200, {}, MEDIA_TYPE)

    @router.get("/items/{item_id}/looks/{look}.png", summary="The threat, and others of its design turned otherwise",
                response_class=Response, responses=_PNG)  # fmt: skip
    def look(request: Request, item_id: Number, look: _Look) -> Response:
        with console.read() as session:
            item = told_item(session, request.state.visitor.person, item_id)
            pictures = [item.picture, *(session.get_one(PictureRow, one) for one in feedback(session, item).turned)]
            if look >= len(pictures) or not pictures[look].truths:
                raise NotFound(f"picture {item_id} has no look {look}", "go on with the next one")
            file, label = pictures[look].file, item.picture.label
            box = next((one["xyxy_px"] for one in pictures[look].truths if one["label"] == label), None)
            box = box or pictures[look].truths[0]["xyxy_px"]
        return Response(look_png(load(console.library, file, f"t{item_id}"), box), 200, {}, "image/png")

    @router.get("/items/{item_id}/whole.png", summary="An answered parcel with its threats and the click",
                response_class=Response, responses=_PNG)  # fmt: skip
    def whole(request: Request, item_id: Number) -> Response:
        person = request.state.visitor.person
        with console.read() as session:
            told = feedback(session, told_item(session, person, item_id))
        above = rows_of(console, item_id)
        shots = [_shot(scan, told, above.get(scan.view, 0)) for scan in scans_of(console, person, item_id)]
        return Response(whole_png(shots), 200, {}, "image/png")

    return router


def review_url(exercise_id: int) -> str:
    """Where an exercise is looked back on."""
    return f"/tutor/exercises/{exercise_id}/review"


def item_json(shown: Shown, above: Mapping[str, int]) -> dict[str, Any]:
    """A picture on the screen: nothing in it tells whether there is a threat, but the detector's alarms with aid.

    Args:
        shown: the picture.
        above: view → rows of air above its picture, where there are alarms.
    """
    return {
        "id": shown.item_id,
        "number": shown.number,
        "of": shown.of,
        "left_s": shown.left_s,
        "alarms": [
            _alarm(found, view.name, above.get(view.name, 0)) for view in shown.views for found in view.detections
        ],
        "pixels_url": f"/api/tutor/items/{shown.item_id}/pixels",
    }


def feedback_json(told: Feedback, above: Mapping[str, int]) -> dict[str, Any]:
    """What there is to learn, as the page gets it; ``above``: view → rows of air above its picture."""
    looks = [f"/api/tutor/items/{told.item_id}/looks/{look}.png" for look in range(len(told.turned) + 1)]
    label = told.truths[0].label if told.truths else ""
    return {
        "outcome": str(told.outcome),
        "late": told.late,
        "truths": [
            {
                "label": truth.label,
                "group": truth.group,
                "view": truth.view,
                "xyxy_px": moved(truth.xyxy_px, above.get(truth.view, 0)),
                "manual_url": manual_url(truth.label),
            }
            for truth in told.truths
        ],
        "click_px": moved(told.click_px, above.get(told.click_view, 0)) if told.click_px is not None else None,
        "click_view": told.click_view,
        "looks": [*looks, *from_manual(label, "turned")][:_LOOKS] if label else [],
        "alike": from_manual(label, "alike")[:_ALIKE],
    }


def from_manual(label: str, section: str) -> list[str]:
    """Addresses of the manual's pictures of a class; nothing where it has none."""
    chapter = entry(label)
    return [shown.url for shown in chapter.sections[section]] if chapter is not None else []


def manual_url(label: str) -> str:
    """The class's section of the reference manual."""
    return f"/tutor/manual/{label}"


def _shot(scan: Scan, told: Feedback, above: int) -> Shot:
    """A view as it was on the screen, with what is in it."""
    boxes = [moved(truth.xyxy_px, above) for truth in told.truths if truth.view == scan.view]
    is_here = told.click_px is not None and told.click_view == scan.view
    return Shot(scan, boxes, moved(told.click_px or (), above) if is_here else None)


def _alarm(found: dict[str, Any], view: str, above: int) -> dict[str, Any]:
    label = str(found["class"])
    group = TAXONOMY.group_of(label)
    return {
        "id": f"{view}:{found['id']}",
        "view": view,
        "class": label,
        "group": str(group) if group else "",
        "score": float(found["score"]),
        "xyxy_px": moved([float(edge) for edge in found["xyxy_px"]], above),
        "words_key": str(words_for(float(found["score"]))),
    }
