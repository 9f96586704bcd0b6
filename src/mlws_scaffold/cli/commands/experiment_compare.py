"""`mlws experiment compare`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.index.compare import Comparison
from mlws_scaffold.experiments.index.compare import compare as put_side_by_side

Row = list[str]


@click.command(epilog="Example: mlws experiment compare chunking-v1 chunking-v2 --markdown")
@click.argument("experiments", nargs=-1, required=True)
@click.option("--markdown", is_flag=True, help="Print tables for a pull request.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def compare(experiments: tuple[str, ...], markdown: bool, as_json: bool) -> None:
    """Compare experiments of any branch: configurations where they differ, metrics over seeds.

    JSON: sides: a list of experiment_id, folder, branch, tree, status, commits, metrics: {name:
    {mean, least, most, runs}}; configuration: {key: one value per side}; notes: a list of texts.
    """
    if len(experiments) < 2:
        raise UsageError("one experiment cannot be compared", "name two or more")
    found = put_side_by_side(place.workspace(), experiments)
    if as_json:
        output.json_document(dataclasses.asdict(found))
        return
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
    about = [
        ["status", *(side.status for side in found.sides)],
        ["branch", *(side.branch for side in found.sides)],
        ["commits", *(", ".join(name[:10] for name in side.commits) for side in found.sides)],
    ]
    settings = [[key, *map(str, row)] for key, row in found.configuration.items()]
    names = sorted({name for side in found.sides for name in side.metrics})
    metrics = [
        [name, *(str(side.metrics.get(name, "-")) for side in found.sides)] for name in names
    ]
    nothing = [["(no difference)", *("" for _ in found.sides)]]
    unmeasured = [["(no finished run)", *("" for _ in found.sides)]]
    return [
        ("Experiments", about),
        ("Configuration", settings or nothing),
        ("Metrics of finished runs", metrics or unmeasured),
    ]


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
