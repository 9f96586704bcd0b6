"""`mlws ci changed-agents` and `changed-experiments`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.checks.changed import Selection

_COLUMNS = ("name", "folder", "isolated")
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _options(function: _Function) -> _Function:
    for option in (
        click.option("--github", is_flag=True, help="Print lines for the file $GITHUB_OUTPUT."),
        click.option("--json", "as_json", is_flag=True, help="Print the selection as JSON."),
        click.option(
            "--base",
            required=True,
            metavar="REF",
            help="What is compared with, from where HEAD left it. Empty or all zeros: all.",
        ),
    ):
        function = option(function)
    return function


@click.command(epilog="Example: mlws ci changed-agents --base origin/main --json")
@_options
def changed_agents(base: str, as_json: bool, github: bool) -> int:
    """List the production agents that changed since HEAD left REF.

    Shared code, the workspace's pyproject.toml and lock, the template and the workflows select all;
    a deleted agent selects nothing. Where REF is a commit that is gone (a first push, a forced one)
    all are selected.

    JSON: base (a commit, or empty), why (all were selected, or empty), agents: [name, folder,
    isolated]. With --github: the lines agents=[NAMES] and any=true or false.
    """
    from mlws_scaffold.checks import changed

    return _print(changed.agents(place.root(), base), "agents", as_json, github)


@click.command(epilog="Example: mlws ci changed-experiments --base origin/develop --json")
@_options
def changed_experiments(base: str, as_json: bool, github: bool) -> int:
    """List the active experiments that changed since HEAD left REF, by the same rules as agents.

    JSON: base (a commit, or empty), why (all were selected, or empty), experiments: [name, folder,
    isolated]; isolated ones have a pyproject.toml of their own. With --github: the lines
    experiments=[FOLDERS], isolated=[FOLDERS] and any=true or false.
    """
    from mlws_scaffold.checks import changed

    return _print(changed.experiments(place.root(), base), "experiments", as_json, github)


def _print(found: Selection, kind: str, as_json: bool, github: bool) -> int:
    if as_json and github:
        raise UsageError("--json and --github exclude each other", "choose one")
    if github:
        field = "name" if kind == "agents" else "folder"
        chosen = {kind: [getattr(one, field) for one in found.projects]}
        if kind == "experiments":
            chosen["isolated"] = [one.folder for one in found.projects if one.isolated]
        for name, values in chosen.items():
            output.line(f"{name}={json.dumps(values)}")
        output.line(f"any={'true' if found.projects else 'false'}")
        output.note(found.why or f"compared with {found.base}")
        return 0
    rows = [
        {"name": one.name, "folder": one.folder, "isolated": one.isolated} for one in found.projects
    ]
    if as_json:
        output.json_document({"base": found.base, "why": found.why, kind: rows})
        return 0
    output.table(_COLUMNS, rows, f"no {kind} changed")
    if found.why:
        output.note(f"all of them: {found.why}")
    return 0
