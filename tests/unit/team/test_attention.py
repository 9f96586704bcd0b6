"""The rules that say what needs somebody: each fires on its case alone, in any order of rows."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.team.snapshot import attention, gpus, similar
from mlws_scaffold.team.snapshot.similar import Goal

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)

EXPERIMENT: dict[str, Any] = {
    "experiment_id": "a-v1",
    "owner": "ann",
    "status": "in_progress",
    "archived": False,
    "stale": False,
    "last_activity": "2026-03-08T00:00:00+00:00",
    "activity_source": "git",
    "goal": "Know which chunk size answers medical questions",
    "conclusion": None,
    "folder": "experiments/active/ann/a",
    "metric": "accuracy",
    "best_metric": 0.9,
    "best_source": "mlflow",
    "run_id": "r1",
    "filed": {"metric": "accuracy", "value": 0.9, "run_id": "r1"},
}
AGENT: dict[str, Any] = {
    "name": "helper",
    "owner": "ann",
    "version": "v1",
    "slo": {"error_rate": 0.01},
    "status": {"health": True, "traffic": {"v1": {"requests": 1000, "errors": 10}}},
}
MODEL = {"key": "base", "status": "production", "owners": ["ann"], "drift": ""}
REVIEW = {"number": 1, "title": "t", "author": "ann", "state": "open", "draft": False}
REVIEW |= {"decision": "", "updated": "2026-03-08T08:00:00Z", "url": "u"}
RESERVED = {"id": 1, "host": "n", "gpu": 0, "who": "ann", "kind": "booking", "state": "over"}
RESERVED |= {"from": "2026-03-08T08:00:00Z", "until": "2026-03-08T09:00:00Z", "used": 0.1}
BUDGET = {"name": "all, this month", "limit": 100.0, "spent": 20.0, "unit": "EUR", "state": "kept"}


def _sections(**changes: Any) -> dict[str, Any]:
    """A team in which all is well, with these rows instead."""
    data = {
        "people": [{"handle": "ann"}, {"handle": "bob"}],
        "experiments": [EXPERIMENT],
        "runs": [{"state": "finished", "run_id": "r1", "experiment": "a-v1", "who": "ann"}],
        "reviews": [REVIEW],
        "models": {"entries": [MODEL]},
        "agents": [AGENT],
        "gpus": {"reservations": [RESERVED]},
        "costs": {"budgets": [BUDGET]},
        **changes,
    }
    return {
        name: {"ok": True, "why": "", "source": "s", "notes": [], "data": rows}
        for name, rows in data.items()
    }


def _rules(**changes: Any) -> list[str]:
    return [one["rule"] for one in attention.of(_sections(**changes), NOW)]


def test_where_all_is_well_nothing_is_found() -> None:
    assert _rules() == []


OTHER = {**EXPERIMENT, "experiment_id": "b-v1", "owner": "bob"}
SEVEN = {"versions": {}, "health": True, "traffic": {"v1": {"requests": 1000, "errors": 11}}}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("stale", {"experiments": [{**EXPERIMENT, "stale": True}]}),
        ("no-conclusion", {"experiments": [{**EXPERIMENT, "status": "failed"}]}),
        ("lost-runs", {"runs": [{"state": "lost", "run_id": "r", "experiment": "a", "who": "b"}]}),
        ("over-budget", {"costs": {"budgets": [{**BUDGET, "state": "breached", "spent": 101.0}]}}),
        ("over-budget", {"costs": {"budgets": [{**BUDGET, "state": "near", "spent": 81.0}]}}),
        ("budget-trend", {"costs": {"budgets": [{**BUDGET, "spent": 30.0}]}}),
        ("owner-gone", {"experiments": [{**EXPERIMENT, "owner": "carol"}]}),
        ("owner-gone", {"agents": [{**AGENT, "owner": "carol"}]}),
        ("owner-gone", {"models": {"entries": [{**MODEL, "owners": []}]}}),
        ("results-differ", {"experiments": [{**EXPERIMENT, "best_metric": 0.91}]}),
        ("drifted-model", {"models": {"entries": [{**MODEL, "drift": "changed"}]}}),
        ("agent-off-slo", {"agents": [{**AGENT, "status": {"health": False, "traffic": {}}}]}),
        ("agent-off-slo", {"agents": [{**AGENT, "status": SEVEN}]}),
        ("waiting-review", {"reviews": [{**REVIEW, "updated": "2026-03-06T08:00:00Z"}]}),
        ("reserved-unused", {"gpus": {"reservations": [{**RESERVED, "used": 0.09}]}}),
        ("similar-goals", {"experiments": [EXPERIMENT, OTHER]}),
    ],
)
def test_each_rule_finds_its_case_and_no_other_does(rule: str, changes: dict[str, Any]) -> None:
    assert _rules(**changes) == [rule]


@pytest.mark.parametrize(
    "changes",
    [
        {"experiments": [{**EXPERIMENT, "stale": True, "archived": True}]},
        {"experiments": [{**EXPERIMENT, "best_metric": 0.9 + 1e-12}]},
        {"experiments": [{**EXPERIMENT, "best_metric": 0.5, "best_source": "file"}]},
        {"experiments": [EXPERIMENT, {**OTHER, "owner": "ann"}]},
        {"experiments": [EXPERIMENT, {**OTHER, "status": "completed", "conclusion": "it does"}]},
        {"reviews": [{**REVIEW, "updated": "2026-01-01T08:00:00Z", "draft": True}]},
        {"reviews": [{**REVIEW, "updated": "2026-01-01T08:00:00Z", "decision": "approved"}]},
        {"gpus": {"reservations": [{**RESERVED, "used": None}]}},
        {"gpus": {"reservations": [{**RESERVED, "used": 0.0, "until": "2026-03-08T08:30:00Z"}]}},
        {"models": {"entries": [{**MODEL, "owners": [], "status": "deprecated"}]}},
        {"agents": [{**AGENT, "status": None}]},
    ],
)
def test_what_is_near_a_rule_and_not_its_case_is_not_found(changes: dict[str, Any]) -> None:
    assert _rules(**changes) == []


def test_a_section_that_was_not_measured_is_a_finding_and_feeds_no_rule() -> None:
    sections = _sections(experiments=[{**EXPERIMENT, "stale": True}])
    sections["experiments"] |= {"ok": False, "why": "not measured: gone", "data": []}
    found = attention.of(sections, NOW)
    assert [(one["rule"], one["subject"]) for one in found] == [("not-measured", "experiments")]


def test_without_the_team_nobody_is_gone() -> None:
    sections = _sections(agents=[{**AGENT, "owner": "carol"}])
    sections["people"] |= {"ok": False, "why": "not measured: broken"}
    assert [one["rule"] for one in attention.of(sections, NOW)] == ["not-measured"]


def test_the_trend_needs_more_than_the_first_days_of_a_month() -> None:
    sections = _sections(costs={"budgets": [{**BUDGET, "spent": 9.0}]})
    assert attention.of(sections, datetime(2026, 3, 2, 8, tzinfo=UTC)) == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(chance: random.Random) -> None:
    rows = [
        {**EXPERIMENT, "experiment_id": f"e{number}", "owner": owner, "stale": number % 2 == 0}
        for number, owner in enumerate(("ann", "bob", "carol", "ann", "bob"))
    ]
    first = attention.of(_sections(experiments=copy.deepcopy(rows)), NOW)
    chance.shuffle(rows)
    assert attention.of(_sections(experiments=rows), NOW) == first


GOALS = st.lists(
    st.builds(
        Goal,
        st.uuids().map(str),
        st.sampled_from(["ann", "bob"]),
        st.lists(st.sampled_from(["chunk", "size", "medical", "legal", "drift"]), max_size=6).map(
            " ".join
        ),
    ),
    max_size=8,
)


@given(GOALS)
def test_similar_goals_are_of_two_people_and_found_once(goals: list[Goal]) -> None:
    found = list(similar.pairs(goals))
    assert all(one.owner != other.owner and one.key < other.key for one, other, _ in found)
    assert all(0.6 <= share <= 1 for _, _, share in found)
    assert len({(one.key, other.key) for one, other, _ in found}) == len(found)
    again = list(similar.pairs(goals[::-1]))
    assert sorted(found, key=str) == sorted(again, key=str)


SPANS = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 100)).map(lambda two: (min(two), max(two))),
    max_size=8,
)


@given(SPANS, st.floats(0, 50), st.floats(1, 50))
def test_the_share_of_use_is_a_share(
    spans: list[tuple[float, float]], began: float, length: float
) -> None:
    share = gpus.share(spans, began, began + length)
    assert share is not None
    assert -1e-9 <= share <= 1 + 1e-9
    # More use never makes it less, and the same use twice changes nothing.
    more = gpus.share([*spans, (began, began + length / 2)], began, began + length)
    assert more is not None
    assert more >= share - 1e-9
    assert gpus.share([*spans, *spans], began, began + length) == pytest.approx(share)


def test_a_time_without_length_has_no_share() -> None:
    assert gpus.share([(0, 9)], 5, 5) is None
