"""`mlws adopt`: an existing repository or folder under the template, by the merge of an update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlws_scaffold.cli import output
from mlws_scaffold.cli.commands.update import document, report, show


@click.command(epilog="Example: mlws adopt . --kind workspace --diff")
@click.argument("path", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--kind", default="", help="workspace, experiment, prototype or agent.")
@click.option("--to", metavar="TAG", help="The version to take over (default: the newest release).")
@click.option("--origin", metavar="PLACE", help="The template's address, or a clone of it.")
@click.option(
    "-d", "--data", "given", multiple=True, metavar="QUESTION=VALUE", help="Answer a question."
)
@click.option("--diff", "--dry-run", "diff", is_flag=True, help="Show the change, write nothing.")
@click.option("--here", is_flag=True, help="Commit on the current branch, not on one of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def adopt(path: Path, given: tuple[str, ...], **options: Any) -> int:
    """Bring a folder that was not made from the template under it.

    The version that the folder is nearest to and the answers are found out; then the same merge as
    in an update: nothing of yours is lost, files that both have and that differ are conflicts.

    JSON: kind, near (version, or empty), share (0 to 1), answers, and what `mlws update` prints.
    """
    from mlws_scaffold.cli import answers
    from mlws_scaffold.scaffold import adopt as adopting
    from mlws_scaffold.scaffold.updates import applying

    diff, as_json = options["diff"], options["as_json"]
    data = answers.collect(given, None, {}, defaults=True, ask_all=False).given
    wish = adopting.Wish(path, options["kind"], options["to"], options["origin"], data)
    with adopting.planned(wish, output.note) as found:
        plan = found.plan
        if not as_json:
            near = f"{found.share:.0%} like {found.near}" if found.near else "like no version"
            output.line(f"{found.kind}, {near}")
            for name, value in found.answers.items():
                output.line(f"  {name}: {value}")
            show(plan, diff)
        done = applying.Outcome() if diff else applying.apply(plan, here=options["here"])
        if as_json:
            known = {"kind": found.kind, "near": found.near, "share": found.share}
            output.json_document(
                {**known, "answers": dict(found.answers), **document(plan, done, diff)}
            )
        elif not diff:
            report(plan, done)
    return 1 if plan.conflicts else 0
