"""What needs somebody: rules over the other sections, and nothing else. Pure.

A list of {rule, severity (error, warning, notice), subject, text, evidence, cure, who}, the
worst first; `who`: the people it concerns, none where it concerns all.
A rule whose section was not measured finds nothing; that the section was not, is found by
`not-measured`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mlws_scaffold.team.snapshot import similar
from mlws_scaffold.team.snapshot.period import parsed

NAME = "attention"
SOURCE = "rules over the other sections"

_SEVERITIES = ("error", "warning", "notice")
_CLOSED = ("completed", "failed", "abandoned")
_REVIEW_DAYS = 3
# A reservation counts as unused below this share, once so many hours of it are past.
_USED = 0.1
_PAST_HOURS = 1.0
# A month that is younger than this share of it shows no trend.
_TREND = 0.1

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that needs somebody. `evidence` is what the rule saw, `cure` what ends it."""

    rule: str
    severity: str
    subject: str
    text: str
    evidence: str
    cure: str
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The sections that were measured, the moment of the snapshot, and the zone of the team."""

    sections: Sections
    now: datetime
    zone: str = "UTC"

    def rows(self, name: str, part: str = "") -> Sequence[Mapping[str, Any]]:
        """The entries of a section, or of a part of it; none where nothing was measured."""
        section = self.sections.get(name)
        if section is None or not section["ok"]:
            return ()
        data = section["data"]
        found = data.get(part, ()) if part else data
        return tuple(found)

    def open_experiments(self) -> Iterator[Mapping[str, Any]]:
        """Those that somebody works on or means to."""
        for row in self.rows("experiments"):
            if not row["archived"] and row["status"] not in (*_CLOSED, "archived"):
                yield row

    def ago(self, text: str) -> timedelta:
        return self.now - parsed(text)


def of(sections: Sections, now: datetime, zone: str = "UTC") -> list[dict[str, Any]]:
    """All findings of all rules, the worst first, then by rule and subject."""
    facts = Facts(sections, now, zone)
    found = [finding for rule in RULES.values() for finding in rule(facts)]
    order = {rule: number for number, rule in enumerate(RULES)}
    found.sort(key=lambda one: (_SEVERITIES.index(one.severity), order[one.rule], one.subject))
    return [{**asdict(one), "who": list(one.who)} for one in found]


def _stale(facts: Facts) -> Iterator[Finding]:
    for row in facts.open_experiments():
        if row["stale"]:
            days = facts.ago(row["last_activity"]).days
            yield Finding(
                "stale",
                "warning",
                row["experiment_id"],
                f"in progress, and nothing happened for {days} days ({row['owner']})",
                f"last activity {row['last_activity'][:10]} ({row['activity_source']})",
                f"go on, or mlws experiment set-status {row['experiment_id']} blocked",
                (row["owner"],),
            )


def _no_conclusion(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("experiments"):
        if row["status"] in _CLOSED and not row["conclusion"]:
            yield Finding(
                "no-conclusion",
                "warning",
                row["experiment_id"],
                f"{row['status']} without a conclusion ({row['owner']})",
                f"conclusion is empty in {row['folder']}/metadata.yaml",
                "write one sentence: what was learned",
                (row["owner"],),
            )


def _lost_runs(facts: Facts) -> Iterator[Finding]:
    lost: dict[str, list[Mapping[str, Any]]] = {}
    for run in facts.rows("runs"):
        if run["state"] == "lost":
            lost.setdefault(run["experiment"], []).append(run)
    for experiment, found in lost.items():
        runs = [run["run_id"][:8] for run in found]
        yield Finding(
            "lost-runs",
            "warning",
            experiment,
            f"{len(runs)} of its runs lost: the process went away without an end",
            f"runs {', '.join(runs[:5])}{' …' if len(runs) > 5 else ''}",
            "on the machine they ran on: mlws experiment reap",
            tuple(sorted({run["who"] for run in found})),
        )


def _over_budget(facts: Facts) -> Iterator[Finding]:
    said = {"breached": ("error", "spent more than its budget"), "near": ("warning", "is near it")}
    for row in facts.rows("costs", "budgets"):
        if row["state"] in said:
            severity, text = said[row["state"]]
            yield Finding(
                "over-budget",
                severity,
                row["name"],
                text,
                f"{row['spent']:.2f} of {row['limit']:.2f} {row['unit']}".rstrip(),
                "raise it in mlws.toml or metadata.yaml, or stop what is running",
            )


def _budget_trend(facts: Facts) -> Iterator[Finding]:
    """A budget of the month that will not last until its end, if it goes on like this."""
    local = facts.now.astimezone(ZoneInfo(facts.zone))
    begin = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (begin + timedelta(days=32)).replace(day=1)
    share = (local - begin) / (end - begin)
    for row in facts.rows("costs", "budgets"):
        if row["state"] != "kept" or not row["name"].endswith("this month"):
            continue
        forecast = row["spent"] / share if share >= _TREND else 0.0
        if forecast > row["limit"]:
            spent = f"{row['spent']:.2f} of {row['limit']:.2f} {row['unit']}".rstrip()
            yield Finding(
                "budget-trend",
                "notice",
                row["name"],
                f"will be {forecast:.2f} at the end of the month if it goes on like this",
                f"{spent} after {share:.0%} of the month",
                "plan what still has to run",
            )


def _owner_gone(facts: Facts) -> Iterator[Finding]:
    if not facts.sections.get("people", {"ok": False})["ok"]:
        return
    team = {row["handle"] for row in facts.rows("people")}
    owned = [
        (row["experiment_id"], (row["owner"],), "mlws experiment handoff")
        for row in facts.open_experiments()
    ]
    owned += [(row["name"], (row["owner"],), "owner in agent.yaml") for row in facts.rows("agents")]
    owned += [
        (row["key"], tuple(row["owners"]), "owners in models/registry.yaml")
        for row in facts.rows("models", "entries")
        if row["status"] != "deprecated"
    ]
    for subject, owners, cure in owned:
        if not team & set(owners):
            named = ", ".join(owners) or "nobody"
            yield Finding(
                "owner-gone",
                "warning",
                subject,
                f"owned by {named}, who is not in the team",
                f"[team] of mlws.toml has {', '.join(sorted(team)) or 'nobody'}",
                f"name somebody who is: {cure}",
                owners,
            )


def _results_differ(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("experiments"):
        filed, best = row["filed"], row["best_metric"]
        if row["best_source"] != "mlflow" or filed is None or filed["metric"] != row["metric"]:
            continue
        value = filed["value"]
        if isinstance(value, int | float) and abs(value - best) > 1e-9 * max(1.0, abs(best)):
            yield Finding(
                "results-differ",
                "warning",
                row["experiment_id"],
                f"metadata.yaml says {row['metric']} {value:g}, the tracking store {best:g}",
                f"run {row['run_id'][:8]} against {(filed['run_id'] or 'no run')[:8]}",
                f"mlws experiment sync {row['experiment_id']}",
                (row["owner"],),
            )


def _drifted_model(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("models", "entries"):
        if row["drift"]:
            yield Finding(
                "drifted-model",
                "warning",
                row["key"],
                "is not what was promoted any more",
                row["drift"],
                f"mlws model promote {row['key']}, or take the change back",
                tuple(row["owners"]),
            )


def _agent_off_slo(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("agents"):
        status = row["status"]
        if status is None:
            continue
        if status["health"] is False:
            yield Finding(
                "agent-off-slo",
                "error",
                row["name"],
                f"{row['version']} does not answer /readyz ({row['owner']})",
                "asked by mlws agent status",
                f"mlws agent status {row['name']}; docs/runbooks/incident.md",
                (row["owner"],),
            )
        promised = (row["slo"] or {}).get("error_rate")
        for version, seen in status["traffic"].items():
            if promised is None or not seen["requests"]:
                continue
            share = seen["errors"] / seen["requests"]
            if share > promised:
                yield Finding(
                    "agent-off-slo",
                    "error",
                    row["name"],
                    f"{version} fails {share:.1%} of requests; {promised:.1%} are promised",
                    f"{seen['errors']} of {seen['requests']} by the proxy",
                    f"mlws agent rollback {row['name']}",
                    (row["owner"],),
                )


def _waiting_review(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("reviews"):
        days = facts.ago(row["updated"]).days
        waits = row["state"] == "open" and not row["draft"] and row["decision"] != "approved"
        if waits and days >= _REVIEW_DAYS:
            yield Finding(
                "waiting-review",
                "notice",
                f"#{row['number']}",
                f"{row['title']} ({row['author']}) waits for {days} days",
                f"last updated {row['updated'][:10]}, {row['decision'] or 'no review yet'}",
                row["url"] or "review it",
                (row["author"],),
            )


def _reserved_unused(facts: Facts) -> Iterator[Finding]:
    for row in facts.rows("gpus", "reservations"):
        if row["kind"] != "booking" or row["used"] is None or row["used"] >= _USED:
            continue
        ended = min(parsed(row["until"]), facts.now)
        hours = (ended - parsed(row["from"])).total_seconds() / 3600
        if hours >= _PAST_HOURS:
            yield Finding(
                "reserved-unused",
                "notice",
                f"{row['host']}:{row['gpu']}",
                f"{row['who']} reserved {hours:.1f} h and used {row['used']:.0%} of them",
                f"reservation {row['id']} from {row['from']}, runs in the usage ledger",
                f"mlws gpu release {row['id']}" if row["state"] == "active" else "reserve less",
                (row["who"],),
            )


def _similar_goals(facts: Facts) -> Iterator[Finding]:
    goals = [
        similar.Goal(row["experiment_id"], row["owner"], row["goal"] or "")
        for row in facts.open_experiments()
    ]
    for one, other, share in similar.pairs(goals):
        yield Finding(
            "similar-goals",
            "notice",
            f"{one.key}, {other.key}",
            f"{one.owner} and {other.owner} seem to want to know the same",
            f"{share:.0%} of the words of both goals are the same: {one.text}",
            f"talk, or mlws experiment compare {one.key} {other.key}",
            (one.owner, other.owner),
        )


def _not_measured(facts: Facts) -> Iterator[Finding]:
    for name, section in facts.sections.items():
        if not section["ok"]:
            yield Finding(
                "not-measured", "notice", name, section["why"], section["source"], "mlws doctor"
            )


RULES: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "over-budget": _over_budget,
    "budget-trend": _budget_trend,
    "agent-off-slo": _agent_off_slo,
    "lost-runs": _lost_runs,
    "results-differ": _results_differ,
    "drifted-model": _drifted_model,
    "owner-gone": _owner_gone,
    "stale": _stale,
    "no-conclusion": _no_conclusion,
    "waiting-review": _waiting_review,
    "reserved-unused": _reserved_unused,
    "similar-goals": _similar_goals,
    "not-measured": _not_measured,
}
