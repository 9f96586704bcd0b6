"""Standup, weekly review and audit of one snapshot, in every format."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.errors import UsageError
from mlws_scaffold.team.audit import report as audit
from mlws_scaffold.team.reporting import formats
from mlws_scaffold.team.reporting.page import Page
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.standup import report as standup
from mlws_scaffold.team.weekly import outcomes
from mlws_scaffold.team.weekly import report as weekly
from mlws_scaffold.workspace.config import Workspace
from tests.support import fake_gh, golden, small_team

GOLDEN = Path(__file__).parent / "golden"
ENDS = {"text": "txt", "markdown": "md", "json": "json", "slack": "slack.json", "github": "gh.md"}
REPORTS = {"standup": standup.of, "weekly": weekly.of}


def _lines(page: Page, title: str) -> list[str]:
    return [line.text for name, lines in page.shown() for line in lines if name == title]


@pytest.mark.parametrize("form", ENDS)
@pytest.mark.parametrize("name", REPORTS)
def test_each_format_of_each_report(snapshot: dict[str, Any], name: str, form: str) -> None:
    text = formats.FORMATS[form](REPORTS[name](snapshot))
    golden.compare(GOLDEN / f"{name}.{ENDS[form]}", text)


def test_no_line_is_without_a_source(snapshot: dict[str, Any]) -> None:
    pages = [of(snapshot) for of in REPORTS.values()]
    for page in pages:
        assert [line.text for _, lines in page.shown() for line in lines if not line.source] == []


def test_a_report_is_made_from_the_snapshot_alone(snapshot: dict[str, Any]) -> None:
    kept = json.loads(json.dumps(snapshot))
    for of in REPORTS.values():
        before = copy.deepcopy(kept)
        assert of(kept) == of(snapshot)
        assert kept == before


def test_a_squashed_branch_is_one_piece_of_work(snapshot: dict[str, Any]) -> None:
    lines = _lines(standup.of(snapshot), "Commits")
    assert [line for line in lines if "tool" in line] == [
        "ann: Add tools (#12) (main), 2 commits of feature/tools by bob squashed"
    ]


def test_who_wrote_what_was_squashed_sees_it_too(snapshot: dict[str, Any]) -> None:
    lines = _lines(standup.of(snapshot, "bob"), "Commits")
    assert any("Add tools (#12)" in line for line in lines)
    assert not any(line.startswith("ann: Start") for line in lines)


def test_a_persons_standup_has_only_what_concerns_them(snapshot: dict[str, Any]) -> None:
    page = standup.of(snapshot, "ann")
    text = formats.text(page)
    assert page.title.startswith("Standup of ann in small")
    assert "rerank-v1" not in text
    assert "budget ann, this month: kept, 9.00 of 100.00 EUR" in text
    assert _lines(page, "Needs attention")[0].startswith("all, this month: spent more")


def test_nobody_has_that_name(snapshot: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="nobody is called 'anne'"):
        standup.of(snapshot, "anne")


def test_the_rate_of_success_counts_adopted_and_targets_met(snapshot: dict[str, Any]) -> None:
    row = {"decision": None, "best_metric": 0.9, "target": 0.9, "metric": "a"}
    row |= {"primary_metric": "a", "goal_of_metric": "maximize"}
    assert outcomes.succeeded(row)
    assert not outcomes.succeeded({**row, "best_metric": 0.89})
    assert not outcomes.succeeded({**row, "goal_of_metric": "minimize", "best_metric": 0.91})
    assert outcomes.succeeded({**row, "goal_of_metric": "minimize", "best_metric": 0.89})
    assert not outcomes.succeeded({**row, "metric": "b"})
    assert not outcomes.succeeded({**row, "target": None})
    assert outcomes.succeeded({**row, "target": None, "decision": "adopt"})
    lines = _lines(weekly.of(snapshot), "Experiments in numbers")
    assert "success rate: 50% (1 of 2" in lines[1]


def test_without_a_conclusion_there_is_no_rate(snapshot: dict[str, Any]) -> None:
    for row in snapshot["sections"]["experiments"]["data"]:
        row["moves"] = []
    lines = _lines(weekly.of(snapshot), "Experiments in numbers")
    assert lines[1] == "success rate: not measured: nothing was concluded in this time"
    assert lines[2].startswith("median time to a conclusion: not measured: ")


def test_every_recommendation_names_its_rule_and_evidence(snapshot: dict[str, Any]) -> None:
    page = weekly.of(snapshot)
    found = {one["rule"] for one in snapshot["sections"]["attention"]["data"]}
    shown = next(lines for title, lines in page.shown() if title == "Recommendations")
    assert {line.text.split(":")[0] for line in shown} == found - {"lost-runs", "results-differ"}
    assert all(line.source for line in shown)


def test_the_audit_says_what_is_missing_and_who_approved(
    team: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gh.put(tmp_path / "bin", monkeypatch)
    found = collect.build(team, small_team.period(), audit.SECTIONS)
    page = audit.of(found)
    golden.compare(GOLDEN / "audit.txt", formats.text(page))
    assert audit.gaps(found) == 2
    assert _lines(page, "Merged: who approved what") == [
        "#12 Add tools by bob-at-github: approved by ann"
    ]
    assert _lines(page, "Open security findings")[:1] == [
        "high: dependency: Pads on the wrong side (left-pad)"
    ]


def test_a_shared_metric_of_less_is_better_has_its_best_run(snapshot: dict[str, Any]) -> None:
    for row in snapshot["sections"]["experiments"]["data"]:
        row["goal_of_metric"] = "minimize"
    lines = _lines(standup.of(snapshot), "Runs")
    assert any("best accuracy 0.82" in line for line in lines)
