"""What each view of the page shows, sorted and grouped out of the snapshot's sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.team.dashboard import calendar, spending
from mlws_scaffold.team.dashboard.words import clean

_STATES = ("development", "testing", "staging", "production", "deprecated", "retired")
_SEVERITIES = ("error", "warning", "notice")
_MOST = 100
_MOVES = 40


@dataclass(frozen=True, slots=True)
class View:
    """One view: its place in the address, title, source, what it shows, and what is missing."""

    id: str
    title: str
    source: str
    ok: bool
    why: str
    notes: Sequence[str]
    count: int | None
    data: Any


@dataclass(frozen=True, slots=True)
class Group:
    """Items of one kind; `more` were left out."""

    name: str
    items: Sequence[Mapping[str, Any]]
    more: int = 0


def every(snapshot: Mapping[str, Any]) -> dict[str, View]:
    """The views in the order of the navigation."""
    views = (
        _view(snapshot, "experiments", "Experiments", lambda data: data),
        _view(snapshot, "attention", "Needs attention", _attention),
        _view(snapshot, "models", "Models", _models),
        _view(snapshot, "agents", "Agents", lambda data: data),
        _view(snapshot, "gpus", "GPU calendar", lambda data: calendar.weeks(data, snapshot)),
        _view(snapshot, "costs", "Cost", spending.tables),
        _view(snapshot, "knowledge", "Knowledge", _knowledge),
        _view(snapshot, "people", "People", lambda data: data),
    )
    return {view.id: view for view in views}


def _view(snapshot: Mapping[str, Any], name: str, title: str, shape: Any) -> View:
    found = snapshot["sections"].get(name)
    if found is None:
        why = f"not measured: this snapshot has no section {name}"
        return View(name, title, "", False, why, (), None, shape(_nothing(name)))
    data = found["data"] or _nothing(name)
    notes = [clean(note, 400) for note in found.get("notes", ())]
    count = len(data) if isinstance(data, list) else len(data.get("entries", ())) or None
    ok = bool(found["ok"])
    return View(
        name, title, clean(found["source"], 400), ok, clean(found["why"], 600), notes,
        count if ok else None, shape(data),
    )  # fmt: skip


def _nothing(name: str) -> Any:
    return {} if name in ("models", "gpus", "costs") else []


def _attention(items: Sequence[Mapping[str, Any]]) -> list[Group]:
    """By rule, the most severe first."""
    order = {name: number for number, name in enumerate(_SEVERITIES)}
    ranked = sorted(items, key=lambda item: order.get(item.get("severity", ""), len(order)))
    return _groups(ranked, "rule")


def _models(data: Mapping[str, Any]) -> dict[str, Any]:
    """Columns by state, those of the life cycle first, and the last moves."""
    entries = data.get("entries", ())
    others = sorted({str(one.get("status")) for one in entries} - set(_STATES))
    columns = [
        Group(state, [one for one in entries if str(one.get("status")) == state])
        for state in (*_STATES, *others)
    ]
    moves = list(reversed(data.get("history", ())))
    return {
        "columns": [column for column in columns if column.items],
        "moves": moves[:_MOVES],
        "more": max(0, len(moves) - _MOVES),
    }


def _knowledge(items: Sequence[Mapping[str, Any]]) -> list[Group]:
    """By kind, the newest first."""
    newest = sorted(items, key=lambda item: str(item.get("at") or ""), reverse=True)
    order = {"adr": 0, "learning": 1, "handoff": 2, "runbook": 3}
    return sorted(_groups(newest, "kind"), key=lambda group: order.get(group.name, 9))


def _groups(items: Iterable[Mapping[str, Any]], key: str) -> list[Group]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        found.setdefault(str(item.get(key) or "other"), []).append(item)
    return [
        Group(clean(name, 60), group[:_MOST], max(0, len(group) - _MOST))
        for name, group in found.items()
    ]
