"""What people did: commits, experiments, runs, reviews."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mlws_scaffold.team.reporting.page import Line, Part, flat
from mlws_scaffold.team.reporting.view import Row, View, plural
from mlws_scaffold.team.snapshot.period import parsed

CLOSED = ("completed", "failed", "abandoned")
_FEW = 5


def commits(view: View) -> Part:
    """Each piece of work once: what was squashed stands with what it became."""
    rows = view.rows("commits")
    inside: dict[str, list[Row]] = {}
    for row in rows:
        if row["into"]:
            inside.setdefault(row["into"], []).append(row)
    here = {row["commit"] for row in rows}
    lines = [
        Line(_commit(row, inside.get(row["commit"], ())), f"git {row['commit'][:8]}")
        for row in rows
        if row["into"] not in here
        and view.concerns(row["author"], *(one["author"] for one in inside.get(row["commit"], ())))
    ]
    return view.part("Commits", "commits", lines, "no commit on any branch")


def _commit(row: Row, squashed: Sequence[Row]) -> str:
    said = f"{flat(row['author'])}: {flat(row['subject'])} ({flat(row['branch'])})"
    if not squashed:
        return said
    makers = sorted({flat(one["author"]) for one in squashed})
    branch = flat(squashed[0]["branch"])
    return f"{said}, {plural(len(squashed), 'commit')} of {branch} by {', '.join(makers)} squashed"


def experiments(view: View) -> Part:
    """Every change of state in the period."""
    lines = []
    for row in view.rows("experiments"):
        for move in row["moves"]:
            if view.concerns(row["owner"], row["researcher"], move["by"]):
                lines.append(Line(_move(row, move), f"git {move['commit'][:8]}"))
    return view.part("Experiments", "experiments", lines, "no experiment changed its state")


def _move(row: Row, move: Row) -> str:
    name = f"{flat(row['experiment_id'])} ({flat(row['owner'])})"
    if move["to"] in CLOSED:
        return f"{name} concluded: {outcome(row, move['to'])}"
    if move["from"] is None:
        return f"{name} started as {move['to']}: {flat(row['goal'])}"
    return f"{name} moved from {move['from']} to {move['to']}"


def outcome(row: Row, state: str) -> str:
    """How an experiment ended, with what came of it."""
    parts = [state, *([flat(row["decision"])] if row["decision"] else [])]
    if row["best_metric"] is not None:
        parts.append(result(row))
    ended = flat(row["conclusion"]) if row["conclusion"] else "no conclusion written"
    return f"{', '.join(parts)}; {ended}"


def result(row: Row) -> str:
    """`accuracy 0.86 (+0.06 to the baseline)`."""
    said = f"{flat(row['metric'] or 'metric')} {row['best_metric']:.4g}"
    return said if row["delta"] is None else f"{said} ({row['delta']:+.4g} to the baseline)"


def runs(view: View) -> Part:
    """How many in all, then each experiment's with the best result."""
    rows = [row for row in view.rows("runs") if view.concerns(row["who"])]
    lines = [Line(_counts(view, rows), view.source("runs"))] if rows else []
    goals = {row["experiment_id"]: row["goal_of_metric"] for row in view.rows("experiments")}
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["experiment"], []).append(row)
    for experiment, own in sorted(grouped.items()):
        lines.append(_of_experiment(experiment, own, goals.get(experiment) or "maximize"))
    return view.part("Runs", "runs", lines, "no run started, ended or still runs")


def _counts(view: View, rows: Sequence[Row]) -> str:
    states = Counter(row["state"] for row in rows)
    listed = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    started = sum(view.holds(row["started"]) for row in rows)
    return f"{plural(len(rows), 'run')}, {started} of them started in this time: {listed}"


def _of_experiment(experiment: str, own: Sequence[Row], goal: str) -> Line:
    states = Counter(row["state"] for row in own)
    said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    people = ", ".join(sorted({flat(row["who"]) for row in own if row["who"]}))
    measured = [row for row in own if row["best"] and row["state"] == "finished"]
    shown = own
    if measured:
        sign = -1 if goal == "minimize" else 1
        best = max(measured, key=lambda row: sign * row["best"]["value"])
        said += f"; best {flat(best['best']['metric'])} {best['best']['value']:.4g}"
        shown = [best]
    sources = ", ".join(row["run_id"][:8] for row in shown[:_FEW])
    return Line(f"{flat(experiment)} ({people or 'nobody known'}): {said}", f"run {sources}")


def reviews(view: View) -> Part:
    """Pull requests that wait for somebody."""
    return view.part("Reviews", "reviews", list(_waiting(view)), "no pull request waits")


def _waiting(view: View) -> Iterator[Line]:
    for row in view.rows("reviews"):
        if row["state"] != "open" or row["draft"] or row["decision"] == "approved":
            continue
        if view.concerns(row["author"]):
            state = row["decision"].replace("_", " ") or "no review yet"
            days = (view.until - parsed(row["updated"])).days
            text = f"#{row['number']} {flat(row['title'])} ({flat(row['author'])}): {state}"
            yield Line(f"{text}, unchanged for {plural(days, 'day')}", flat(row["url"]))
