"""What a check is and what it can answer. Knows no particular check."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem

Answer = Literal["yes", "no", "not applicable", "disabled"]


@dataclass(frozen=True, slots=True)
class Result:
    """An answer with its findings. Problems make it `no`; warnings never do."""

    answer: Answer
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    reason: str = ""


class Check(ABC):
    """A rule. Its docstring is the advice that people read when it is broken.

    An ID is for ever: it stands in `[checks] disable` of people's workspaces.
    """

    id: ClassVar[str]
    area: ClassVar[str]
    title: ClassVar[str]

    @property
    def advice(self) -> str:
        return inspect.cleandoc(type(self).__doc__ or "")

    @abstractmethod
    def run(self, target: Target) -> Result:
        """Judge the target."""

    def fix(self, target: Target) -> list[str]:  # noqa: ARG002 - few checks have a safe cure
        """Mend what can be mended without losing anything; says what was done."""
        return []


def judged(problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> Result:
    """Yes when there is no problem, else no."""
    found = tuple(problems)
    return Result("no" if found else "yes", found, tuple(warnings))


def not_applicable(reason: str) -> Result:
    return Result("not applicable", reason=reason)
