"""The snapshot of a real team: the truth, section by section, whatever cannot be asked."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.team.audit import report as audit
from mlws_scaffold.team.snapshot import attention, collect
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.team.standup import report as standup
from mlws_scaffold.team.weekly import report as weekly
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import fake_gh, golden, small_team, tiny_workspace
from tests.support.commandline import Mlws
from tests.support.reference import SCHEMAS

GOLDEN = Path(__file__).parent / "golden"
NAMES = [one.NAME for one in collect.COLLECTORS]


def _valid(snapshot: dict[str, Any]) -> None:
    validator = pytest.importorskip("jsonschema").Draft7Validator
    schema = json.loads((SCHEMAS / "snapshot.json").read_text())
    # What is printed counts: no tuple, no date, no NaN.
    printed = json.loads(json.dumps(snapshot, allow_nan=False))
    problems = [
        f"{list(one.path)}: {one.message}" for one in validator(schema).iter_errors(printed)
    ]
    assert problems == []


def test_the_snapshot_of_a_real_team_is_the_truth(snapshot: dict[str, Any]) -> None:
    golden.compare(GOLDEN / "snapshot.json", json.dumps(snapshot, indent=1) + "\n")


def test_the_snapshot_is_what_its_schema_says(snapshot: dict[str, Any]) -> None:
    _valid(snapshot)
    assert list(snapshot["sections"]) == [*NAMES, "attention"]


def test_a_second_look_sees_the_same(team: Workspace, snapshot: dict[str, Any]) -> None:
    assert collect.build(team, small_team.period()) == snapshot


def test_rules_look_at_everything_even_where_only_they_are_shown(
    team: Workspace, snapshot: dict[str, Any]
) -> None:
    alone = collect.build(team, small_team.period(), ("attention",))
    assert list(alone["sections"]) == ["attention"]
    assert alone["sections"]["attention"] == snapshot["sections"]["attention"]


@pytest.mark.parametrize(
    "error",
    [Unavailable("the store\nis   away"), sqlite3.OperationalError("locked"), OSError("no disk")],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_collector_that_fails_fails_alone(
    team: Workspace,
    snapshot: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: Exception,
) -> None:
    _break(monkeypatch, lambda other: other == name, error)
    found = collect.build(team, small_team.period())
    section = found["sections"][name]
    said = " ".join(str(error).split())
    assert (section["ok"], section["why"]) == (False, f"not measured: {said}")
    for other in set(NAMES) - {name, "experiments"}:  # their links are those of others
        assert found["sections"][other] == snapshot["sections"][other]
    rules = [(one["rule"], one["subject"]) for one in found["sections"]["attention"]["data"]]
    assert ("not-measured", name) in rules
    _valid(found)


def test_every_collector_may_fail_and_each_report_says_so(
    team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, lambda _: True, Unavailable("nobody is there"))
    found = collect.build(team, small_team.period())
    _valid(found)
    for report in (standup, weekly):
        lines = [line for _, lines in report.of(found).shown() for line in lines]
        assert len(lines) >= len(report._PARTS)
        assert any(line.text == "not measured: nobody is there" for line in lines)
    shown = [line.text for _, lines in audit.of(found).shown() for line in lines]
    assert "not measured: it was not asked for" in shown


def test_a_mistake_of_ours_is_no_missing_number(
    team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, lambda name: name == "models", ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        collect.build(team, small_team.period())


def _break(
    monkeypatch: pytest.MonkeyPatch, chosen: Callable[[str], bool], error: Exception
) -> None:
    def fail(_place: Workspace, _period: Period) -> Section:
        raise copy.copy(error) if not isinstance(error, MlwsError) else error

    for one in collect.COLLECTORS:
        if chosen(one.NAME):
            monkeypatch.setattr(one, "collect", fail)


@pytest.mark.parametrize("config", ["", '[team.ann]\nname = "Ann"\nemail = "ann@example.org"\n'])
def test_an_empty_workspace_and_one_of_one_person_have_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    fake_gh.absent(monkeypatch, tmp_path / "bin")
    root = tiny_workspace.make(tmp_path / "ws", config=config, registry="models: {}\n")
    found = collect.build(load(root, {}), small_team.period())
    _valid(found)
    sections = found["sections"]
    assert sections["commits"]["why"] == "not measured: no git repository"
    assert sections["reviews"]["why"] == "not measured: gh is not installed here"
    assert sections["runs"]["why"].startswith("not measured: ")
    assert sections["experiments"]["data"] == []
    assert [one["handle"] for one in sections["people"]["data"]] == (["ann"] if config else [])
    for report in (standup, weekly):
        assert all(
            line.source or "not measured: " in line.text
            for _, lines in report.of(found).shown()
            for line in lines
        )


def test_the_command_shows_what_could_not_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_gh.absent(monkeypatch, tmp_path / "bin")
    mlws = Mlws(tiny_workspace.make(tmp_path / "ws"), monkeypatch, capsys)
    ended = mlws("report", "snapshot")
    assert ended.code == 0
    assert "not measured: gh is not installed here" in ended.out
    found = json.loads(mlws("report", "snapshot", "--json", "--only", "models").out)
    assert [one["key"] for one in found["sections"]["models"]["data"]["entries"]] == ["base"]
    ended = mlws("report", "snapshot", "--only", "model")
    assert (ended.code, "did you mean 'models'?" in ended.err) == (2, True)


def test_every_rule_is_in_the_table_by_its_own_name(snapshot: dict[str, Any]) -> None:
    found = {one["rule"] for one in snapshot["sections"]["attention"]["data"]}
    assert found <= set(attention.RULES)
    assert len(found) >= 7
