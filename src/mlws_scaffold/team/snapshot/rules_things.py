"""Rules about what the team has: budgets, owners, models, agents, GPUs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from mlws_scaffold.team.snapshot.facts import Facts, Finding
from mlws_scaffold.team.snapshot.period import parsed

# A reservation counts as unused below this share, once so many hours of it are past.
_USED = 0.1
_PAST_HOURS = 1.0
# A month that is younger than this share of it shows no trend.
_TREND = 0.1


def over_budget(facts: Facts) -> Iterator[Finding]:
    """A budget that is spent, or nearly."""
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


def budget_trend(facts: Facts) -> Iterator[Finding]:
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


def owner_gone(facts: Facts) -> Iterator[Finding]:
    """Something whose owners are not in the team."""
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


def drifted_model(facts: Facts) -> Iterator[Finding]:
    """A model that is not what was promoted."""
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


def agent_off_slo(facts: Facts) -> Iterator[Finding]:
    """An agent that is not ready, or fails more than it promised."""
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


def reserved_unused(facts: Facts) -> Iterator[Finding]:
    """A GPU that was reserved and hardly used."""
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


def not_measured(facts: Facts) -> Iterator[Finding]:
    """A section without numbers."""
    for name, section in facts.sections.items():
        if not section["ok"]:
            yield Finding(
                "not-measured", "notice", name, section["why"], section["source"], "mlws doctor"
            )
