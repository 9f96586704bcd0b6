"""What needs somebody: rules over the other sections, and nothing else. Pure.

A list of {rule, severity (error, warning, notice), subject, text, evidence, cure, who}, the
worst first; `who`: the people it concerns, none where it concerns all.
A rule whose section was not measured finds nothing; that the section was not, is found by
`not-measured`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from mlws_scaffold.team.snapshot import rules_things, rules_work
from mlws_scaffold.team.snapshot.facts import Facts, Finding, Sections

NAME = "attention"
SOURCE = "rules over the other sections"

_SEVERITIES = ("error", "warning", "notice")


def of(sections: Sections, now: datetime, zone: str = "UTC") -> list[dict[str, Any]]:
    """All findings of all rules, the worst first, then by rule and subject."""
    facts = Facts(sections, now, zone)
    found = [finding for rule in RULES.values() for finding in rule(facts)]
    order = {rule: number for number, rule in enumerate(RULES)}
    found.sort(key=lambda one: (_SEVERITIES.index(one.severity), order[one.rule], one.subject))
    return [{**asdict(one), "who": list(one.who)} for one in found]


RULES: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "over-budget": rules_things.over_budget,
    "budget-trend": rules_things.budget_trend,
    "agent-off-slo": rules_things.agent_off_slo,
    "lost-runs": rules_work.lost_runs,
    "results-differ": rules_work.results_differ,
    "drifted-model": rules_things.drifted_model,
    "owner-gone": rules_things.owner_gone,
    "stale": rules_work.stale,
    "no-conclusion": rules_work.no_conclusion,
    "waiting-review": rules_work.waiting_review,
    "reserved-unused": rules_things.reserved_unused,
    "similar-goals": rules_work.similar_goals,
    "not-measured": rules_things.not_measured,
}
