"""`mlws-new adr` and `mlws-new learning`."""

from __future__ import annotations

import shlex

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import new_project
from mlws_scaffold.scaffold.knowledge import writing
from mlws_scaffold.scaffold.knowledge.writing import Written


@click.command(epilog='Example: mlws-new adr "Rerank passages before answering"')
@click.argument("title")
@click.option("--proposed", is_flag=True, help="Its status is `proposed` (default: `accepted`).")
@new_project.researcher
def adr(title: str, proposed: bool, researcher: str) -> None:
    """Write down a decision: docs/adrs/DAY-TITLE.md, and its line in the index there.

    What only people know is marked; it is accepted by being merged.
    """
    _report(writing.decision(place.workspace(), title, researcher=researcher, proposed=proposed))


@click.command(epilog='Example: mlws-new learning "Long chunks hide the answer" -e chunking-v1')
@click.argument("title")
@click.option("--experiment", "-e", default="", help="Where it was learned: folder or id.")
@new_project.researcher
def learning(title: str, experiment: str, researcher: str) -> None:
    """Write down what cost time once: docs/learnings/DAY-TITLE.md, and its line in the index.

    With --experiment its goal, best result and conclusion are filled in.
    """
    _report(
        writing.learning(place.workspace(), title, experiment=experiment, researcher=researcher)
    )


def _report(written: Written) -> None:
    for remark in written.remarks:
        output.note(f"note: {remark}")
    output.line(f"made {written.path}, named in {written.index}")
    output.line("next:")
    output.line("  answer what is marked there")
    output.line(f"  git add {shlex.quote(written.path)} {written.index} && git commit")
