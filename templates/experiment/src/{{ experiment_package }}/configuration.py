"""What can be configured: one model that names every key, its type and its limits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shared_tools.configuration import ConfigurationError, load_config


class Section(BaseModel):
    """A group of keys; an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(Section):
    """Two spirals: how many examples, how far they wind, how blurred they are."""

    examples: int = Field(ge=20)
    turns: float = Field(gt=0)
    noise: float = Field(ge=0)
    validation_share: float = Field(gt=0, le=0.4)
    test_share: float = Field(gt=0, le=0.4)


class Model(Section):
    """The widths of the hidden layers."""

    hidden: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)


class Training(Section):
    """How long, in which steps and how fast it learns."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)


class Config(Section):
    """The whole configuration of a run."""

    seed: int = Field(ge=0)
    data: Data
    model: Model
    training: Training


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
