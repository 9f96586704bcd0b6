"""`mlws check` as people and hooks call it: formats, exit codes, scopes, other repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mlws_scaffold.checks.table import CHECKS
from tests.support.commandline import Mlws
from tests.unit.checks.building import AGENT_YAML, EXPERIMENT, METADATA, REGISTRY, Place

ROOT = Path(__file__).parents[3]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.fixture
def mlws(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    """The command, called in an experiment's folder of the workspace."""
    return Mlws(place.root / EXPERIMENT, monkeypatch, capsys)


@pytest.fixture
def elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Place, Mlws]:
    """A repository that is no workspace, and the command called in it."""
    place = Place(tmp_path / "elsewhere")
    place.root.mkdir()
    place.git("init", "-q", "-b", "main")
    return place, Mlws(place.root, monkeypatch, capsys)


def break_metadata(place: Place) -> None:
    place.edit(f"{EXPERIMENT}/metadata.yaml", "status: in_progress", "status: running")


def test_a_sound_workspace_exits_with_0_and_counts(mlws: Mlws) -> None:
    ended = mlws("check")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == (
        f"{len(CHECKS)} checks: {len(CHECKS) - 3} yes, 0 no, 3 not applicable"
    )
    assert ended.err == ""


def test_a_failure_exits_with_1_and_gives_the_advice_once(place: Place, mlws: Mlws) -> None:
    break_metadata(place)
    place.write("experiments/active/ann/other/metadata.yaml", "x: 1\n")
    ended = mlws("check", "EXP002")
    assert ended.code == 1
    assert ended.out.startswith("EXP002 no: every metadata.yaml is valid\n")
    assert f'  {EXPERIMENT}/metadata.yaml:4:1: status: unknown value "running"' in ended.out
    assert ended.out.count("Correct the line that is named") == 1
    assert ended.out.splitlines()[-1].startswith("1 checks: 0 yes, 1 no, ")


def test_json_has_the_documented_shape(place: Place, mlws: Mlws) -> None:
    break_metadata(place)
    place.edit("mlws.toml", "[team.ann]", '[checks]\ndisable = ["EXP003"]\n\n[team.ann]')
    (place.root / "uv.lock").unlink()
    ended = mlws("check", "--format", "json")
    assert ended.code == 1
    data = json.loads(ended.out)
    assert set(data) == {"checks", "fixed", "summary"}
    found = {check["id"]: check for check in data["checks"]}
    assert set(found["EXP002"]) == {"id", "area", "title", "result", "reason", "problems"}
    assert found["EXP002"]["problems"] == [
        {
            "severity": "error",
            "path": f"{EXPERIMENT}/metadata.yaml",
            "line": 4,
            "column": 1,
            "field": "status",
            "message": 'unknown value "running"',
            "cure": found["EXP002"]["problems"][0]["cure"],
        }
    ]
    assert found["WS005"]["result"] == "yes"
    assert found["WS005"]["problems"][0]["severity"] == "warning"
    assert found["EXP003"]["result"] == "disabled"
    assert found["EXP009"]["result"] == "not applicable"
    assert data["summary"]["checks"] == len(found)
    assert data["summary"]["no"] == 1
    assert data["summary"]["problems"] == 1
    assert data["summary"]["warnings"] == 1


def test_github_gets_an_annotation_for_each_finding(place: Place, mlws: Mlws) -> None:
    break_metadata(place)
    (place.root / "uv.lock").unlink()
    ended = mlws("check", "--format", "github")
    assert ended.code == 1
    place_and_title = "line=4,col=1,title=EXP002 every metadata.yaml is valid::"
    assert f"::error file={EXPERIMENT}/metadata.yaml,{place_and_title}" in ended.out
    assert "::warning file=uv.lock,title=WS005" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("experimnts",), "did you mean 'experiments'?"),
        (("--staged", "--changed-since", "main"), "exclude each other"),
        (("--changed-since", "nowhere"), "git knows no commit 'nowhere'"),
        (("--format", "xml"), "xml"),
    ],
)
def test_what_is_asked_wrongly_exits_with_2(
    mlws: Mlws, arguments: tuple[str, ...], said: str
) -> None:
    ended = mlws("check", *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_without_a_common_commit_there_is_no_verdict(place: Place, mlws: Mlws) -> None:
    place.git("switch", "-q", "--orphan", "stranger")
    place.git("commit", "-q", "--allow-empty", "-m", "alone")
    place.git("switch", "-q", "develop")
    ended = mlws("check", "--changed-since", "stranger")
    assert ended.code == 4
    assert "fetch-depth: 0" in ended.err


def test_long_lists_are_cut_on_a_terminal_but_not_in_json(place: Place, mlws: Mlws) -> None:
    for number in range(60):
        place.write(f"experiments/active/ann/e{number}/metadata.yaml", "x: [")
    assert "and 10 more" in mlws("check", "EXP002").out
    assert json.loads(mlws("check", "EXP002", "--format", "json").out)["summary"]["problems"] == 60


def test_fix_says_what_it_did(place: Place, mlws: Mlws) -> None:
    (place.root / "docs/adrs/0001.md").unlink()
    (place.root / "docs/adrs").rmdir()
    ended = mlws("check", "workspace", "--fix")
    assert ended.out.startswith("fixed: made the folder docs/adrs\n")
    assert ended.code == 0


def test_outside_of_a_workspace_everything_cannot_be_asked(elsewhere: tuple[Place, Mlws]) -> None:
    _, mlws = elsewhere
    assert mlws("check").code == 2
    assert mlws("check", "workspace").code == 2
    assert "no workspace here" in mlws("check", "WS001").err


def test_another_repository_gets_its_experiments_judged(elsewhere: tuple[Place, Mlws]) -> None:
    place, mlws = elsewhere
    place.write("packages/web/metadata.yaml", "owner: nobody of ours\n")
    place.write("research/a/metadata.yaml", METADATA.replace("goal:", "gaol:"))
    place.write("experiments/b/metadata.yaml", METADATA)
    place.write("experiments/b/README.md", "# Goal\n\nx\n\n# Run\n\nx\n")
    ended = mlws("check", "experiments")
    assert ended.code == 1
    assert "research/a/metadata.yaml:5:1: gaol" in ended.out
    assert "'chunking-v1' is also the id of" in ended.out
    assert "packages/web" not in ended.out


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_every_hook_for_other_repositories_works_and_finds(
    elsewhere: tuple[Place, Mlws], hook: dict[str, object]
) -> None:
    """The hook's own command passes on a sound repository and fails on a broken one."""
    place, mlws = elsewhere
    program, *arguments = str(hook["entry"]).split()
    assert program == "mlws"
    assert mlws(*arguments).code == 0
    place.write("experiments/b/metadata.yaml", METADATA.replace("goal:", "gaol:"))
    place.write("models/registry.yaml", REGISTRY)
    place.write("agents/prototypes/x/agent.yaml", AGENT_YAML.format(name="y"))
    place.git("switch", "-q", "-c", "odd")
    assert mlws(*arguments).code == 1


def test_the_hooks_are_the_promised_ones() -> None:
    assert [hook["id"] for hook in HOOKS] == [
        f"mlws-check-{area}" for area in ("experiments", "models", "agents", "branch")
    ]
    for hook in HOOKS:
        assert hook["language"] == "python"
        assert hook["pass_filenames"] is False
