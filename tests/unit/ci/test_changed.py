"""What a change makes necessary to test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.checks import changed
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write

AGENTS = ("one", "three", "two")
FIRST = "experiments/active/ann/first"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tiny_workspace.make(tmp_path / "ws")
    for name in AGENTS:
        write(place, {f"agents/production/{name}/pyproject.toml": ""})
    write(place, {f"{FIRST}/train.py": "", "experiments/active/bob/own/pyproject.toml": ""})
    write(place, {"agents/production/README.md": "", "shared/tools/a.py": "", ".gitignore": ".x/"})
    Git(place).run("init", "--quiet", "--initial-branch", "main")
    commit(place, "Start")
    Git(place).run("switch", "--quiet", "--create", "work")
    return place


def _agents(root: Path, reference: str = "main") -> list[str]:
    return [one.name for one in changed.agents(root, reference).projects]


def test_nothing_changed_selects_nothing(root: Path) -> None:
    found = changed.agents(root, "main")
    assert (found.projects, found.why) == ((), "")


def test_only_the_agent_that_changed_is_selected(root: Path) -> None:
    write(root, {"agents/production/two/src/agent.py": "x"})
    commit(root, "Change")
    assert _agents(root) == ["two"]


@pytest.mark.parametrize(
    "path",
    [
        "shared/tools/b.py",
        "uv.lock",
        "pyproject.toml",
        ".copier-answers.yml",
        ".github/workflows/agent-tests.yml",
    ],
)
def test_what_all_depend_on_selects_all(root: Path, path: str) -> None:
    write(root, {path: "changed"})
    commit(root, "Change")
    found = changed.agents(root, "main")
    assert [one.name for one in found.projects] == list(AGENTS)
    assert found.why.startswith(path)
    assert len(changed.experiments(root, "main").projects) == 2


@pytest.mark.parametrize(
    "path", ["docs/shared/x.md", "sharedness/a.py", "agents/production/README.md", "mlws.lock"]
)
def test_what_only_looks_alike_selects_nothing(root: Path, path: str) -> None:
    write(root, {path: "changed"})
    commit(root, "Change")
    assert _agents(root) == []


def test_a_deleted_agent_selects_nothing(root: Path) -> None:
    Git(root).run("rm", "-r", "--quiet", "agents/production/one")
    commit(root, "Delete")
    assert _agents(root) == []
    assert _agents(root, "") == ["three", "two"]


def test_a_renamed_agent_selects_its_new_name(root: Path) -> None:
    Git(root).run("mv", "agents/production/one", "agents/production/uno")
    commit(root, "Rename")
    assert _agents(root) == ["uno"]


def test_the_mirror_of_deployments_is_no_change_of_the_agent(root: Path) -> None:
    write(root, {"agents/production/one/deployments.jsonl": "{}\n"})
    commit(root, "Record")
    assert _agents(root) == []


@pytest.mark.parametrize("reference", ["", "0" * 40, "a" * 40])
def test_where_nothing_can_be_compared_with_all_are_selected(root: Path, reference: str) -> None:
    found = changed.agents(root, reference)
    assert [one.name for one in found.projects] == list(AGENTS)
    assert found.why


def test_what_others_merged_meanwhile_does_not_count(root: Path) -> None:
    write(root, {"agents/production/two/src/agent.py": "x"})
    commit(root, "Change")
    git = Git(root)
    git.run("switch", "--quiet", "main")
    write(root, {"agents/production/one/src/agent.py": "x", "shared/tools/b.py": "x"})
    commit(root, "Elsewhere")
    git.run("switch", "--quiet", "work")
    assert _agents(root) == ["two"]


def test_a_branch_that_git_does_not_know_is_no_reason_to_guess(root: Path) -> None:
    for reference in ("origin/none", "--output=/tmp/x"):
        with pytest.raises(UsageError):
            changed.agents(root, reference)


def test_a_shallow_clone_cannot_tell(root: Path, tmp_path: Path) -> None:
    Git(tmp_path).run("clone", "--quiet", "--depth", "1", root.as_uri(), "shallow")
    with pytest.raises(Unavailable):
        changed.agents(tmp_path / "shallow", "a" * 40)


def test_a_folder_whose_name_would_be_code_stops_all(root: Path) -> None:
    write(root, {"agents/production/$(id)/pyproject.toml": ""})
    commit(root, "Attack")
    with pytest.raises(MlwsError, match="no name for a folder"):
        changed.agents(root, "main")


def test_experiments_are_selected_with_how_they_are_installed(root: Path) -> None:
    write(root, {f"{FIRST}/train.py": "x", "experiments/active/bob/own/a.py": "x"})
    commit(root, "Change")
    found = changed.experiments(root, "main").projects
    assert [(one.name, one.isolated) for one in found] == [("ann/first", False), ("bob/own", True)]


def test_the_lines_for_a_workflow_and_the_json_say_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"agents/production/two/src/agent.py": "x"})
    commit(root, "Change")
    mlws = Mlws(root, monkeypatch, capsys)
    lines = mlws("ci", "changed-agents", "--base", "main", "--github")
    assert lines.out == 'agents=["two"]\nany=true\n'
    told = json.loads(mlws("ci", "changed-agents", "--base", "main", "--json").out)
    assert [one["name"] for one in told["agents"]] == ["two"]
    none = mlws("ci", "changed-experiments", "--base", "main", "--github")
    assert none.out == "experiments=[]\nisolated=[]\nany=false\n"
    assert mlws("ci", "changed-agents", "--base", "main", "--github", "--json").code == 2
