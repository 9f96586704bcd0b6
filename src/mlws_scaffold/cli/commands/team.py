"""`mlws team`: add, list, sync."""

from __future__ import annotations

import dataclasses

import click

from mlws_scaffold.agents import codeowners
from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.team import members
from mlws_scaffold.workspace.config import Person
from mlws_scaffold.workspace.layout import CONFIG

_COLUMNS = ("handle", "name", "role", "email", "github", "experiments", "agents")


@click.group()
def team() -> None:
    """The people of the workspace, and who is asked to review."""


@team.command("list", epilog="Example: mlws team list --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_people(as_json: bool) -> int:
    """List the people of [team] with what they answer for in the working tree.

    JSON: a list of handle, name, role, email, github, experiments, agents (counts; agents are those
    in production).
    """
    rows = [
        {
            "handle": one.handle,
            **dataclasses.asdict(one.person),
            "experiments": one.experiments,
            "agents": one.agents,
        }
        for one in members.listing(place.workspace())
    ]
    if as_json:
        output.json_document([{column: row[column] for column in _COLUMNS} for row in rows])
    else:
        output.table(_COLUMNS, rows, f"nobody is in [team] of {CONFIG}: mlws team add HANDLE")
    return 0


@team.command(epilog="Example: mlws team add ann --email ann@example.org --github ann-b")
@click.argument("handle")
@click.option("--email", default="", help="As git knows it: this is how a commit finds its person.")
@click.option("--github", default="", help="Login at GitHub: who is asked, whose approval counts.")
@click.option("--name", default="", help="As people write it.")
@click.option(
    "--role",
    type=click.Choice(members.ROLES),
    default="researcher",
    help="Engineers and leads look after production (default: researcher).",
)
def add(handle: str, email: str, github: str, name: str, role: str) -> int:
    """Write [team.HANDLE] into mlws.toml, and CODEOWNERS anew.

    The handle is the person's folder below experiments/active and part of their branches.
    """
    members.add(place.workspace(), handle, Person(name, email, github.removeprefix("@"), role))
    output.line(f"{handle} is in [team] of {CONFIG}")
    _synced(codeowners.sync(place.workspace()))
    return 0


@team.command(epilog="Example: mlws team sync --check")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when it would change.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change.")
def sync(check: bool, dry_run: bool) -> int:
    """Write .github/CODEOWNERS anew from [team] and the owners of the agents.

    Only the part between its marks changes; lines below the end mark are yours. People without a
    github name are named: GitHub cannot always ask them, and their approvals do not count.
    """
    if check and dry_run:
        raise UsageError("--check and --dry-run exclude each other", "choose one of them")
    here = place.workspace()
    if not check and not dry_run:
        _synced(codeowners.sync(here))
        return 0
    planned = codeowners.plan(here)
    _remark(planned)
    if planned.difference:
        output.line(planned.difference.rstrip("\n"))
    else:
        output.line(f"{codeowners.PATH} is as it should be")
    return int(check and planned.drifted)


def _synced(done: codeowners.Plan) -> None:
    _remark(done)
    if done.taken_over:
        output.note(
            f"{codeowners.PATH} had lines of its own: they stand below and win; look at them"
        )
    output.line(
        f"{codeowners.PATH} was {'written: commit it' if done.drifted else 'right already'}"
    )


def _remark(done: codeowners.Plan) -> None:
    for remark in done.remarks:
        output.note(f"warning: {remark}")
