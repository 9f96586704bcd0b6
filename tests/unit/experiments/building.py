"""A small workspace in a real git repository, with experiments in given states."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace
from tests.support.template_repo import commit, write

TEAM = """\
[team.ann]
name = "Ann"
email = "researcher@example.org"

[team.mike]
email = "mike@example.org"
github = "mike-x"
"""
SUMMARY = """\
# Results

## Best configuration

Chunks of 256.

## Metrics

<!-- mlws:metrics -->
No run has been recorded yet.
<!-- /mlws:metrics -->
"""


def metadata(name: str, status: str = "in_progress", more: str = "") -> str:
    """A metadata.yaml with comments of a person."""
    return (
        f"# About {name}\n"
        f"experiment_id: {name}-v1   # never changes\n"
        "researcher: 'ann'\n"
        "created: 2026-01-05\n"
        f"status: {status}\n"
        "goal: Know which chunk size answers best\n"
        "# Written before the first run\n"
        'hypothesis: "Small chunks win"\n'
        "primary_metric: {name: accuracy, goal: maximize, target: 0.9}\n"
        f"{more}"
    )


def workspace(folder: Path, *, tracking: str = tiny_workspace.NO_TRACKING) -> Workspace:
    """A committed workspace with nothing in it."""
    root = tiny_workspace.make(folder, config=TEAM, tracking=tracking)
    write(root, {".gitignore": "outputs/\n*.db\n"})
    Git(root).run("init", "--quiet", "-b", "develop")
    commit(root, "Begin")
    return load(root)


def experiment(
    place: Workspace, name: str = "chunking", status: str = "in_progress", more: str = ""
) -> Entry:
    """A committed experiment with a filled summary, code and an ignored output."""
    folder = f"experiments/active/ann/{name}"
    write(
        place.root,
        {
            f"{folder}/metadata.yaml": metadata(name, status, more),
            f"{folder}/train.py": "print('trained')\n",
            f"{folder}/results/summary.md": SUMMARY,
            f"{folder}/outputs/model.bin": "weights",
        },
    )
    commit(place.root, f"Add {name}")
    return again(place, name)


def again(place: Workspace, name: str = "chunking") -> Entry:
    """The experiment as it lies there now."""
    return find.experiment(place, f"{name}-v1", place.root)


def text(entry: Entry, name: str = "metadata.yaml") -> str:
    return (entry.folder / name).read_text(encoding="utf-8")
