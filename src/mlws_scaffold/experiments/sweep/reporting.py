"""The end of a sweep: its table and plot, in the store and beside the experiment."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.experiments.run.stages import Created
from mlws_scaffold.experiments.sweep import opening, picture, ranking
from mlws_scaffold.experiments.sweep.planning import cards
from mlws_scaffold.experiments.sweep.stages import DONE, Executed, Prepared, Result, Row

_INTERRUPTED = 130
_MOST_ROWS = 100


def report(executed: Executed) -> Result:
    """Rank what came out, keep it with the parent run, and end that.

    A sweep that came to its end is also written to `results/`, where the team commits it.
    """
    opened = executed.opened
    prepared, parent = opened.planned.prepared, opened.parent
    rows = ranking.rank(prepared, cards(prepared, parent.job.run_id, opened.planned.cards))
    plot = picture.plotted(prepared, rows)
    done = [row for row in rows if row.state in DONE]
    stopped = executed.interrupted or executed.handed or executed.trouble is not None
    status = _INTERRUPTED if executed.interrupted else int(len(done) < len(rows))
    if executed.handed:
        status = status if executed.interrupted or executed.trouble else 0
        parent.recorder.reopen(parent.job.run_id, "SCHEDULED")
    elif not opened.planned.complete:
        _keep(parent, prepared, rows, plot)
        word = "FINISHED" if status == 0 else "KILLED" if stopped else "FAILED"
        parent.recorder.end(parent.job.run_id, word)
    wrote = () if stopped else _write(prepared, parent.job.run_id, rows, plot)
    return Result(
        parent_id=parent.job.run_id,
        metric=prepared.metric,
        goal=prepared.goal,
        rows=rows,
        status=status,
        again=opening.command(prepared.order),
        trouble=executed.trouble,
        wrote=wrote,
    )


def _keep(parent: Created, prepared: Prepared, rows: Sequence[Row], plot: str) -> None:
    """The result in the store: three artifacts, and the best point as tags."""
    texts = {
        "sweep.csv": ranking.as_csv(prepared.metric, rows),
        "sweep.svg": plot,
        "sweep.yaml": prepared.file.read_text(encoding="utf-8", errors="replace"),
    }
    with tempfile.TemporaryDirectory(prefix="mlws-sweep-") as scratch:
        for name, text in texts.items():
            (Path(scratch) / name).write_text(text, encoding="utf-8")
        parent.recorder.files(parent.job.run_id, Path(scratch), "mlws")
    tags = {"mlws.sweep.done": str(sum(row.state in DONE for row in rows))}
    best = ranking.best(rows)
    if best is not None and best.mean is not None:
        tags["mlws.sweep.best_run"] = best.run_id
        tags["mlws.sweep.best_point"] = best.point.name
        tags["mlws.sweep.best_value"] = repr(best.mean)
    parent.recorder.tag(parent.job.run_id, tags)


def _write(prepared: Prepared, run_id: str, rows: Sequence[Row], plot: str) -> tuple[str, ...]:
    """The page and its plot below `results/`; their paths from the root."""
    request = prepared.order.request
    folder = request.entry.folder / "results"
    folder.mkdir(exist_ok=True)
    stem = f"sweep-{prepared.identity[:8]}"
    texts = {f"{stem}.md": _page(prepared, run_id, rows, f"{stem}.svg"), f"{stem}.svg": plot}
    for name, text in texts.items():
        files.write(folder / name, text)
    return tuple(request.place.layout.relative(folder / name) for name in texts)


def _page(prepared: Prepared, run_id: str, rows: Sequence[Row], plot: str) -> str:
    request, tree = prepared.order.request, prepared.base.tree
    identifier = request.entry.metadata.experiment_id
    done = sum(row.state in DONE for row in rows)
    dirty = " with uncommitted changes" if tree.dirty else ""
    lines = [
        f"# {identifier}: {_cell(prepared.file.name)}",
        "",
        "<!-- Written at the end of the sweep; the same sweep writes it again. -->",
        "",
        f"{done} of {len(rows)} runs are finished. Commit `{(tree.head or 'none')[:12]}`{dirty},"
        f" sweep run `{run_id}`.",
    ]
    best = ranking.best(rows)
    if best is not None and best.mean is not None:
        over = " on average over its seeds" if best.point.seed is not None else ""
        lines += [
            "",
            f"Best: {_cell(prepared.metric)} {best.mean:.6g}{over} ({prepared.goal}) with"
            f" {_cell(best.point.name)}, run `{best.run_id}`.",
        ]
    heads = ranking.columns(prepared.metric, rows)
    lines += ["", f"![{_cell(prepared.metric)} of every point]({plot})", ""]
    lines += [f"| {' | '.join(map(_cell, heads))} |", f"|{'---|' * len(heads)}"]
    for row in rows[:_MOST_ROWS]:
        lines.append(f"| {' | '.join(map(_cell, ranking.cells(row, digits=6)))} |")
    if len(rows) > _MOST_ROWS:
        lines += ["", f"{len(rows) - _MOST_ROWS} more are in the artifact `mlws/sweep.csv`."]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    """A text that breaks neither the table nor the page."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
