"""Rules about what people work on: experiments, runs, reviews. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlws_scaffold.team.snapshot import similar
from mlws_scaffold.team.snapshot.facts import CLOSED, Facts, Finding

_REVIEW_DAYS = 3


def stale(facts: Facts) -> Iterator[Finding]:
    """In progress, and nothing happened for `stale_days`."""
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


def no_conclusion(facts: Facts) -> Iterator[Finding]:
    """Concluded, and nobody wrote what was learned."""
    for row in facts.rows("experiments"):
        if row["status"] in CLOSED and not row["conclusion"]:
            yield Finding(
                "no-conclusion",
                "warning",
                row["experiment_id"],
                f"{row['status']} without a conclusion ({row['owner']})",
                f"conclusion is empty in {row['folder']}/metadata.yaml",
                "write one sentence: what was learned",
                (row["owner"],),
            )


def lost_runs(facts: Facts) -> Iterator[Finding]:
    """Runs whose process went away."""
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


def results_differ(facts: Facts) -> Iterator[Finding]:
    """Another best result in the file than in the tracking store."""
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


def waiting_review(facts: Facts) -> Iterator[Finding]:
    """A pull request that nobody moved for days."""
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


def similar_goals(facts: Facts) -> Iterator[Finding]:
    """Two people who seem to want to know the same."""
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
