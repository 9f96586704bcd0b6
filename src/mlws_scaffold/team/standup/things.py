"""What changed in production, what is reserved, what it cost, what needs somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mlws_scaffold.team.reporting.page import Line, Part, flat
from mlws_scaffold.team.reporting.view import View, amounts, plural
from mlws_scaffold.team.snapshot.period import parsed

_AHEAD = timedelta(hours=24)


def models(view: View) -> Part:
    """Moves of models in the period."""
    lines = [
        Line(
            f"{flat(row['model'])} {flat(row['version'])}: {row['action']} from {flat(row['from'])}"
            f" to {flat(row['to'])} by {flat(row['actor'])}"
            + (f": {flat(row['reason'])}" if row["reason"] else ""),
            f"models/history.jsonl, {row['at']}",
        )
        for row in view.rows("models", "history")
        if view.holds(row["at"]) and view.concerns(row["actor"])
    ]
    return view.part("Models", "models", lines, "no model was promoted or rolled back")


def deployments(view: View) -> Part:
    """What was deployed, and what was taken back."""
    lines = [
        Line(
            f"{flat(agent['name'])} {flat(one.get('version', ''))} to {one.get('environment')}:"
            f" {one.get('action')} {one.get('result')} by {flat(one.get('by', ''))}"
            + (f": {flat(one['reason'])}" if one.get("reason") else ""),
            f"deployments.jsonl of {flat(agent['name'])}, {one.get('at')}",
        )
        for agent in view.rows("agents")
        for one in agent["deployments"]
        if view.holds(one.get("at")) and view.concerns(one.get("by"), agent["owner"])
    ]
    return view.part("Deployments", "agents", lines, "nothing was deployed or rolled back")


def reservations(view: View) -> Part:
    """GPUs of the next 24 hours."""
    lines = []
    for row in view.rows("gpus", "reservations"):
        begins, ends = parsed(row["from"]), parsed(row["until"])
        near = begins < view.until + _AHEAD and ends > view.until
        if near and row["state"] in ("active", "pending") and view.concerns(row["who"]):
            purpose = f" for {flat(row['purpose'])}" if row["purpose"] else ""
            text = f"{flat(row['host'])}:{row['gpu']} {view.when(begins)} to {view.when(ends)}"
            lines.append(Line(f"{text} by {flat(row['who'])}{purpose}", f"reservation {row['id']}"))
    return view.part("GPUs, next 24 hours", "gpus", lines, "no GPU is reserved")


def costs(view: View) -> Part:
    """What the period cost, by whom, and every budget that is near or over."""
    return view.part("Cost", "costs", list(_costs(view)), "nothing was used")


def _costs(view: View) -> Iterator[Line]:
    ledger = "usage ledger; prices of mlws.toml"
    if view.why("costs"):
        return
    data = view.snapshot["sections"]["costs"]["data"]
    total = data["total"]
    if not view.author:
        text = f"{amounts(total['costs'])} for {total['allocated_hours']:.1f} GPU-hours"
        yield Line(f"{text} of {plural(total['runs'], 'run')}", ledger)
    for row in data["person"]:
        if view.concerns(row["key"]):
            text = f"{flat(row['key'])}: {amounts(row['costs'])}"
            yield Line(f"{text}, {row['allocated_hours']:.1f} GPU-hours", ledger)
    if not view.author:
        for model, hours in data["unpriced"].items():
            yield Line(
                f"not measured: {hours:.1f} GPU-hours of {flat(model)} have no price", ledger
            )
    for one in data["budgets"]:
        spent = f"{one['spent']:,.2f} of {one['limit']:,.2f} {one['unit']}".rstrip()
        if view.author and not one["name"].startswith(f"{view.author},"):
            continue
        if one["state"] == "not judged":
            yield Line(
                f"budget {flat(one['name'])}: not measured: {flat(one['why'])}",
                "budgets of mlws.toml",
            )
        else:
            yield Line(
                f"budget {flat(one['name'])}: {one['state']}, {spent}",
                "budgets of mlws.toml; usage ledger",
            )


def attention(view: View) -> Part:
    """Findings of the rules; what was not measured stands in its own part."""
    lines = [
        Line(
            f"{flat(row['subject'])}: {flat(row['text'])}; {flat(row['cure'])}",
            f"{row['rule']}: {flat(row['evidence'])}",
        )
        for row in view.rows("attention")
        if row["rule"] != "not-measured" and (not row["who"] or view.concerns(*row["who"]))
    ]
    return view.part("Needs attention", "attention", lines, "no rule found anything")
