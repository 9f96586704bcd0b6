"""What can be measured about an experiment for its handoff; what cannot says why."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import process
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import sync
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace

_MOST_FILES = 15


@dataclass(frozen=True, slots=True)
class Facts:
    """The measured sections of HANDOFF.md, as Markdown."""

    best: str
    churn: str
    reproduce: str
    environment: str
    data: str
    open_work: str
    contacts: str


def gather(place: Workspace, entry: Entry, handles: Iterable[str]) -> Facts:
    """Measure everything. Nothing that is missing or down is an error: its line says so."""
    run, why = _best(place, entry)
    named = {*handles, entry.metadata.researcher, entry.metadata.responsible, *entry.metadata.team}
    return Facts(
        best=_result(entry, run, why),
        churn=_churn(place, entry),
        reproduce=_reproduce(place, entry, run, why),
        environment=_environment(place, entry, run),
        data=_data(entry, run),
        open_work="\n".join(
            [
                "- GPU reservations: not measured: no GPU store yet",
                "- Jobs: not measured: no GPU store yet",
                "- Cost so far: not measured: no GPU store yet",
                f"- Pull request: {_pull_request(place)}",
            ]
        ),
        contacts=_contacts(place, named),
    )


def one_line(text: str) -> str:
    """A text that breaks no table, and opens no comment or tag of its own."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _best(place: Workspace, entry: Entry) -> tuple[Run | None, str]:
    try:
        found = sync.runs(place, [entry])
    except Unavailable as error:
        return None, error.message
    run, why = sync.best_of(entry.metadata, found)
    if run is None:  # a run with uncommitted changes is better than none, and says so
        run, why = sync.best_of(entry.metadata, found, allow_dirty=True)
    return run, why


def _result(entry: Entry, run: Run | None, why: str) -> str:
    metric = entry.metadata.primary_metric
    if run is None or metric is None:
        return f"not measured: {one_line(why)}"
    dirty = " with uncommitted changes" if run.dirty else ""
    target = "" if metric.target is None else f" (target {metric.target:g})"
    return (
        f"{one_line(metric.name)} {run.metrics[metric.name]:.6g}{target}, "
        f"to {metric.goal}. Run `{run.run_id}`, commit "
        f"`{sync.commit_of(run) or 'not recorded'}`{dirty}."
    )


def _churn(place: Workspace, entry: Entry) -> str:
    folder = place.layout.relative(entry.folder)
    try:
        out = Git(place.root).run(
            "log", "--no-renames", "--no-merges", "--numstat", "--relative", "-z", "--format=",
            "--", folder,
        )  # fmt: skip
    except MlwsError as error:
        return f"not measured: {one_line(error.message)}"
    lines: Counter[str] = Counter()
    commits: Counter[str] = Counter()
    for row in out.split("\0"):
        added, removed, path = (*row.strip("\n").split("\t", 2), "", "", "")[:3]
        if path and (place.root / path).is_file():
            lines[path] += sum(int(part) for part in (added, removed) if part.isdigit())
            commits[path] += 1
    if not lines:
        return "not measured: no file of it is in a commit"
    rows = [
        f"| `{one_line(path.removeprefix(f'{folder}/'))}` | {commits[path]} | {count} |"
        for path, count in sorted(lines.items(), key=lambda item: (-item[1], item[0]))[:_MOST_FILES]
    ]
    return "\n".join(["| file | commits | lines changed |", "|---|---|---|", *rows])


def _reproduce(place: Workspace, entry: Entry, run: Run | None, why: str) -> str:
    if run is None:
        return f"not measured: {one_line(why)}"
    commit = sync.commit_of(run)
    if commit is None:
        return f"not measured: run `{run.run_id}` does not say which commit it was made from"
    folder = place.layout.relative(entry.folder)
    command = run.tags.get("mlws.command") or "python train.py --config config.yaml"
    steps = [
        f"git worktree add ../{shlex.quote(f'{place.root.name}-{commit[:8]}')} {commit}",
        f"cd ../{shlex.quote(f'{place.root.name}-{commit[:8]}')}/{shlex.quote(folder)}",
        f"uv run --locked {' '.join(command.split())}",
    ]
    if run.recorded:
        steps.insert(0, f"uv run mlws reproduce {run.run_id}")
        steps.insert(1, "# The same by hand:")
    note = (
        "\n\nThe run had uncommitted changes: apply its artifact `mlws/diff.patch` first."
        if run.dirty
        else ""
    )
    return "\n".join(["```bash", *steps, "```"]) + note


def _environment(place: Workspace, entry: Entry, run: Run | None) -> str:
    # An experiment with dependencies of its own has its own lock.
    lock = next((home / "uv.lock" for home in (entry.folder, place.root) if _is_lock(home)), None)
    if lock is None:
        state = "- Lock: not measured: no uv.lock"
    else:
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        state = f"- Lock: `{place.layout.relative(lock)}`, sha256 `{digest}`"
        recorded = run.tags.get("mlws.lock_sha256") if run else None
        if recorded and recorded != digest:
            state += f"; the best run had `{one_line(recorded)}`"
    return f"{state}\n- Python: {platform.python_version()} here"


def _is_lock(home: Path) -> bool:
    return (home / "uv.lock").is_file()


def _data(entry: Entry, run: Run | None) -> str:
    rows = [
        f"- {one_line(source.name)}: `{one_line(source.uri)}`, sha256 "
        f"{f'`{source.sha256}`' if source.sha256 else 'not recorded'}"
        for source in entry.metadata.data
    ]
    tags = run.tags if run else {}
    rows += [
        f"- {one_line(key.removeprefix('mlws.data.').removesuffix('.sha256'))} in the best run: "
        f"sha256 `{one_line(value)}`"
        for key, value in sorted(tags.items())
        if key.startswith("mlws.data.") and key.endswith(".sha256")
    ]
    return "\n".join(rows) or "not measured: `data` in metadata.yaml names none"


def _pull_request(place: Workspace) -> str:
    gh = process.find("gh")
    if gh is None:
        return "not measured: gh is not installed"
    branch = Git(place.root).branch()
    if not branch:
        return "not measured: HEAD is detached"
    command = [gh, "pr", "list", "--head", branch, "--state", "open", "--json", "number,url"]
    try:
        done = process.run(command, place.root, timeout=15, env={"GH_PROMPT_DISABLED": "1"})
        found = json.loads(done.output) if done.status == 0 else None
    except (Unavailable, ValueError) as error:
        return f"not measured: {one_line(str(error))}"
    if not isinstance(found, list):
        return f"not measured: gh says {one_line(done.said)[:200] or 'nothing'}"
    shown = [f"#{pull.get('number')} {pull.get('url')}" for pull in found if isinstance(pull, dict)]
    return one_line(", ".join(shown)) or f"none from {branch}"


def _contacts(place: Workspace, handles: Iterable[str]) -> str:
    rows = []
    for handle in sorted(set(handles)):
        person = place.config.team.get(handle)
        if person is None:
            rows.append(f"- {one_line(handle)}: not in [team] of mlws.toml")
            continue
        github = f"@{person.github}" if person.github else ""
        known = [part for part in (person.name, person.email, github) if part]
        rows.append(f"- {handle}: {one_line(', '.join(known)) or 'no address in [team]'}")
    return "\n".join(rows)
