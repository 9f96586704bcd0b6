"""`mlws data`: add, pull, verify."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls
from mlws_scaffold.errors import worst
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.data import declaring, measuring
from mlws_scaffold.experiments.data import transfer as kept
from mlws_scaffold.workspace.config import Workspace


@click.group()
def data() -> None:
    """Data of experiments that is too large for git."""


@data.command(
    epilog="Example: mlws data add https://example.org/qa.parquet --experiment sarah/qa --name qa"
)
@click.argument("what", metavar="PATH_OR_URL")
@click.option(
    "--experiment",
    default="",
    metavar="EXPERIMENT",
    help="A folder, RESEARCHER/NAME or an id (default: the one around the current folder).",
)
@click.option("--name", required=True, metavar="NAME", help="What the experiment calls the data.")
@click.option("--licence", metavar="LICENCE", help="Under which licence it may be used.")
@click.option(
    "--uri",
    default="",
    metavar="URI",
    help="Where others find what lies at PATH: https://… or file:///…",
)
def add(what: str, experiment: str, name: str, licence: str | None, uri: str) -> None:
    """Declare a file, a folder or an address as data of an experiment.

    Writes uri, sha256, size in bytes and licence into metadata.yaml. The sha256 of a folder is that
    of its files' relative paths and hashes, sorted.
    """
    workspace = place.workspace()
    kept.require_manifest(workspace, "add")
    entry = find.experiment(workspace, experiment, Path.cwd())
    with pulls.of_files() as watch:
        source = measuring.measure(workspace, name, what, uri, watch)
    source = source.model_copy(update={"licence": licence})
    new = declaring.declare(workspace.layout, entry, source)
    done = "declared" if new else "declared already"
    output.line(f"{done} {name}: {source.uri} ({source.size} bytes, sha256 {source.sha256})")


@data.command(epilog="Example: mlws data pull sarah/medical-qa")
@click.argument("experiment", default="")
@click.option("--name", default="", metavar="NAME", help="Only the data of this name.")
def pull(experiment: str, name: str) -> int:
    """Fetch the data of an experiment, or of all when none is named and none is around.

    A broken download goes on where it ended. What does not have the declared sha256 is thrown away.
    """
    workspace = place.workspace()
    kept.require_manifest(workspace, "pull")
    wanted, broken = _wanted(workspace, experiment, name)
    found = []
    with pulls.of_files() as watch:
        for finding in kept.pull(workspace, wanted, watch):
            found.append(finding)
            _show(workspace, finding)
    if not wanted:
        output.line("no data is declared")
    return worst(finding.exit_code for finding in found) or int(broken)


@data.command(epilog="Example: mlws data verify --json")
@click.argument("experiment", default="")
@click.option("--name", default="", metavar="NAME", help="Only the data of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(experiment: str, name: str, as_json: bool) -> int:
    """Hash the data again. Ends with 1 when it differs, with 4 when it is not there.

    JSON: a list of experiment, name, uri, path, state (ok, differs, missing, unpinned, failed),
    sha256 (declared), found (of what lies there, when it differs), detail.
    """
    workspace = place.workspace()
    kept.require_manifest(workspace, "verify")
    wanted, broken = _wanted(workspace, experiment, name)
    found = list(kept.verify(workspace, wanted))
    if as_json:
        output.json_document(
            [
                {
                    "experiment": finding.item.experiment,
                    "name": finding.item.source.name,
                    "uri": finding.item.source.uri,
                    "path": workspace.layout.relative(finding.path),
                    "state": finding.state,
                    "sha256": finding.item.source.sha256,
                    "found": finding.found or None,
                    "detail": finding.why.message if finding.why else "",
                }
                for finding in found
            ]
        )
        return worst(finding.exit_code for finding in found) or int(broken)
    for finding in found:
        _show(workspace, finding)
    if not wanted:
        output.line("no data is declared")
    return worst(finding.exit_code for finding in found) or int(broken)


def _wanted(workspace: Workspace, experiment: str, name: str) -> tuple[list[kept.Item], bool]:
    """What is asked for, and whether a broken metadata.yaml hides more."""
    found = kept.asked(workspace, experiment, Path.cwd())
    for problem in found.problems:
        output.note(f"error: {problem}")
    return kept.items(found.entries, name), bool(found.problems)


def _show(workspace: Workspace, finding: kept.Finding) -> None:
    path = workspace.layout.relative(finding.path)
    detail, cure = {
        "differs": (
            f"{path} has the sha256 {finding.found}, not {finding.item.source.sha256}",
            "mlws data pull",
        ),
        "missing": (f"{path} is not there", "mlws data pull"),
        "unpinned": ("no sha256 is declared", "declare it again: mlws data add"),
    }.get(finding.state, (path, ""))
    if finding.why is not None:
        detail, cure = finding.why.message, finding.why.cure
    item = finding.item
    output.line(f"{finding.state:<9} {item.experiment} {item.source.name}: {detail}")
    if cure:
        output.line(f"          -> {cure}")
