"""What the pydantic models of our YAML files have in common."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Texts = str | tuple[str, ...]

_MOST_RUNS = 50


def listed(value: Texts | None) -> tuple[str, ...]:
    """What may be one text or several, as several."""
    return (value,) if isinstance(value, str) else value or ()


def _compiled(value: Texts) -> Texts:
    for pattern in listed(value):
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{pattern!r} is no pattern: {error}") from None
    return value


Patterns = Annotated[Texts, AfterValidator(_compiled)]


class Strict(BaseModel):
    """Unknown fields are mistakes, and what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WithOwnKeys(Strict):
    """Strict, but keys that start with `x_` are the team's own and pass unread."""

    @model_validator(mode="before")
    @classmethod
    def _drop_own_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if not str(key).startswith("x_")}


class Repeated(Strict):
    """A question that is asked several times, because no model answers twice alike."""

    runs: int = Field(1, ge=1, le=_MOST_RUNS, description="how often it is asked")
    passes: int | None = Field(None, ge=1, description="how many have to be right (default: all)")
    seed: int = Field(1, ge=0, description="of the first run; each later run takes the next")

    @model_validator(mode="after")
    def _can_pass(self) -> Repeated:
        if self.passes is not None and self.passes > self.runs:
            raise ValueError(f"passes is {self.passes}, but it runs {self.runs} times")
        return self

    @property
    def needed(self) -> int:
        return self.runs if self.passes is None else self.passes

    @property
    def seeds(self) -> range:
        return range(self.seed, self.seed + self.runs)
