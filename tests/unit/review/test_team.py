"""`mlws team`, CODEOWNERS and check GIT007."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.agents import codeowners
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.team import members
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.config import Person
from tests.support.commandline import Mlws
from tests.unit.checks.building import CONFIG, Place, files

AGENT = "agents/production/helpdesk/agent.yaml"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = files(tmp_path)
    (place.root / codeowners.PATH).unlink()
    return place


@pytest.fixture
def mlws(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(place.root, monkeypatch, capsys)


def owners(place: Place) -> str:
    return (place.root / codeowners.PATH).read_text()


def test_who_is_asked_follows_from_role_folder_and_owner(place: Place, mlws: Mlws) -> None:
    place.write(
        "mlws.toml",
        '[workspace]\nname = "demo"\n'
        '[team.sarah]\ngithub = "sarah-x"\n'
        '[team.ann]\nemail = "ann@example.org"\nrole = "engineer"\n'
        '[team.bob]\ngithub = "@bob"\nrole = "lead"\n',
    )
    ended = mlws("team", "sync")
    assert ended.code == 0
    assert "ann has no github name in mlws.toml: the e-mail address stands in" in ended.err
    lines = owners(place).splitlines()
    assert lines[1] == "* @bob"
    assert "/experiments/active/sarah/ @bob @sarah-x" in lines
    assert "/agents/production/ ann@example.org @bob" in lines
    assert "/agents/production/helpdesk/ ann@example.org @bob @sarah-x" in lines
    assert lines[-2] == "/agents/prototypes/"


def test_a_second_sync_changes_nothing_and_own_lines_stay_and_win(place: Place, mlws: Mlws) -> None:
    place.write(codeowners.PATH, "/docs/ writer@example.org\n")
    ended = mlws("team", "sync")
    assert "they stand below and win" in ended.err
    first = owners(place)
    assert first.endswith("\n/docs/ writer@example.org\n")
    assert "right already" in mlws("team", "sync").out
    assert owners(place) == first
    mlws("team", "add", "cleo", "--github", "cleo")
    assert "@cleo" in owners(place)
    assert owners(place).endswith("\n/docs/ writer@example.org\n")


def test_check_and_dry_run_write_nothing(place: Place, mlws: Mlws) -> None:
    for flag, code in (("--check", 1), ("--dry-run", 0)):
        ended = mlws("team", "sync", flag)
        assert ended.code == code
        assert "+* ann@example.org sarah@example.org" in ended.out
        assert not (place.root / codeowners.PATH).exists()
    mlws("team", "sync")
    assert mlws("team", "sync", "--check").code == 0


def test_a_drifted_file_fails_its_check_and_fix_mends_it(place: Place, mlws: Mlws) -> None:
    assert place.ask("GIT007").answer == "not applicable"
    mlws("team", "sync")
    assert place.ask("GIT007").answer == "yes"
    place.edit("mlws.toml", "[team.ann]", '[team.bob]\nemail = "bob@example.org"\n[team.ann]')
    assert place.problems("GIT007") == [
        ".github/CODEOWNERS: does not name the team and the owners as they are now (mlws team sync)"
    ]
    assert mlws("check", "GIT007", "--fix").code == 0
    assert place.ask("GIT007").answer == "yes"


def test_a_file_without_the_marks_is_the_teams_own(place: Place) -> None:
    place.write(codeowners.PATH, "* @somebody\n")
    assert place.ask("GIT007").answer == "not applicable"


def test_a_name_that_would_break_the_line_is_refused_where_it_stands(
    place: Place, mlws: Mlws
) -> None:
    place.edit("mlws.toml", "[team.ann]", '[team.ann]\ngithub = "x\\n* @evil"')
    ended = mlws("team", "sync")
    assert ended.code == 1
    assert "team.ann.github" in ended.err
    place.write(codeowners.PATH, f"{codeowners.BEGIN}\n{codeowners.END}\n")
    assert place.ask("GIT007").answer == "no"


def test_an_owner_whom_nobody_knows_is_named(place: Place, mlws: Mlws) -> None:
    place.edit(AGENT, "owner: sarah", "owner: zoe")
    assert "helpdesk belongs to zoe, who is not in [team]" in mlws("team", "sync").err


def test_the_list_says_what_each_person_answers_for(mlws: Mlws) -> None:
    found = json.loads(mlws("team", "list", "--json").out)
    assert found[0] == {
        "handle": "sarah",
        "name": "",
        "role": "researcher",
        "email": "sarah@example.org",
        "github": "",
        "experiments": 1,
        "agents": 1,
    }
    assert [one["agents"] for one in found] == [1, 0]


def test_a_new_person_stands_after_the_others_and_nothing_else_moves(
    place: Place, mlws: Mlws
) -> None:
    text = (
        '[workspace]\nname = "demo"\n\n# people\n[team.sarah]\nemail = "s@example.org"'
        '  # her own\n# github = "sarah"\n\n# About reviews\n[review]\nagents = 2\n'
    )
    place.write("mlws.toml", text)
    ended = mlws("team", "add", "ann", "--email", "a@example.org", "--github", "@ann-b")
    assert ended.code == 0
    table = '[team.ann]\nemail = "a@example.org"\ngithub = "ann-b"\nrole = "researcher"\n'
    new = text.replace("\n\n# About", f"\n\n{table}\n# About")
    assert (place.root / "mlws.toml").read_text() == new


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Bad_Name",), "bad handle"),
        (("sarah",), "sarah is in [team] already"),
        (("bob", "--email", "nowhere"), "bad e-mail address"),
        (("bob", "--github", "two words"), "bad github name"),
        (("bob", "--email", "SARAH@example.org"), "is sarah's email already"),
    ],
)
def test_a_person_who_cannot_be_added_is_refused(
    place: Place, mlws: Mlws, arguments: tuple[str, ...], said: str
) -> None:
    ended = mlws("team", "add", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert (place.root / "mlws.toml").read_text() == CONFIG


def test_a_file_that_cannot_take_a_table_is_left_alone(place: Place) -> None:
    inline = 'team = {sarah = {email = "s@example.org"}}\n[workspace]\nname = "demo"\n'
    place.write("mlws.toml", inline)
    with pytest.raises(MlwsError) as refused:
        members.add(config.load(place.root, {}), "ann", Person())
    assert "[team.ann]" in refused.value.cure
    assert (place.root / "mlws.toml").read_text() == inline


@given(
    st.lists(st.sampled_from(["ann", "bob", "cleo", "dan"]), unique=True, min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\n\n# last words\n"]),
)
def test_whoever_is_added_is_there_and_the_rest_is_unchanged(
    tmp_path_factory: pytest.TempPathFactory, handles: list[str], end: str, tail: str
) -> None:
    root = tmp_path_factory.mktemp("ws")
    text = (CONFIG + "\n[review]\nagents = 1" + tail).replace("\n", end)
    (root / "mlws.toml").write_bytes(text.encode())
    before = tomllib.loads(text)
    for handle in handles:
        person = Person(name=f'{handle} "the" é', email=f"{handle}2@example.org", role="lead")
        try:
            members.add(config.load(root, {}), handle, person)
        except UsageError:
            assert handle in before["team"]
            continue
        before["team"][handle] = {"name": person.name, "email": person.email, "role": "lead"}
    assert tomllib.loads((root / "mlws.toml").read_text()) == before
