"""`mlws experiment compare`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.index.compare import Comparison, Side
from mlws_scaffold.experiments.index.compare import compare as put_side_by_side

Row = list[str]


@click.command(epilog="Example: mlws experiment compare chunking-v1 chunking-v2 --markdown")
@click.argument("experiments", nargs=-1, required=True)
@click.option("--markdown", is_flag=True, help="Print tables for a pull request.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Draw the metrics, and learning curves where runs logged steps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def compare(experiments: tuple[str, ...], markdown: bool, plot: Path | None, as_json: bool) -> None:
    """Compare experiments of any branch: differing configurations, metrics over seeds, cost.

    Of each the finished runs of one configuration are compared: that of the run in results, else
    the best by its primary metric, else the newest. The cost is that of all its runs.

    JSON: sides: a list of experiment_id, folder, branch, tree, status, primary_metric, runs: their
    ids, others: how many finished runs had another configuration, commits, metrics: {name: {mean,
    least, most, runs}}, cost (null: no tracking store): {runs, seconds, seconds_a_run: as a metric
    or null, gpu_seconds (null: not measured), gpu_runs}; configuration: {key: one value per side};
    notes: a list of texts.
    """
    if len(experiments) < 2:
        raise UsageError("one experiment cannot be compared", "name two or more")
    if plot:
        from mlws_scaffold.experiments.index import plots

        plots.require_svg(plot)
    here = place.workspace()
    found = put_side_by_side(here, experiments)
    if as_json:
        output.json_document(dataclasses.asdict(found))
    else:
        _print(found, markdown=markdown)
    if plot:
        for note in plots.write(here, found, plot):
            output.note(f"note: {note}")
        output.note(f"drawn: {plot}")


def _print(found: Comparison, *, markdown: bool) -> None:
    heads = ["", *(side.experiment_id for side in found.sides)]
    for title, rows in _tables(found):
        if markdown:
            _markdown(title, heads, rows)
        else:
            output.line(f"{title}:")
            _plain(heads, rows)
            output.line()
    for note in found.notes:
        output.note(f"note: {note}")


def _tables(found: Comparison) -> list[tuple[str, list[Row]]]:
    sides = found.sides
    about = [
        ["status", *(side.status for side in sides)],
        ["branch", *(side.branch for side in sides)],
        ["runs", *(", ".join(name[:8] for name in side.runs) for side in sides)],
        ["commits", *(", ".join(name[:10] for name in side.commits) for side in sides)],
    ]
    if any(side.others for side in sides):
        about.append(["runs with another configuration", *(str(side.others) for side in sides)])
    settings = [[key, *map(str, row)] for key, row in found.configuration.items()]
    names = sorted({name for side in sides for name in side.metrics})
    metrics = [[name, *(str(side.metrics.get(name, "-")) for side in sides)] for name in names]
    nothing = [["(no difference)", *("" for _ in sides)]]
    unmeasured = [["(no finished run)", *("" for _ in sides)]]
    return [
        ("Experiments", about),
        ("Configuration", settings or nothing),
        ("Metrics of finished runs", metrics or unmeasured),
        ("Cost of all runs", [list(row) for row in zip(*map(_cost, [None, *sides]), strict=True)]),
    ]


def _cost(side: Side | None) -> Row:
    """A column of the table of costs, or its heads."""
    if side is None:
        return ["ended runs", "seconds a run", "seconds in all", "GPU-seconds"]
    if side.cost is None:
        return ["not measured"] * 4
    cost, gpu = side.cost, "not measured"
    if cost.gpu_seconds is not None:
        part = "" if cost.gpu_runs == cost.runs else f" (of {cost.gpu_runs} of {cost.runs} runs)"
        gpu = f"{cost.gpu_seconds:.1f}{part}"
    return [str(cost.runs), str(cost.seconds_a_run or "-"), f"{cost.seconds:.1f}", gpu]


def _plain(heads: Row, rows: Sequence[Row]) -> None:
    # A column's name may occur twice: two experiments may share an id.
    columns = [f"{head}{' ' * number}" for number, head in enumerate(heads)]
    output.table(columns, [dict(zip(columns, row, strict=True)) for row in rows], "none")


def _markdown(title: str, heads: Row, rows: Sequence[Row]) -> None:
    output.line(f"**{title}**\n")
    for row in (heads, ["---"] * len(heads), *rows):
        cells = (" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in row)
        output.line(f"| {' | '.join(cells)} |")
    output.line()
