"""Rules for the state of an experiment: what a state needs, and which states may follow it."""

from __future__ import annotations

import re

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import Experiment, text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.spec import CLOSED
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA

SUMMARY = "results/summary.md"
# What the template writes where a person has to.
UNFILLED = "<!-- mlws:fill"

# Between two commits any number of legal moves may lie, so each state lists all that can follow it.
_OPEN = ("in_progress", "blocked")
_FOLLOWING: dict[str, tuple[str, ...]] = {
    "planned": (*_OPEN, *CLOSED, "archived"),
    "in_progress": (*_OPEN, *CLOSED, "archived"),
    "blocked": (*_OPEN, *CLOSED, "archived"),
    "completed": ("archived",),
    "failed": ("archived",),
    "abandoned": ("archived",),
    "archived": CLOSED,
}


class StatusEarned(Check):
    """A state promises something: a hypothesis once work began, a conclusion once it ended, a
    filled
    results/summary.md when it was completed.

    Write what is missing before the state is changed. On older files this is a warning only.
    """

    id, area, title = "EXP005", "experiments", "each state has what it needs"

    def run(self, target: Target) -> Result:
        known = [found for found in target.asked_experiments if found.metadata]
        if not known:
            return not_applicable("no experiment here, or none was touched")
        before = statuses_before(target)
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for found in known:
            assert found.metadata is not None  # noqa: S101 - narrows the type
            missing = _missing(target, found)
            just_moved = target.base and before.get(found.folder) != found.metadata.status
            (problems if just_moved else warnings).extend(missing)
        return judged(problems, warnings)


class MoveLegal(Check):
    """Work goes forward: planned, in_progress (or blocked), then completed, failed or abandoned,
    then archived.

    A closed experiment is not opened again: start a new one with `parent` set, so that both
    results remain.
    """

    id, area, title = "EXP009", "experiments", "the state moved along a legal way"

    def run(self, target: Target) -> Result:
        if target.changed is None:
            return not_applicable("nothing to compare with: use --staged or --changed-since REF")
        before = statuses_before(target)
        moved = [
            found
            for found in target.asked_experiments
            if found.metadata
            and before.get(found.folder, found.metadata.status) != found.metadata.status
        ]
        if not moved:
            return not_applicable("no state was changed")
        problems = []
        for found in moved:
            assert found.metadata is not None  # noqa: S101 - narrows the type
            old, new = before[found.folder], found.metadata.status
            if old in _FOLLOWING and new not in _FOLLOWING[old]:
                legal = ", ".join(_FOLLOWING[old])
                problems.append(
                    found.problem("status", f"{old} cannot become {new}", f"from {old}: {legal}")
                )
        return judged(problems)


def statuses_before(target: Target) -> dict[str, str]:
    """The state in the commit that is compared with, by the folder of today."""
    if target.repository is None or not target.base:
        return {}
    found = {}
    for match in target.repository.grep(
        r"^status[[:space:]]*:", f"*{METADATA}", revision=target.base
    ):
        if value := re.match(r"status\s*:\s*[\"']?(\w+)", match.text):
            found[match.path.removesuffix(f"/{METADATA}")] = value[1]
    for folder in list(found):  # archiving moves the folder
        for here, there in ((EXPERIMENTS, ARCHIVE), (ARCHIVE, EXPERIMENTS)):
            if folder.startswith(f"{here}/"):
                found.setdefault(there + folder.removeprefix(here), found[folder])
    return found


def _missing(target: Target, found: Experiment) -> list[Problem]:
    metadata = found.metadata
    assert metadata is not None  # noqa: S101 - narrows the type
    lacking = []
    if metadata.status != "planned" and not (metadata.hypothesis or "").strip():
        lacking.append(found.problem("hypothesis", "missing", "write what you expect, and why"))
    if metadata.status in CLOSED and not (metadata.conclusion or "").strip():
        lacking.append(
            found.problem("conclusion", f"missing for {metadata.status}", "write what was learned")
        )
    if metadata.status == "completed":
        lacking += _summary(target, found)
    if found.researcher and found.is_archived != (metadata.status == "archived"):
        where = "the archive" if found.is_archived else EXPERIMENTS
        lacking.append(
            found.problem("status", f"is {metadata.status}, but the folder lies in {where}")
        )
    return lacking


def _summary(target: Target, found: Experiment) -> list[Problem]:
    path = f"{found.folder}/{SUMMARY}"
    if not (target.root / path).exists():
        return [
            Problem(path, "missing", "write the best configuration, the metrics, the conclusion")
        ]
    text = text_of(target.root, path)
    if isinstance(text, Problem):
        return [text]
    if not text.strip():
        return [
            Problem(path, "is empty", "write the best configuration, the metrics, the conclusion")
        ]
    lines = text.splitlines()
    return [
        Problem(
            path, "is not filled in here", "answer the question and delete the mark", "", number, 1
        )
        for number, line in enumerate(lines, 1)
        if UNFILLED in line
    ]
