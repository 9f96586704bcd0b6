"""Runs checks and gathers what they answer into one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.table import select
from mlws_scaffold.checks.target import Scope, Target, open_target, top
from mlws_scaffold.errors import MlwsError, Problem, Unavailable, UsageError
from mlws_scaffold.workspace.layout import CONFIG

ANSWERS = ("yes", "no", "not applicable", "disabled")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check and what it answered."""

    check: Check
    result: Result


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes; `prefix` leads from the top of the repository to the checked folder."""

    outcomes: tuple[Outcome, ...]
    fixed: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def failed(self) -> bool:
        return any(outcome.result.answer == "no" for outcome in self.outcomes)

    def summary(self) -> dict[str, int]:
        """How many checks gave each answer, and how many problems and warnings there are."""
        counts = Counter(outcome.result.answer for outcome in self.outcomes)
        return {
            "checks": len(self.outcomes),
            **{answer.replace(" ", "_"): counts[answer] for answer in ANSWERS},  # type: ignore[index]
            "problems": sum(len(outcome.result.problems) for outcome in self.outcomes),
            "warnings": sum(len(outcome.result.warnings) for outcome in self.outcomes),
        }

    def as_data(self) -> dict[str, Any]:
        """The shape of `--format json`."""
        return {
            "checks": [
                {
                    "id": outcome.check.id,
                    "area": outcome.check.area,
                    "title": outcome.check.title,
                    "result": outcome.result.answer,
                    "reason": outcome.result.reason,
                    "problems": [
                        *(_as_data(problem, "error") for problem in outcome.result.problems),
                        *(_as_data(problem, "warning") for problem in outcome.result.warnings),
                    ],
                }
                for outcome in self.outcomes
            ],
            "fixed": list(self.fixed),
            "summary": self.summary(),
        }


def run(
    root: Path | None, here: Path, wanted: Sequence[str], scope: Scope, *, fix: bool = False
) -> Report:
    """Check a workspace, or without one (`root` None) what any repository around `here` can have.

    Raises UsageError for an unknown area, and where only a workspace can be meant.
    """
    if scope.staged and scope.since:
        raise UsageError("--staged and --changed-since exclude each other", "choose one")
    checks = select(wanted)
    if root is None and (not wanted or any(check.area == "workspace" for check in checks)):
        raise UsageError(
            f"no workspace here: neither {here} nor a folder above it holds {CONFIG}",
            "change into one, or ask for experiments, models, agents, git or branch",
        )
    place = root or top(here)
    target = open_target(place, scope)
    fixed: list[str] = []
    if fix:
        for check in checks:
            if _ask(check, target).answer == "no":
                fixed += check.fix(target)
        target = open_target(place, scope)
    prefix = target.repository.prefix if target.repository else ""
    return Report(
        tuple(Outcome(check, _ask(check, target)) for check in checks), tuple(fixed), prefix
    )


def _ask(check: Check, target: Target) -> Result:
    if target.config and check.id in target.config.checks.disable:
        return Result("disabled", reason=f"[checks] disable in {CONFIG}")
    try:
        return check.run(target)
    except Unavailable as error:
        return not_applicable(error.message)
    except MlwsError as error:
        # One question that git or a file refuses must not silence the other checks, nor pass.
        return judged([Problem(".", f"could not be judged: {error.message}", error.cure)])


def _as_data(problem: Problem, severity: str) -> dict[str, Any]:
    return {
        "severity": severity,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "field": problem.field,
        "message": problem.message,
        "cure": problem.cure,
    }
