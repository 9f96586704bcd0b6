"""What `mlws run --sweep` prints."""

from __future__ import annotations

from mlws_scaffold.cli import output
from mlws_scaffold.experiments.sweep import ranking, workflow
from mlws_scaffold.experiments.sweep.stages import Order, Result

_WORDS = {"earlier": "run before", "finished": "finished"}


def run(order: Order) -> int:
    """Run it and print the table, best point first."""
    result = workflow.sweep(order)
    heads = ranking.columns(result.metric, result.rows)
    rows = [ranking.cells(row, digits=6) for row in result.rows]
    run_column = len(heads) - 1 - heads[::-1].index("run")
    for row in rows:
        row[run_column] = row[run_column][:8]
    # A key of the configuration may be called like a column of ours.
    columns = [head + " " * heads[:number].count(head) for number, head in enumerate(heads)]
    output.table(columns, [dict(zip(columns, row, strict=True)) for row in rows], "no points")
    output.line()
    output.line(_summary(result))
    for path in result.wrote:
        output.line(f"wrote {path}")
    if result.status or result.trouble:
        output.note(f"go on with: {result.again}")
    if result.trouble is not None:
        raise result.trouble
    return result.status


def preview(order: Order) -> int:
    """List the points and what would become of each."""
    planned = workflow.look(order)
    rows = [
        {
            "point": card.trial.point.number,
            "set": " ".join(card.trial.point.sets),
            "what": _WORDS.get(card.state, "to run"),
            "run": card.run.run_id[:8] if card.run else "",
        }
        for card in planned.cards
    ]
    output.table(("point", "set", "what", "run"), rows, "no points")
    return 0


def _summary(result: Result) -> str:
    done = sum(row.state in ("finished", "earlier") for row in result.rows)
    text = f"sweep {result.parent_id}: {done} of {len(result.rows)} runs are there"
    best = ranking.best(result.rows)
    if best is None or best.mean is None:
        return f"{text}; no {result.metric} was measured"
    return f"{text}; best {result.metric} {best.mean:.6g} with {best.point.name}"
