"""`mlws model add`."""

from __future__ import annotations

from functools import partial

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import pulls


@click.command("add", epilog="Example: mlws model add ranker --from 3f2a91c0 --version v1.0.0")
@click.argument("name")
@click.option(
    "--from",
    "origin",
    required=True,
    metavar="RUN|FILE",
    help="A run (the beginning of its id is enough) that made a best_model, or a file or folder.",
)
@click.option("--version", default="", help="Of the weights (default: the registry's).")
@click.option("--licence", default="", metavar="LICENCE", help="Under which they may be used.")
@click.option("--dry-run", is_flag=True, help="Only say what would be kept, and where.")
def add(name: str, origin: str, version: str, licence: str, dry_run: bool) -> None:
    """Keep trained weights in [models] storage, and describe them in
    models/checkpoints/NAME/VERSION.yaml: uri, sha256, size in bytes, run, experiment, commit,
    licence, by, at. Commit that file.

    A run's weights are its artifact best_model, else what lies in outputs/ of its experiment and
    was made by it.
    """
    from mlws_scaffold.experiments import outputs
    from mlws_scaffold.models.weights import storing

    workspace = place.workspace()
    wish = storing.Wish(name, origin, version, licence)
    with pulls.of_files() as watch:
        done = storing.add(workspace, wish, partial(outputs.trained, workspace), watch, dry=dry_run)
    found, path = done.weights.manifest, workspace.layout.relative(done.path)
    word = "added" if done.new else "described already:"
    if dry_run:
        word = "would add" if done.new else word
    output.line(f"{word} {name} {done.weights.version}: {found.uri}")
    output.line(f"  {found.size} bytes, sha256 {found.sha256}")
    known = {"run": found.run, "experiment": found.experiment, "commit": found.commit}
    facts = [f"{what} {value}" for what, value in known.items() if value]
    output.line(f"  {', '.join(facts) or 'which run made them is not known'}")
    if done.new and not dry_run:
        output.line(f"  commit {path}")
