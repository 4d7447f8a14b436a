"""How verbs look in ``--help``: a flag takes no value, so none is shown beside it."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class Verb(TyperCommand):
    """One verb."""

    def get_params(self, ctx: Any) -> Any:
        """Options and arguments as they are shown."""
        return _flags_alone(super().get_params(ctx))


class VerbGroup(TyperGroup):
    """A verb of several verbs."""

    def get_params(self, ctx: Any) -> Any:
        """Options as they are shown."""
        return _flags_alone(super().get_params(ctx))


def _flags_alone(params: Any) -> Any:
    for param in params:
        if isinstance(param, TyperOption) and param.is_flag and param.metavar is None:
            param.metavar = ""
    return params
