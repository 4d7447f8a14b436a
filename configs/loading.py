"""Read a YAML configuration into its typed model, or say which key is wrong and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ..detector.errors import ConfigError

CONFIG_DIR = Path(__file__).parent
_MAX_BYTES = 1_000_000

ConfigT = TypeVar("ConfigT", bound=BaseModel)


def shipped(kind: str) -> dict[str, Path]:
    """Names of the shipped configurations of one kind (``recipes``, ``scanners``) and their files."""
    return {path.stem: path for path in sorted((CONFIG_DIR / kind).glob("*.yaml"))}


def load_config(source: str | Path, model: type[ConfigT], kind: str) -> ConfigT:
    """Load a configuration by path, or by the name of a shipped one.

    Args:
        source: a YAML file, or a name listed by ``shipped(kind)``.
        model: the pydantic model of the file; unknown keys are refused by it.
        kind: folder of the shipped configurations of this kind.

    Raises:
        ConfigError: naming the file, the YAML path of the bad key, and the remedy.
    """
    path = shipped(kind).get(str(source), Path(source))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes", "give a configuration file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        names = ", ".join(shipped(kind))
        remedy = f"give a YAML file or one of the shipped: {names}" if names else "give a YAML file"
        raise ConfigError(f"{source}: no such file", remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", "give a readable UTF-8 YAML file") from error
    data = parse_yaml(text, path)
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as error:
        raise ConfigError(*_explain(path, error, model)) from error


def parse_yaml(text: str, source: object) -> Any:
    """The value of an untrusted YAML text.

    Aliases are refused, for a few lines of them unfold into billions of values, and so is a key that is written twice,
    of which one would be lost unsaid.

    Raises:
        ConfigError: naming the source and the line.
    """
    try:
        return yaml.load(text, _StrictLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a number or date that cannot be
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" at line {line + 1}" if line is not None else ""
        why = f" ({error.problem})" if isinstance(error, _Refused) else ""
        raise ConfigError(f"{source}: not valid YAML{where}{why}", "correct the syntax") from error


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that is not taken."""


class _StrictLoader(yaml.SafeLoader):
    """Plain values only."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node, unless it is an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise _Refused(None, None, "aliases are not read", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys differ."""
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise _Refused(None, None, "a key is written twice", node.start_mark)
        return mapping


def _explain(path: Path, error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """The first mistake in words, with the remedy."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "(top level)"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key in {path}", f"known keys: {', '.join(sorted(_siblings(model, first['loc'])))}"
    others = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {first['msg']} in {path}{others}", "correct this key"


def _siblings(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys allowed where the unknown one stands."""
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ["see the documentation"]
        model = annotation
    return list(model.model_fields)
