"""`mlws adr`: list, supersede."""

from __future__ import annotations

import dataclasses

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.scaffold.knowledge import decisions
from mlws_scaffold.workspace.layout import Layout

_COLUMNS = ("name", "status", "date", "by", "title", "superseded_by")


@click.group()
def adr() -> None:
    """Decisions: list, supersede. `mlws-new adr TITLE` writes one."""


@adr.command("list", epilog="Example: mlws adr list --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_decisions(as_json: bool) -> None:
    """List the decisions of the working tree, newest first.

    JSON: a list of name, path, title, date, by, status (accepted, proposed, superseded, as
    written), supersedes, superseded_by (names); what a file does not say is empty.
    """
    found = [dataclasses.asdict(page) for page in decisions.listing(Layout(place.root()))]
    for row in found:
        del row["experiment"]
    if as_json:
        output.json_document(found)
        return
    output.table(_COLUMNS, found, "no decision is written down yet: mlws-new adr TITLE")


@adr.command(epilog="Example: mlws adr supersede 0001 rerank-passages")
@click.argument("old")
@click.argument("new")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would change, write nothing.")
def supersede(old: str, new: str, dry: bool) -> None:
    """Say in both decisions, and in the index, that NEW takes the place of OLD.

    OLD and NEW are names, numbers, or parts of a name. Nothing else in them changes.
    """
    former, later = decisions.supersede(place.workspace(), old, new, dry=dry)
    would = "would be " if dry else "is "
    output.line(f"{former.name} {would}superseded by {later.name}")
    if not dry:
        output.line(f"next: git add {former.path} {later.path} docs/adrs/README.md && git commit")
