"""The week in numbers: of the team and of each person."""

from __future__ import annotations

from collections.abc import Iterator

from mlws_scaffold.team.reporting.page import Line, Part, flat
from mlws_scaffold.team.reporting.view import View, amounts, plural
from mlws_scaffold.team.standup import work
from mlws_scaffold.team.weekly import outcomes
from mlws_scaffold.team.weekly.outcomes import Outcomes

_METADATA = "metadata.yaml of all branches"
_HISTORY = "git history of metadata.yaml"


def totals(view: View) -> Part:
    """How many experiments are new, ended, under way; how well and how fast."""
    return view.part("Experiments in numbers", "experiments", list(_totals(view)), "none yet")


def _totals(view: View) -> Iterator[Line]:
    found = outcomes.of(view, view.author)
    yield Line(_counts(found), _HISTORY)
    concluded = len(found.concluded)
    if not concluded:
        why = "not measured: nothing was concluded in this time"
        yield Line(f"success rate: {why}", _HISTORY)
        yield Line(f"median time to a conclusion: {why}", _HISTORY)
        return
    good = found.successes
    named = ", ".join(flat(row["experiment_id"]) for row in good) or "none"
    yield Line(
        f"success rate: {len(good) / concluded:.0%} ({len(good)} of {concluded} met the target or"
        f" were adopted: {named})",
        f"target and decision in {_METADATA}; results of the tracking store",
    )
    days = outcomes.median_days(found.concluded)
    yield Line(
        f"median time to a conclusion: {days:g} days, of {plural(concluded, 'experiment')}",
        f"created in {_METADATA}; {_HISTORY}",
    )


def people(view: View) -> Part:
    """The same by person, with commits, runs and cost."""
    lines = [
        Line(_person(view, row["handle"]), f"{_HISTORY}; git log; runs; usage ledger")
        for row in view.rows("people")
        if view.concerns(row["handle"])
    ]
    return view.part("By person", "people", lines, "nobody is in [team] of mlws.toml")


def concluded(view: View) -> Part:
    """Each experiment that ended, with what came of it."""
    lines = [
        Line(
            f"{flat(row['experiment_id'])} ({flat(row['owner'])}):"
            f" {work.outcome(row, row['status'])}",
            f"{flat(row['folder'])}/metadata.yaml on {flat(row['branch'])}",
        )
        for row in outcomes.of(view, view.author).concluded
    ]
    return view.part("Concluded", "experiments", lines, "nothing was concluded")


def _counts(found: Outcomes) -> str:
    ended = ", ".join(f"{found.ended(state)} {state}" for state in work.CLOSED)
    return f"{len(found.new)} new, {ended}, {len(found.in_progress)} in progress now"


def _person(view: View, handle: str) -> str:
    said = [
        _counts(outcomes.of(view, handle))
        if not view.why("experiments")
        else _not(view, "states", "experiments")
    ]
    rows = [row for row in view.rows("commits") if row["author"] == handle]
    # A squashed commit and its parts are one piece of work.
    whole = sum(row["into"] is None for row in rows)
    parts = sum(row["into"] is not None for row in rows)
    text = plural(whole, "commit") + (f" and {parts} squashed" if parts else "")
    said.append(text if not view.why("commits") else _not(view, "commits", "commits"))
    own = [row for row in view.rows("runs") if row["who"] == handle]
    said.append(plural(len(own), "run") if not view.why("runs") else _not(view, "runs", "runs"))
    spent = [row for row in view.rows("costs", "person") if row["key"] == handle]
    hours, money = (spent[0]["allocated_hours"], spent[0]["costs"]) if spent else (0.0, {})
    used = f"{hours:.1f} GPU-hours, {amounts(money)}"
    said.append(used if not view.why("costs") else _not(view, "cost", "costs"))
    return f"{flat(handle)}: {'; '.join(said)}"


def _not(view: View, what: str, section: str) -> str:
    return f"{what} {flat(view.why(section))}"
