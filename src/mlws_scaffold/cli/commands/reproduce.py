"""`mlws reproduce`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import metering, output, place


@click.command(epilog="Example: mlws reproduce 3f2a91c0 --tolerance 0.001")
@click.argument("run")
@click.option("--here", is_flag=True, help="Use the installed environment, whatever its lock.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.01,
    show_default=True,
    help="How far a metric may be off, as a share of the larger value.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def reproduce(run: str, here: bool, tolerance: float, as_json: bool) -> int:
    """Repeat a recorded run from its own commit, and compare the metrics.

    RUN is an id of mlws experiment runs, or its beginning. The code comes from the commit that was
    pinned for the run, uncommitted changes included; your tree is not touched. Exits with 1 when a
    metric differs by more than the tolerance, or when the command fails.

    JSON: run, by, status, verdict (equal, within tolerance, different), metrics: [name, recorded,
    now, verdict], left_aside.
    """
    from mlws_scaffold.experiments.run import reproduction

    workspace = place.workspace()
    with output.for_json(as_json):
        done = reproduction.reproduce(
            workspace,
            run,
            here=here,
            tolerance=tolerance,
            say=output.note,
            meter=metering.meter(workspace, output.note),
        )
    rows = [
        {
            "name": metric.name,
            "recorded": metric.recorded,
            "now": metric.now,
            "verdict": metric.verdict,
        }
        for metric in done.metrics
    ]
    if as_json:
        output.json_document(
            {
                "run": done.original.run_id,
                "by": done.run_id,
                "status": done.status,
                "verdict": done.verdict,
                "metrics": rows,
                "left_aside": done.left_aside,
            }
        )
    else:
        output.table(("name", "recorded", "now", "verdict"), rows, "no metrics to compare")
        if done.left_aside:
            output.line(f"not compared, they measure the machine: {', '.join(done.left_aside)}")
        if done.status:
            output.line(f"the command ended with {done.status}")
        output.line(f"run {done.original.run_id} by run {done.run_id}: {done.verdict}")
    return 1 if done.verdict == "different" else 0
