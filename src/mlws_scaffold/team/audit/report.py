"""The audit of a snapshot: what may be used under which licence, and who let what pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlws_scaffold.team.reporting import view as views
from mlws_scaffold.team.reporting.page import Line, Page, Part, flat
from mlws_scaffold.team.reporting.view import View, plural

# What the audit is made from; of commits and people the names for --author.
SECTIONS = ("people", "models", "agents", "reviews", "licences", "security")


def of(snapshot: Mapping[str, Any]) -> Page:
    """The audit of the period; licences and cards as they are now."""
    view = views.of(snapshot)
    return Page(
        f"Audit of {view.name}, {view.when(view.until, '%A %d %B %Y')}",
        f"approvals since {view.when(view.since, '%A %d %B %Y %H:%M')}, {view.snapshot['zone']};"
        " licences, cards and findings as they are now",
        [
            part(view)
            for part in (_missing, _licences, _promotions, _deployments, _reviews, _security)
        ],
        "mlws report audit",
    )


def gaps(snapshot: Mapping[str, Any]) -> int:
    """How many licences and cards are missing."""
    return len(list(_gaps(views.of(snapshot))))


def _missing(view: View) -> Part:
    empty = "every model has a card, and everything has a licence"
    return view.part("Missing licences and cards", "licences", list(_gaps(view)), empty)


def _gaps(view: View) -> Iterator[Line]:
    for row in view.rows("licences"):
        by = f" ({flat(row['by'])})" if row["by"] else ""
        name = f"{row['kind']} {flat(row['name'])}{by}"
        if row["kind"] == "model" and row["card"] is None:
            yield Line(f"{name}: no card", f"no models/cards/{flat(row['name'])}.md")
        elif row["licence"] is None:
            yield Line(f"{name}: no licence", flat(row["where"]))


def _licences(view: View) -> Part:
    """By licence, so that one which does not fit stands out."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in view.rows("licences"):
        if row["licence"]:
            grouped.setdefault(row["licence"], []).append(row)
    lines = [
        Line(
            f"{flat(licence)}: " + ", ".join(f"{row['kind']} {flat(row['name'])}" for row in rows),
            ", ".join(sorted({flat(row["where"]) for row in rows})),
        )
        for licence, rows in sorted(grouped.items())
    ]
    return view.part("Licences", "licences", lines, "no licence is written anywhere")


def _promotions(view: View) -> Part:
    """Every move of a model, by whom, and through which gates."""
    lines = []
    for row in view.rows("models", "history"):
        if not view.holds(row["at"]):
            continue
        gates = ", ".join(f"{flat(gate['name'])} {gate['result']}" for gate in row["gates"])
        lines.append(
            Line(
                f"{flat(row['model'])} {flat(row['version'])} {row['action']} to {flat(row['to'])}"
                f" by {flat(row['actor'])}; gates: {gates or 'none recorded'}",
                f"models/history.jsonl, {row['at']}",
            )
        )
    return view.part("Models: who moved what", "models", lines, "no model was moved")


def _deployments(view: View) -> Part:
    lines = [
        Line(
            f"{flat(agent['name'])} {flat(one.get('version', ''))} to {one.get('environment')}:"
            f" {one.get('action')} {one.get('result')} by {flat(one.get('by', ''))}; gates:"
            f" {', '.join(flat(name) for name in one.get('gates') or ()) or 'none recorded'}",
            f"deployments.jsonl of {flat(agent['name'])}, {one.get('at')}",
        )
        for agent in view.rows("agents")
        for one in agent["deployments"]
        if view.holds(one.get("at"))
    ]
    return view.part("Agents: who deployed what", "agents", lines, "nothing was deployed")


def _reviews(view: View) -> Part:
    lines = [
        Line(
            f"#{row['number']} {flat(row['title'])} by {flat(row['author'])}: approved by"
            f" {', '.join(map(flat, row['approved_by'])) or 'nobody'}",
            flat(row["url"]),
        )
        for row in view.rows("reviews")
        if row["state"] == "merged"
    ]
    return view.part("Merged: who approved what", "reviews", lines, "nothing was merged")


def _security(view: View) -> Part:
    rows = view.rows("security")
    lines = [
        Line(
            f"{row['severity']}: {row['kind']}: {flat(row['summary'])}"
            + (f" ({flat(row['where'])})" if row["where"] else ""),
            flat(row["url"]),
        )
        for row in rows
    ]
    empty = f"{plural(0, 'open finding')}"
    return view.part("Open security findings", "security", lines, empty)
