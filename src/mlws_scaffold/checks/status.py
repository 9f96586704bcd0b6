"""Rules for the state of an experiment: what a state needs, and which states may follow it."""

from __future__ import annotations

import re

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import Experiment, text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.life import lifecycle, summary
from mlws_scaffold.experiments.life.summary import SUMMARY
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA


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
            if old in lifecycle.MOVES and new not in lifecycle.following(old):
                legal = ", ".join(lifecycle.following(old))
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
    lacking = [
        found.problem(need.field, f"missing for {metadata.status}", need.cure)
        for need in lifecycle.lacking(metadata, metadata.status)
    ]
    if metadata.status in lifecycle.NEED_SUMMARY:
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
        return summary.problems(target.root / found.folder, f"{found.folder}/")
    text = text_of(target.root, path)
    return [text] if isinstance(text, Problem) else summary.judge(text, path)
