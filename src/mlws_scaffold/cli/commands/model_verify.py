"""`mlws model verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import worst

if TYPE_CHECKING:
    from mlws_scaffold.models.weights.fetching import Finding
    from mlws_scaffold.workspace.layout import Layout


@click.command("verify", epilog="Example: mlws model verify ranker --json")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Hash weights again: of the named models, or of all. Ends with 1 when some differ, with 4 when
    some are not there. What was never pulled is judged in the storage, where that is a folder.

    JSON: a list of name, version, state (ok, differs, missing, failed), path, uri, sha256
    (described), found (of what lies there, when it differs), detail.
    """
    from mlws_scaffold.models.weights import fetching, manifest

    workspace = place.workspace()
    known = manifest.select(workspace.layout, names)
    found = list(fetching.verify(workspace, known.weights))
    for problem in known.problems:
        output.note(f"error: {problem}")
    if as_json:
        output.json_document([_document(workspace.layout, finding) for finding in found])
    else:
        for finding in found:
            _show(workspace.layout, finding)
        if not found and not known.problems:
            output.line("no weights are described")
    codes = [finding.exit_code for finding in found]
    return worst([*codes, *(1 for _ in known.problems)])


def _document(layout: Layout, finding: Finding) -> dict[str, object]:
    weights = finding.weights
    return {
        "name": weights.key,
        "version": weights.version,
        "state": finding.state,
        "path": layout.relative(finding.path),
        "uri": weights.manifest.uri,
        "sha256": weights.manifest.sha256,
        "found": finding.found or None,
        "detail": finding.why.message if finding.why else "",
    }


def _show(layout: Layout, finding: Finding) -> None:
    path, weights = layout.relative(finding.path), finding.weights
    pull = f"mlws model pull {weights.key} --version {weights.version}"
    restore = "restore it there, from where it was pulled"
    detail, cure = {
        "differs": (
            f"{path} has the sha256 {finding.found}, not {weights.manifest.sha256}",
            pull if finding.path == weights.path else restore,
        ),
        "missing": (f"{path} is not there", pull),
    }.get(finding.state, (path, ""))
    if finding.why is not None:
        detail, cure = finding.why.message, finding.why.cure
    output.line(f"{finding.state:<8} {weights.key} {weights.version}: {detail}")
    if cure:
        output.line(f"         -> {cure}")
