"""Reads and checks a configuration file, and shows its values by dotted name."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from shared_tools.configuration import ConfigurationError, load_config

from .configuration import Config


def read_config(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Read and check a configuration file; a ConfigurationError names each wrong field."""
    values = load_config(path, overrides)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        found = [f"{path.name}: {_field(one)}: {_complaint(one)}" for one in error.errors()]
        raise ConfigurationError("\n".join(found)) from error


def flat_values(config: Config) -> dict[str, Any]:
    """Return the values by dotted name, such as training.epochs, as MLflow shows them."""
    values: dict[str, Any] = {}
    for name, value in config.model_dump().items():
        if isinstance(value, dict):
            values |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            values[name] = value
    return values


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"])


def _complaint(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "is missing"
    return f"{error['msg']}, not {error['input']!r}"
