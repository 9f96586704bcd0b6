"""What the team has: models, agents, GPUs, knowledge; and what the rules recommend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mlws_scaffold.team.reporting.page import Line, Part, flat
from mlws_scaffold.team.reporting.view import Row, View, plural
from mlws_scaffold.team.standup import things

_REGISTRY = "models/registry.yaml"
_LEDGER = "usage ledger"
# Rules whose findings are advice for a week; the others stand in the standup of each day.
ADVICE = (
    "over-budget",
    "budget-trend",
    "stale",
    "no-conclusion",
    "similar-goals",
    "waiting-review",
    "reserved-unused",
    "owner-gone",
    "drifted-model",
)
_TOP = 10


def models(view: View) -> Part:
    """Models by state and by source, and what moved."""
    entries = view.rows("models", "entries")
    lines = [
        Line(f"{plural(len(entries), 'model')} {word}: {_tally(entries, key)}", _REGISTRY)
        for word, key in (("by state", "status"), ("by source", "source"))
        if entries
    ]
    moved = [line for line in things.models(view).lines if not line.text.startswith("note:")]
    return view.part("Models", "models", [*lines, *moved], "the registry is empty")


def agents(view: View) -> Part:
    """What serves, how long it was up, and what was deployed."""
    return view.part("Agents", "agents", list(_agents(view)), "no agent is in production")


def _agents(view: View) -> Iterator[Line]:
    for row in view.rows("agents"):
        if row["track"] != "production" or not view.concerns(row["owner"]):
            continue
        name, served = flat(row["name"]), flat(row["version"] or "nothing")
        up = (
            f"up {row['uptime']:.2%} of the time"
            if row["uptime"] is not None
            else f"uptime not measured: {flat(row['why']['uptime'])}"
        )
        yield Line(f"{name} serves {served}, {up}", "deployments.jsonl; [reports] prometheus")
    yield from (
        line for line in things.deployments(view).lines if not line.text.startswith("note:")
    )


def gpus(view: View) -> Part:
    """Hours that GPUs were allocated, busy, idle; and what was wasted."""
    return view.part("GPUs", "costs", list(_gpus(view)), "no GPU was used")


def _gpus(view: View) -> Iterator[Line]:
    if view.why("costs"):
        return
    data = view.snapshot["sections"]["costs"]["data"]
    total, waste = data["total"], data["waste"]
    yield Line(f"allocated: {total['allocated_hours']:.1f} GPU-hours", _LEDGER)
    if total["busy_hours"] is None:
        yield Line("busy and idle: not measured: no driver was asked while runs had GPUs", _LEDGER)
    else:
        share = total["busy_hours"] / total["measured_hours"]
        text = f"busy: {total['busy_hours']:.1f} GPU-hours ({share:.0%} of what was measured)"
        yield Line(f"{text}, idle: {waste['idle_hours']:.1f}", _LEDGER)
    text = f"lost with {plural(waste['lost_runs'], 'run')} that failed or went away"
    yield Line(f"{text}: {waste['lost_hours']:.1f} GPU-hours", _LEDGER)
    unused = waste["unused_reserved_hours"]
    said = "not measured: the store holds no reservations" if unused is None else f"{unused:.1f} h"
    yield Line(f"reserved and not used: {said}", f"reservations; {_LEDGER}")


def learnings(view: View) -> Part:
    """What was written down in the week, and conclusions, the newest first."""
    return view.part("Learnings", "knowledge", list(_learnings(view)), "nothing was written down")


def _learnings(view: View) -> Iterator[Line]:
    pages = [
        row
        for row in view.rows("knowledge")
        if row["kind"] in ("learning", "adr") and view.holds(row["at"]) and view.concerns(row["by"])
    ]
    for row in pages[:_TOP]:
        by = f" ({flat(row['by'])})" if row["by"] else ""
        yield Line(f"{row['kind']}: {flat(row['title'])}{by}", flat(row["path"]))
    if len(pages) > _TOP:
        yield Line(f"and {len(pages) - _TOP} more", "docs/learnings, docs/adrs")


def recommendations(view: View) -> Part:
    """What the rules say should change: each line names its rule and what it saw."""
    lines = [
        Line(
            f"{row['rule']}: {flat(row['subject'])}: {flat(row['text'])}; {flat(row['cure'])}",
            flat(row["evidence"]),
        )
        for row in view.rows("attention")
        if row["rule"] in ADVICE and (not row["who"] or view.concerns(*row["who"]))
    ]
    return view.part("Recommendations", "attention", lines, "no rule recommends anything")


def _tally(entries: Sequence[Row], key: str) -> str:
    counted = Counter(row[key] for row in entries)
    return ", ".join(f"{number} {word}" for word, number in sorted(counted.items()))
