"""`mlws experiment search --all` finds what was written down, wherever it is."""

from __future__ import annotations

import json

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.knowledge import writing
from mlws_scaffold.workspace.config import Workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write
from tests.unit.experiments.building import experiment

FOLDER = "experiments/active/ann/chunking"


def hits(mlws: Mlws, *words: str) -> dict[str, tuple[str, str, str]]:
    """Kind -> path, branch and title of what the search found, one of each kind."""
    found = json.loads(mlws("experiment", "search", *words, "--json").out)
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: (one["path"], one["branch"], one["goal"]) for one in found}


def test_a_decision_and_a_learning_are_found_before_any_commit(
    place: Workspace, mlws: Mlws
) -> None:
    write(place.root, {"README.md": "x\n"})
    commit(place.root, "Begin")
    made = [
        writing.decision(place, "Zebras decide").path,
        writing.learning(place, "What zebras learn").path,
    ]
    assert hits(mlws, "--all", "zebra") == {
        "adr": (made[0], "develop", "Zebras decide"),
        "learning": (made[1], "develop", "What zebras learn"),
    }
    # Without --all as it always was.
    assert hits(mlws, "zebra") == {"learning": (made[1], "develop", "What zebras learn")}
    # A page that was written again is read again; one that is gone is gone.
    (place.root / made[1]).write_text("# Horses\n")
    assert hits(mlws, "--all", "zebra")["learning"][2] == "Horses"
    (place.root / made[0]).unlink()
    assert set(hits(mlws, "--all", "zebra")) == {"learning"}


def test_all_kinds_are_found_on_a_branch_of_somebody_else(place: Workspace, mlws: Mlws) -> None:
    git = Git(place.root)
    git.run("switch", "-q", "-c", "experiment/ann/chunking")
    experiment(place)
    pages = {
        "docs/adrs/0001-zebra.md": "# 1. On zebras\n\nStatus: proposed\n",
        "docs/learnings/2026-01-01-zebra.md": "# Learned\n\nzebra\n",
        "docs/runbooks/stripes.md": "# Stripes\n\nzebra\n",
        "docs/memory/people/ann.md": "# ann\n\nKnows well: zebra\n",
        f"{FOLDER}/HANDOFF.md": "# Handoff of chunking-v1\n\nzebra\n",
        # None of these is a page to be found.
        "docs/adrs/README.md": "zebra\n",
        "docs/other.md": "zebra\n",
        "docs/runbooks/picture.svg": "zebra\n",
    }
    write(place.root, pages)
    commit(place.root, "All of it")
    git.run("switch", "-q", "develop")
    branch = "experiment/ann/chunking"
    assert hits(mlws, "--all", "zebra") == {
        "adr": ("docs/adrs/0001-zebra.md", branch, "On zebras"),
        "learning": ("docs/learnings/2026-01-01-zebra.md", branch, "Learned"),
        "runbook": ("docs/runbooks/stripes.md", branch, "Stripes"),
        "memory": ("docs/memory/people/ann.md", branch, "ann"),
        "handoff": (f"{FOLDER}/HANDOFF.md", branch, "Handoff of chunking-v1"),
    }
    shown = mlws("experiment", "search", "--all", "zebra").out
    assert "proposed" in shown
    # The handoff is still one page after its experiment was archived.
    git.run("switch", "-q", branch)
    target = "experiments/archive/ann/chunking"
    (place.root / "experiments/archive/ann").mkdir(parents=True)
    git.run("mv", FOLDER, target)
    commit(place.root, "Archive")
    assert hits(mlws, "--all", "zebra")["handoff"][0] == f"{target}/HANDOFF.md"


def test_a_handoff_is_no_row_of_the_list_of_experiments(place: Workspace, mlws: Mlws) -> None:
    experiment(place)
    write(place.root, {f"{FOLDER}/HANDOFF.md": "# Handoff\n", "docs/adrs/0001-a.md": "# A\n"})
    commit(place.root, "Hand over")
    listed = json.loads(mlws("experiment", "list", "--json").out)["experiments"]
    assert [one["experiment_id"] for one in listed] == ["chunking-v1"]


def test_without_git_the_pages_of_the_folder_are_found(place: Workspace, mlws: Mlws) -> None:
    (place.root / ".git").rename(place.root.parent / "away")
    write(place.root, {"docs/adrs/0001-zebra.md": "# Zebra\n"})
    assert set(hits(mlws, "--all", "zebra")) == {"adr"}
