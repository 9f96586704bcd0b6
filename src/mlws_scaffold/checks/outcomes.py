"""Rules for what an experiment gave: its results as MLflow has them, its handoff as people wrote
it."""

from __future__ import annotations

from mlws_scaffold.adapters import texts
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import handoff, sync
from mlws_scaffold.workspace.config import Workspace


class ResultsAgree(Check):
    """`results` in metadata.yaml is what others read and compare with, so it must say what the
    recorded run says.

    `mlws experiment sync EXPERIMENT` writes it from the best run; do not type numbers there. Asked
    with --online only, because the tracking store has to answer.
    """

    id, area, title = "EXP011", "experiments", "results are those of the run in MLflow"

    def run(self, target: Target) -> Result:
        if target.config is None:
            return not_applicable(target.no_config)
        if not target.scope.online:
            return not_applicable("asked with --online only: MLflow has to answer")
        synced = [
            found
            for found in target.asked_experiments
            if found.metadata and found.metadata.results and found.metadata.results.run_id
        ]
        if not synced:
            return not_applicable("no experiment here names a run in its results")
        place = Workspace(target.layout, target.config, {})
        entries = [
            Entry(target.root / found.folder, found.metadata) for found in synced if found.metadata
        ]
        runs = sync.runs(place, entries)
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for found, entry in zip(synced, entries, strict=True):
            cure = f"mlws experiment sync {entry.metadata.experiment_id}"
            wrong, newer = sync.disagreements(entry.metadata, runs)
            problems += [found.problem("results", text, cure) for text in wrong]
            warnings += [found.problem("results", text, cure) for text in newer]
        return judged(problems, warnings)


class HandoffComplete(Check):
    """A handoff tells the next person what no file says: what works, what does not, what to do
    next.

    Answer each question of HANDOFF.md and delete its mark; until then nobody can accept it.
    """

    id, area, title = "EXP012", "experiments", "no HANDOFF.md waits for an answer"

    def run(self, target: Target) -> Result:
        names = [f"{found.folder}/{handoff.FILE}" for found in target.asked_experiments]
        names = [name for name in names if (target.root / name).exists()]
        if not names:
            return not_applicable("no handoff here, or none was touched")
        problems: list[Problem] = []
        for name in names:
            text = text_of(target.root, name)
            problems += [text] if isinstance(text, Problem) else texts.unfilled(text, name)
        return judged(problems)
