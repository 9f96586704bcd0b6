"""`HANDOFF.md`: what the next person needs, and how they take over."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, UsageError, did_you_mean
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import editing, handoff_facts, summary, sync
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import METADATA

FILE = "HANDOFF.md"

# Sections that only people can write, with what they are asked.
QUESTIONS = {
    "What works": "What can the next person rely on?",
    "What does not work": "What was tried without success, and what is known to be broken?",
    "Next steps": "What would you do next, in which order?",
}
_HEAD = re.compile(r"<!-- mlws:handoff from=(\S+) to=(\S+) -->")
_WAITING = "Not accepted yet."
_ACCEPTED = re.compile(r"^Accepted by (\S+) on ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Handoff:
    """A handoff as written: the file, its text, and what the command remarks."""

    path: str
    text: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the receiver did to repeat the result: a run of theirs, or why there is none."""

    run_id: str = ""
    why_not: str = ""


def write(
    place: Workspace, entry: Entry, to: str, *, researcher: str = "", dry: bool = False
) -> Handoff:
    """Write HANDOFF.md with what can be known and marks for what only people know.

    Written again for the same receiver, the sections that people filled stay as they are.
    Raises UsageError for a receiver who is nobody, MlwsError when a file is in the way.
    """
    git = Git(place.root)
    giver, remark = people.acting(place.config, git.setting("user.email"), researcher)
    if to not in place.config.team:
        cure = f"{did_you_mean(to, place.config.team)}; or add [team.{to}] to mlws.toml"
        raise UsageError(f"--to: {to!r} is not in [team] of mlws.toml", cure)
    if to == entry.metadata.responsible:
        raise UsageError(f"{to} is the owner already", "name somebody else with --to")
    name = place.layout.relative(entry.folder / FILE)
    old = _read(entry, name)
    kept = _kept(git, old, to, name) if old is not None else {}
    facts = handoff_facts.gather(place, entry, {giver, to})
    text = _compose(entry, (giver, to), facts, kept)
    if not dry:
        files.write(entry.folder / FILE, text)
    remarks = [remark] if remark else []
    if giver != entry.metadata.responsible:
        remarks.append(f"you are {giver}, the owner is {entry.metadata.responsible}")
    return Handoff(name, text, tuple(remarks))


def accept(
    place: Workspace,
    entry: Entry,
    evidence: Evidence,
    *,
    researcher: str = "",
    dry: bool = False,
) -> Handoff:
    """Take an experiment over: record it in HANDOFF.md, then set `owner`. A repeat finishes both.

    Raises UsageError for anybody but the receiver, InvalidFile while marks are left.
    """
    name = place.layout.relative(entry.folder / FILE)
    text = _read(entry, name)
    head = _HEAD.search(text or "")
    if text is None or head is None:
        cure = f"mlws experiment handoff {entry.metadata.experiment_id} --to HANDLE"
        raise MlwsError(f"there is no handoff to accept: {name} is missing or not ours", cure)
    who, remark = people.acting(place.config, Git(place.root).setting("user.email"), researcher)
    if who != head[2]:
        raise UsageError(
            f"you are {who}, and this handoff is for {head[2]}",
            f"{head[2]} accepts it; for somebody else: mlws experiment handoff … --to {who}",
        )
    if marks := texts.unfilled(text, name):
        raise InvalidFile(marks)
    remarks = [remark] if remark else []
    if not _ACCEPTED.search(text):
        text = _with_acceptance(text, who, _reproduction(place, entry, evidence), name)
        if not dry:
            files.write(entry.folder / FILE, text)
    elif entry.metadata.responsible == who:
        raise MlwsError(f"{name} is accepted already, and {who} is the owner")
    edited = editing.prepare(
        entry.folder / METADATA, place.layout.relative(entry.folder / METADATA), {"owner": who}
    )
    if not dry:
        edited.write()
    return Handoff(name, text, tuple(remarks))


def _read(entry: Entry, name: str) -> str | None:
    return summary.read(entry.folder, FILE, name)


def _kept(git: Git, old: str, to: str, name: str) -> dict[str, str]:
    """Sections that people filled for the same receiver. Raises MlwsError before words are lost."""
    head = _HEAD.search(old)
    if head is None:
        raise MlwsError(f"{name} was not written by this command", "move it away, then again")
    if not _ACCEPTED.search(old) and head[2] == to:
        return {
            title: text
            for title in QUESTIONS
            if (text := _section(old, title)) and texts.UNFILLED not in text
        }
    if git.changed(name):
        raise MlwsError(f"{name} holds an earlier handoff that is in no commit", "commit it first")
    return {}


def _section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n+(.*?)\n*(?=^## |\Z)", text, re.DOTALL | re.M)
    return found[1].strip() if found else ""


def _compose(
    entry: Entry, who: tuple[str, str], facts: handoff_facts.Facts, kept: dict[str, str]
) -> str:
    metadata = entry.metadata
    giver, to = who
    parts = [
        f"# Handoff of {metadata.experiment_id}",
        f"<!-- mlws:handoff from={giver} to={to} -->",
        "\n".join(
            [
                "| | |",
                "|---|---|",
                f"| From | {giver} |",
                f"| To | {to} |",
                f"| Date | {datetime.now(UTC).date()} |",
                f"| Status | {metadata.status} |",
                f"| Goal | {handoff_facts.one_line(metadata.goal)} |",
            ]
        ),
        f"## Best result\n\n{facts.best}",
    ]
    parts += [
        f"## {title}\n\n{kept.get(title) or f'{texts.UNFILLED} {question} -->'}"
        for title, question in QUESTIONS.items()
    ]
    parts += [
        f"## Files, most worked on first\n\n{facts.churn}",
        f"## Reproduce\n\n{facts.reproduce}",
        f"## Environment\n\n{facts.environment}",
        f"## Data\n\n{facts.data}",
        f"## Open\n\n{facts.open_work}",
        f"## Contacts\n\n{facts.contacts}",
        f"## Acceptance\n\n{_WAITING}",
    ]
    return "\n\n".join(parts) + "\n"


def _with_acceptance(text: str, who: str, reproduction: str, name: str) -> str:
    words = f"Accepted by {who} on {datetime.now(UTC).date()}. {reproduction}"
    before, found, after = text.rpartition(_WAITING)
    if not found:
        raise MlwsError(f"{name} has no line {_WAITING!r}", "write it below `## Acceptance`")
    return before + words + after


def _reproduction(place: Workspace, entry: Entry, evidence: Evidence) -> str:
    if bool(evidence.run_id) == bool(evidence.why_not.strip()):
        raise UsageError(
            "say whether you repeated the result",
            'either --reproduced RUN, or --not-reproduced "why"',
        )
    if evidence.why_not:
        return f"Not reproduced: {handoff_facts.one_line(evidence.why_not)}"
    mine = sync.own(entry.metadata, sync.runs(place, [entry]))
    run = next((run for run in mine if run.run_id == evidence.run_id), None)
    if run is None:
        raise UsageError(
            f"the experiment has no run {evidence.run_id!r} in MLflow",
            "mlws experiment runs lists them",
        )
    if run.status != "FINISHED":
        raise UsageError(f"run {run.run_id} is {run.status}, not FINISHED", "name a finished run")
    metric = entry.metadata.primary_metric
    value = run.metrics.get(metric.name) if metric else None
    measured = f": {metric.name} {value:.6g}" if metric and value is not None else ""
    return f"Reproduced by run `{run.run_id}`{measured}."
