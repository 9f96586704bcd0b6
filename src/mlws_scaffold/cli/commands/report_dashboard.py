"""`mlws report dashboard`."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("dashboard", epilog="Example: mlws report dashboard --output /tmp/team.html --serve")
@click.option("--output", "target", type=_FILE, help="Default: docs/experiment-dashboard.html.")
@click.option(
    "--since", default="30d", metavar="WHEN", help="Where costs and runs begin: 30d, 12h."
)
@click.option("--snapshot", type=_FILE, help="Show this file of `mlws report snapshot` instead.")
@click.option("--serve", is_flag=True, help="Show it at an address of this machine, until Ctrl-C.")
@click.option("--port", default=0, metavar="PORT", help="Of --serve; 0 takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def dashboard(
    target: Path | None, since: str, snapshot: Path | None, serve: bool, port: int, as_json: bool
) -> int:
    """Write the team's page: one HTML file that needs no server and asks none.

    It shows experiments, what needs attention, models, agents, reserved GPUs, costs and knowledge
    as they are in one snapshot. Whatever cannot be measured says why. The file may show internal
    work: git ignores it unless the workspace's answers say otherwise.

    JSON: {path, bytes, changed (false: the file was the same already), not_measured: {section:
    why}}.
    """
    from mlws_scaffold.team.dashboard import making

    here = place.workspace()
    made = making.make(here, making.Wish(target, since, snapshot))
    if as_json:
        output.json_document(made.shape())
    else:
        output.line(f"{made.path}: {made.bytes / 1000:.0f} kB")
        for name, why in made.not_measured.items():
            output.note(f"{name}: {why}")
    if serve:
        from mlws_scaffold.team.dashboard import serving

        serving.serve(made.path, port, output.note)
    return 0
