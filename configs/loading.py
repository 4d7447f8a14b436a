"""Read a YAML configuration into its typed model, or say which key is wrong and why."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

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
        names = ", ".join(shipped(kind)) or "none"
        raise ConfigError(f"{source}: no such file", f"give a YAML file or one of the shipped: {names}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})", "give a readable UTF-8 YAML file") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" at line {line + 1}" if line is not None else ""
        raise ConfigError(f"{path}: not valid YAML{where}", "correct the syntax") from error
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as error:
        raise ConfigError(*_explain(path, error, model)) from error


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
