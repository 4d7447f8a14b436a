"""The verb ``card``: the model card page of a model, from the card it carries and from its saved evaluations."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from ..detector.contract import SHIPPED_MODEL, from_metadata
from ..detector.errors import RunError, UsageError
from .extras import EVALUATING, require
from .terminal import stderr


def card(
    model: Annotated[
        Path, typer.Argument(help="Contract-1 ONNX file.", show_default="the shipped one")
    ] = SHIPPED_MODEL,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Saved evaluation of the model (evaluate … --out FILE); repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Markdown file to write.", show_default="stdout")
    ] = None,
) -> None:
    """Write a model's card as a page for people: Markdown, every figure from a measurement, none typed.

    It tells what the model is for and what not, what it was taught with and under which licences, what each operating
    point finds and how often it alarms for nothing, every measured set with its size and intervals, and what the
    numbers show to be weak.
    """
    require("the model card page", "train", EVALUATING)
    if out and out.is_dir():
        raise UsageError(f"{out}: is a folder", "give --out a file name")
    from ..inference.model_file import read_model
    from ..training.card_page import Source, card_page
    from ..training.evaluation_result import read_evaluation

    file = read_model(model)
    known = from_metadata(file.metadata, str(model))
    folder = out.resolve().parent if out else Path.cwd()
    sources = [Source(read_evaluation(path), _link(path, folder)) for path in evaluation or ()]
    page = card_page(known, hashlib.sha256(file.content).hexdigest(), sources)
    if out is None:
        typer.echo(page, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{out}: cannot be written ({error.strerror})", "give --out a file you may write") from error
    stderr.print(f"saved {out}", style="dim")


def _link(path: Path, folder: Path) -> str:
    """The way from the page to an evaluation, or its name alone where it lies outside the page's folder."""
    relative = os.path.relpath(path.resolve(), folder)
    return path.name if relative.startswith("..") else Path(relative).as_posix()
