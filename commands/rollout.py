"""The verb ``rollout``: which model is live, where the candidate runs, and back at once."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from ..configs.loading import load_config
from ..detector.card import ModelCard
from ..detector.contract import from_metadata
from ..detector.errors import ModelError, UsageError
from .terminal import stdout


def rollout(
    file: Annotated[Path, typer.Argument(metavar="ROLLOUT.yaml", help="The file that lanes follow; made with --live.")],
    live: Annotated[Path | None, typer.Option(help="The model that runs everywhere; forgets a candidate.")] = None,
    candidate: Annotated[Path | None, typer.Option(help="The model to roll out; runs nowhere yet.")] = None,
    at: Annotated[list[str] | None, typer.Option(metavar="SITE", help="Run the candidate here, too; * is all.")] = None,
    back: Annotated[bool, typer.Option("--back", help="Run the live model everywhere again, at once.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Make the candidate the live model.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The state as one JSON object on stdout.")] = False,
) -> None:
    """Roll a model out in stages: lanes that follow this file exchange their model while they run.

    A lane follows it with `rollout: {file: ROLLOUT.yaml, site: NAME}` in its lanes file; it looks every second. In
    turn: --live A · --candidate B · --at north · --at south · --at '*' · --finish; and --back at any moment.
    """
    from ..inference.lanes.rolling import EVERYWHERE, RolloutFile, write_rollout

    if sum((live is not None, candidate is not None, bool(at), back, finish)) > 1:
        raise UsageError("more than one change at a time", "take one step after the other")
    if live is not None:
        _card(live)
        write_rollout(file, RolloutFile(live=live.resolve()))
    state = load_config(file, RolloutFile, "rollout")
    if candidate is not None:
        _must_fit(_found(file, state.live), candidate)
        write_rollout(file, RolloutFile(live=state.live, candidate=candidate.resolve()))
    elif at or finish:
        if state.candidate is None:
            raise UsageError(f"{file}: names no candidate", "name one first with --candidate MODEL")
        sites = tuple(dict.fromkeys([*state.at, *(at or [])]))
        step = RolloutFile(live=state.candidate) if finish else state.model_copy(update={"at": sites})
        write_rollout(file, step)
    elif back:
        write_rollout(file, RolloutFile(live=state.live, candidate=state.candidate))
    _tell(load_config(file, RolloutFile, "rollout").model_dump(mode="json"), EVERYWHERE, json)


def _found(file: Path, model: Path) -> Path:
    return file.resolve().parent / model


def _card(model: Path) -> ModelCard:
    from ..inference.model_file import read_model

    return from_metadata(read_model(model).metadata, str(model))


def _must_fit(live: Path, candidate: Path) -> None:
    """Lanes exchange only models that name the same classes. Raises ModelError."""
    names = [[each.name for each in _card(model).classes] for model in (live, candidate)]
    if names[0] != names[1]:
        raise ModelError(f"{candidate} names other classes than {live}", "restart the lanes with it instead")


def _tell(state: dict[str, object], everywhere: str, json: bool) -> None:
    if json:
        print(json_text.dumps(state))
        return
    sites = state["at"]
    assert isinstance(sites, list)
    stdout.print(f"live: {state['live']}")
    if state["candidate"]:
        where = "everywhere" if everywhere in sites else ", ".join(map(str, sites)) or "nowhere yet"
        stdout.print(f"candidate: {state['candidate']} ({where})")
