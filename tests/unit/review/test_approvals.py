"""`mlws ci require-approvals` against a GitHub over HTTP: what is asked for, and what counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fake_github, tiny_workspace
from tests.support.commandline import Ended, Mlws
from tests.support.fake_github import TOKEN, FakeGitHub
from tests.unit.checks.building import Place

TEAM = "".join(
    f'[team.{handle}]\nemail = "{handle}@example.org"\ngithub = "{handle}"\n'
    for handle in ("ann", "bob", "cleo", "dan")
)
RULES = f'[workspace]\nname = "tiny"\n{TEAM}'
AGENT, EXPERIMENT = "agents/production/helper/agent.yaml", "experiments/active/ann/x/train.py"
PROTOTYPE = "agents/prototypes/sketch/agent.py"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with fake_github.serving(FakeGitHub(config=RULES)) as fake:
        yield fake


@pytest.fixture
def mlws(
    tmp_path: Path,
    hub: FakeGitHub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Mlws:
    for name in ("GH_TOKEN", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_API_URL", hub.address)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ml")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.setattr("time.sleep", lambda _: None)
    return Mlws(tiny_workspace.make(tmp_path / "ws"), monkeypatch, capsys)


def ask(mlws: Mlws, *more: str) -> Ended:
    return mlws("ci", "require-approvals", *more)


def why(mlws: Mlws, login: str) -> str:
    found = json.loads(ask(mlws, "--json").out)["opinions"]
    (said,) = (one["why"] for one in found if one["login"] == login)
    return str(said)


@pytest.mark.parametrize(
    ("paths", "needed"),
    [
        ((AGENT,), 2),
        ((EXPERIMENT,), 1),
        ((PROTOTYPE,), 0),
        ((PROTOTYPE, EXPERIMENT), 1),
        ((PROTOTYPE, EXPERIMENT, AGENT), 2),
        (("shared/tools/pyproject.toml",), 1),
        (("mlws.toml",), 2),
        ((".github/workflows/agent-tests.yml",), 2),
        (("agents/production/helper/deployments.jsonl",), 1),
        (("agents/production-notes.md",), 1),
    ],
)
def test_what_changed_decides_how_many_approvals_are_needed(
    mlws: Mlws, hub: FakeGitHub, paths: tuple[str, ...], needed: int
) -> None:
    hub.change(*paths)
    reviewers = ("bob", "cleo")
    for count in range(needed):
        assert ask(mlws).code == 1, f"{count} of {needed}"
        hub.review(reviewers[count])
    ended = ask(mlws)
    assert ended.code == 0, ended.out
    assert f"approvals: {needed} of {needed} needed" in ended.out


def test_a_file_moved_out_of_production_counts_as_there(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.files = [{"filename": PROTOTYPE, "status": "renamed", "previous_filename": AGENT}]
    assert ask(mlws).code == 1


def test_the_authors_own_approval_does_not_count(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.author = "Ann"
    hub.review("ann")
    assert ask(mlws).code == 1
    assert why(mlws, "ann") == "the author's own"


def test_an_approval_of_an_older_commit_does_not_count(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.review("bob", commit="0" * 40)
    hub.review("cleo", commit=None)
    assert ask(mlws).code == 1
    assert why(mlws, "bob") == "of an older commit (000000000000)"
    assert why(mlws, "cleo") == "of an older commit (gone)"


def test_a_dismissed_approval_does_not_count(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.review("bob", "DISMISSED")
    assert ask(mlws).code == 1
    assert why(mlws, "bob") == "dismissed"


def test_people_outside_the_team_and_non_collaborators_do_not_count(
    mlws: Mlws, hub: FakeGitHub
) -> None:
    hub.change(EXPERIMENT)
    hub.review("stranger")
    hub.review("bob", association="CONTRIBUTOR")
    hub.review(None)
    assert ask(mlws).code == 1
    assert why(mlws, "stranger") == "nobody in [team] has github = 'stranger'"
    assert why(mlws, "bob") == "not a collaborator of the repository (contributor)"


def test_whoever_made_the_last_commit_cannot_approve_it(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.makers = ("bob", None)
    hub.review("bob")
    assert ask(mlws).code == 1
    assert why(mlws, "bob") == "made the last commit themselves"


def test_the_last_word_of_each_person_wins(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.review("bob", "CHANGES_REQUESTED")
    hub.review("cleo")
    assert "bob asks for changes" in ask(mlws).out
    assert ask(mlws).code == 1
    hub.review("Bob")
    assert ask(mlws).code == 0
    hub.review("bob", "COMMENTED")
    hub.review("bob", "PENDING")
    assert json.loads(ask(mlws, "--json").out)["approvals"] == 2
    hub.review("cleo", "CHANGES_REQUESTED")
    assert json.loads(ask(mlws, "--json").out)["refusals"] == ["cleo"]


def test_a_stranger_cannot_block_by_asking_for_changes(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT)
    hub.review("stranger", "CHANGES_REQUESTED", association="NONE")
    hub.review("bob")
    assert ask(mlws).code == 0


def test_twice_the_same_approval_is_one(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(AGENT)
    hub.review("bob")
    hub.review("bob")
    assert ask(mlws).code == 1


def test_every_page_is_read(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.page = 2
    hub.change(*(f"agents/prototypes/sketch/{number}.py" for number in range(6)), AGENT)
    for _ in range(4):
        hub.review("dan", "COMMENTED")
    hub.review("bob")
    assert ask(mlws).code == 1
    hub.review("cleo")
    assert ask(mlws).code == 0


def test_a_change_cannot_lower_the_rule_that_it_is_under(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(EXPERIMENT, "mlws.toml")
    text = (mlws.folder / "mlws.toml").read_text()
    (mlws.folder / "mlws.toml").write_text(f"{text}[review]\nexperiments = 0\nagents = 0\n")
    assert json.loads(ask(mlws, "--json").out)["needed"] == 2


def test_a_team_that_is_too_small_is_warned_and_not_blocked(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.config = '[workspace]\nname = "tiny"\n' + "".join(
        f'[team.{one}]\ngithub = "{one}"\n' for one in ("ann", "bob")
    )
    hub.change(AGENT)
    assert ask(mlws).code == 1
    hub.review("bob")
    ended = ask(mlws)
    assert ended.code == 0
    assert "2 approvals and [team] has 1 person besides ann: 1 will do" in ended.err
    assert "::warning file=mlws.toml" in ask(mlws, "--github").out


def test_people_without_a_github_name_are_named_and_still_needed(
    mlws: Mlws, hub: FakeGitHub
) -> None:
    hub.config = '[workspace]\nname = "tiny"\n[team.ann]\ngithub = "ann"\n[team.bob]\n'
    hub.change(EXPERIMENT)
    ended = ask(mlws)
    assert ended.code == 1
    assert "bob has no github name in mlws.toml" in ended.err


@pytest.mark.parametrize("state", [401, 403, 404])
def test_a_refusal_of_github_is_no_verdict(mlws: Mlws, hub: FakeGitHub, state: int) -> None:
    hub.change(EXPERIMENT)
    hub.failures = [state]
    ended = ask(mlws)
    assert ended.code == 4
    assert f"answers {state}" in ended.err
    assert "pull-requests: read" in ended.err
    assert TOKEN not in ended.err


def test_a_passing_failure_of_github_is_asked_again(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.change(PROTOTYPE)
    hub.failures = [502, 503]
    assert ask(mlws).code == 0
    hub.failures = [502, 502, 502]
    assert ask(mlws).code == 4


def test_github_out_of_reach_and_a_missing_rule_are_no_verdict(
    mlws: Mlws, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.config = None
    assert ask(mlws).code == 4
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert ask(mlws).code == 4


def test_the_token_goes_to_no_other_server(mlws: Mlws, hub: FakeGitHub) -> None:
    hub.page, hub.next_elsewhere = 1, "http://127.0.0.1:9"
    hub.change(PROTOTYPE, AGENT)
    ended = ask(mlws)
    assert ended.code == 4
    assert "the next page is elsewhere" in ended.err


def test_the_pull_request_comes_from_the_workflow_or_is_asked_for(
    mlws: Mlws, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.change(PROTOTYPE)
    monkeypatch.setenv("GITHUB_REF", "refs/heads/gh-readonly-queue/main/pr-7-" + "a" * 40)
    assert ask(mlws).code == 0
    monkeypatch.setenv("GITHUB_REF", "refs/heads/develop")
    ended = ask(mlws)
    assert ended.code == 2
    assert "--pr N" in ended.err
    assert ask(mlws, "--pr", "7").code == 0
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 7}}')
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    assert ask(mlws).code == 0


def test_changed_files_can_come_from_git(mlws: Mlws, hub: FakeGitHub) -> None:
    place = Place(mlws.folder)
    place.git("init", "-q", "-b", "develop")
    place.git("config", "user.name", "Ann")
    place.commit()
    place.git("switch", "-q", "-c", "feature/x")
    place.write(AGENT, "name: helper\n")
    place.commit()
    found = json.loads(ask(mlws, "--base", "develop", "--json").out)
    assert (found["needed"], found["because"]) == (2, AGENT)
    assert not any(path.endswith("/files?per_page=100") for path in hub.asked)
