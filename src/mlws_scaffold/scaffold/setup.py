"""The steps that make a fresh workspace, or a fresh clone of one, ready to work in.

Importing needs only the standard library: after a plain `copier copy` this runs in Copier's own
interpreter. A step never raises; what went wrong, and the cure, is in its report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.progress import Watch
from mlws_scaffold.scaffold.steps import git, machine
from mlws_scaffold.scaffold.steps.setting import LATER, Outcome, Setting, StepReport
from mlws_scaffold.workspace.config import Workspace, load

__all__ = ["STEPS", "StepReport", "after_generation", "again", "recorded_answers"]

# What setting up means, in order. Large files come before the commit that could hold some.
STEPS: tuple[tuple[str, Callable[[Setting], Outcome]], ...] = (
    ("git repository", git.repository),
    ("large files", git.large_files),
    ("first commit", git.first_commit),
    ("pre-commit", git.pre_commit),
    ("uv.lock", machine.lock),
    ("tracking store", machine.tracking),
    ("GPUs", machine.gpus),
    ("Ollama", machine.ollama),
)

Tell = Callable[[StepReport], None]


def _untold(report: StepReport) -> None:
    """Nobody listens while the steps run."""


def _unwatched(key: str, progress: object) -> None:
    """Nobody watches the downloads."""


def after_generation(
    root: Path,
    kind: str,
    answers: Mapping[str, Any],
    tell: Tell = _untold,
    watch: Watch = _unwatched,
) -> tuple[StepReport, ...]:
    """Run the steps for what was just rendered at `root`. Each report is told when it is known."""
    if kind != "workspace":
        why = f"the workspace around this {kind} has its own"
        names = ("git repository", "pre-commit")
        reports = tuple(StepReport(name, "skipped", why) for name in names)
        for report in reports:
            tell(report)
        return reports
    try:
        place = load(root)
    except MlwsError as error:
        report = StepReport("mlws.toml", "failed", error.message, f"mend it; {LATER}")
        tell(report)
        return (report,)
    return _run(Setting(place, answers, False, watch), tell)


def again(
    place: Workspace,
    tell: Tell = _untold,
    watch: Watch = _unwatched,
) -> tuple[StepReport, ...]:
    """Run the same steps in a workspace that exists. What is done already stays as it is."""
    return _run(Setting(place, recorded_answers(place.root), True, watch), tell)


def recorded_answers(root: Path) -> Mapping[str, Any]:
    """The answers the workspace was made with; none where they cannot be read here."""
    try:
        from mlws_scaffold.scaffold.create import recorded

        return recorded(root)
    except (ImportError, MlwsError):
        return {}


def _run(setting: Setting, tell: Tell) -> tuple[StepReport, ...]:
    reports = []
    for name, step in STEPS:
        try:
            state, detail, *cure = step(setting)
        except ImportError as error:
            detail, cure = f"{error.name or error} is not installed here", [LATER]
            state = "skipped"
        except (MlwsError, OSError) as error:
            cure = [getattr(error, "cure", "") or f"mend that; {LATER}"]
            state, detail = "failed", str(error)
        reports.append(StepReport(name, state, detail, *cure))
        tell(reports[-1])
    return tuple(reports)
