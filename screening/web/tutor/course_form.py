"""A course as a form: what a trainer typed, and the plan it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData

from ....detector.errors import UsageError
from ....detector.taxonomy import TAXONOMY
from ...tutor.courses import CoursePlan, StepPlan
from ...tutor.tables import Mode

MOST_STEPS = 20
_FIELDS = ("title", "mode", "pictures", "threats", "target", "limit_s")
_BELT_S = 15.0
_NAMES = {
    "title": "a title",
    "pictures": "how many pictures (1 to 1000)",
    "threat_share": "how many of 100 parcels hold a threat (1 to 100)",
    "target": "the hit rate aimed at (50 to 90)",
    "limit_s": "the seconds for each picture (1 to 600)",
    "labels": "at least one class",
    "mode": "one of the three kinds",
}
"""Field of a plan → what a trainer must give."""

Typed = dict[str, Any]
"""One step as typed: text, and ``labels`` and ``aid``."""


def typed_of(plan: CoursePlan) -> list[Typed]:
    """The steps of a plan, as the form shows them."""
    return [
        {
            "title": step.title,
            "mode": str(step.mode),
            "labels": list(step.labels),
            "aid": step.aid,
            "pictures": str(step.pictures),
            "threats": f"{100 * step.threat_share:g}",
            "target": f"{100 * step.target:g}",
            "limit_s": "" if step.limit_s is None else f"{step.limit_s:g}",
        }
        for step in plan.steps
    ]


def new_step() -> Typed:
    """One more step, with what most steps have."""
    return typed_of(CoursePlan(title="-", steps=(StepPlan(title="-", mode=Mode.STUDY),)))[0] | {"title": ""}


def typed_in(form: FormData) -> list[Typed]:
    """The steps that a form sent. Numbers of steps may have gaps."""
    numbers = sorted({int(found[1]) for key in form if (found := re.fullmatch(r"title-(\d{1,3})", key))})
    return [_typed_step(form, number) for number in numbers[:MOST_STEPS]]


def _typed_step(form: FormData, number: int) -> Typed:
    step: Typed = {name: str(form.get(f"{name}-{number}", ""))[:200] for name in _FIELDS}
    labels = {str(label) for label in form.getlist(f"labels-{number}")}
    step["labels"] = [label for label in TAXONOMY.classes if label in labels]
    step["aid"] = f"aid-{number}" in form
    return step


def changed(steps: list[Typed], action: str) -> list[Typed]:
    """The steps after one of the form's buttons: ``add``, ``remove-N``, ``up-N``, ``down-N``, ``copy-N``; N from 0."""
    verb, _, at_text = action.partition("-")
    at = int(at_text) if at_text.isdigit() and int(at_text) < len(steps) else None
    steps = list(steps)
    if verb == "add":
        steps.append(new_step())
    elif at is None:
        return steps
    elif verb == "remove":
        del steps[at]
    elif verb == "copy":
        steps.insert(at + 1, dict(steps[at]))
    elif verb in ("up", "down"):
        to = at - 1 if verb == "up" else at + 1
        if 0 <= to < len(steps):
            steps[at], steps[to] = steps[to], steps[at]
    return steps[:MOST_STEPS]


def plan_of(title: str, steps: Sequence[Typed]) -> CoursePlan:
    """The plan. Raises UsageError that names the step and what is missing in it."""
    if not title.strip():
        raise UsageError("the course has no title", "give it one that officers understand")
    if not steps:
        raise UsageError("the course has no step", "add one")
    return CoursePlan(title=title.strip()[:200], steps=tuple(_step(number, one) for number, one in enumerate(steps, 1)))


def _step(number: int, typed: Mapping[str, Any]) -> StepPlan:
    mode = str(typed["mode"])
    try:
        limit_s = _number(typed["limit_s"])
        if mode == Mode.BELT and limit_s is None:
            limit_s = _BELT_S
        return StepPlan.model_validate(
            {
                "title": str(typed["title"]).strip(),
                "mode": mode,
                "labels": tuple(typed["labels"]),
                "aid": bool(typed["aid"]),
                "pictures": typed["pictures"],
                "threat_share": (_number(typed["threats"]) or 0.0) / 100,
                "target": (_number(typed["target"]) or 0.0) / 100,
                "limit_s": None if mode == Mode.STUDY else limit_s,
            }
        )
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        name = str(where[0]) if where else "labels"
        raise UsageError(f"step {number} needs {_NAMES.get(name, name)}", "correct it and save again") from error


def _number(text: object) -> float | None:
    """As people type numbers; None for nothing. What is none is -1, which no field takes."""
    typed = str(text).strip().replace(",", ".")
    if not typed:
        return None
    try:
        return float(typed)
    except ValueError:
        return -1.0
