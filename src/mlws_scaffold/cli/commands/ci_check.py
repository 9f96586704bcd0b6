"""`mlws ci check` and `mlws ci test-experiments`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws ci check --base origin/develop")
@click.option("--base", default="", metavar="REF", help="Only what changed since leaving REF.")
@click.option("--online", is_flag=True, help="Also ask the package index and MLflow.")
def check(base: str, online: bool) -> int:
    """Do what `mlws check --format github` does, and add a table to $GITHUB_STEP_SUMMARY.

    Exits with 1 when a check says no.
    """
    from mlws_scaffold.checks import summary
    from mlws_scaffold.checks.run import run
    from mlws_scaffold.checks.target import Scope
    from mlws_scaffold.cli.commands.check import annotate

    report = run(place.root_if_any(), Path.cwd(), (), Scope(False, base, online))
    annotate(report)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        summary.append(report, Path(path))
    return 1 if report.failed else 0


@click.command(epilog="Example: mlws ci test-experiments --base origin/develop")
@click.option("--base", required=True, metavar="REF", help="As changed-experiments takes it.")
def test_experiments(base: str) -> int:
    """Run pytest for the active experiments that changed since HEAD left REF.

    Those with an environment of their own are installed from their lock and tested in it. One
    without tests is named and does not fail. Exits with 1 when tests fail.
    """
    from mlws_scaffold.checks import changed
    from mlws_scaffold.experiments import testing

    root = place.root()
    found = changed.experiments(root, base)
    shared = [one.folder for one in found.projects if not one.isolated]
    isolated = [one.folder for one in found.projects if one.isolated]
    if found.why:
        output.note(f"all of them: {found.why}")
    results = list(testing.run(root, shared, isolated, output.note))
    for one in results:
        word = "no tests were found" if one.result == "none" else one.result
        output.line(f"{', '.join(one.folders)}: {word}")
    if not results:
        output.line("no experiments changed")
    return int(any(one.result == "failed" for one in results))
