"""`mlws run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import output, place, reserving
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.experiments.run.stages import Request
    from mlws_scaffold.experiments.sweep.stages import Order

_REST = "mlws.rest"


class _WithRest(click.Command):
    """What stands behind -- belongs to train.py, also when no experiment is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            split = args.index("--")
            ctx.meta[_REST] = tuple(args[split + 1 :])
            args = args[:split]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGS...]"]


@click.command(
    cls=_WithRest,
    epilog="Example: mlws run medical-qa --set training.epochs=5 --seed 2 -- --resume; or mlws run"
    " medical-qa --sweep sweep.yaml --parallel 2",
)
@click.argument("experiment", default="", required=False)
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change the configuration.")
@click.option("--seed", type=int, help="Short for --set seed=N.")
@click.option("--config", default="config.yaml", metavar="FILE", help="Another configuration.")
@click.option("--on", "backend", default="", metavar="BACKEND", help="Where: local.")
@click.option("--gpus", type=click.IntRange(0), default=0, metavar="N", help="Reserve so many.")
@click.option("--force", is_flag=True, help="Repeat a run that was there before.")
@click.option("--detach", is_flag=True, help="Run a snapshot of the code in the background.")
@click.option("--push", is_flag=True, help="Push the run's commit, for others to reproduce it.")
@click.option("--sweep", default="", metavar="FILE", help="Run every point of a sweep file.")
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="So many points at a time.")
@click.option("--skip-existing", is_flag=True, help="Take points that were run before as done.")
@click.option("--dry-run", is_flag=True, help="Only list the points of the sweep.")
def run(
    experiment: str,
    sets: tuple[str, ...],
    seed: int | None,
    config: str,
    backend: str,
    gpus: int,
    force: bool,
    detach: bool,
    push: bool,
    sweep: str,
    parallel: int | None,
    skip_existing: bool,
    dry_run: bool,
) -> int:
    """Run an experiment's train.py and record it.

    EXPERIMENT is a folder, RESEARCHER/NAME or an id; without it the one around the current folder.
    What stands behind -- goes to train.py. Exits with the exit code of train.py, or with 1 when
    the same configuration, code, data and seed ran before. With --gpus (or [gpus] required) it sees
    reserved GPUs only: yours, or N until its end.

    With --sweep every point of the file is a run of its own below one parent run, all from one
    snapshot of the code. The same command goes on where a sweep was cut off, and tries again what
    failed. Exits with 1 when a point failed.
    """
    from mlws_scaffold.experiments import find
    from mlws_scaffold.experiments.run.stages import Request
    from mlws_scaffold.experiments.sweep.stages import Order

    here = place.workspace()
    request = Request(
        place=here,
        entry=find.experiment(here, experiment, Path.cwd()),
        config=config,
        sets=(*sets, *(() if seed is None else (f"seed={seed}",))),
        arguments=click.get_current_context().meta.get(_REST, ()),
        backend=backend or here.config.compute.default,
        force=force,
        push=push,
        say=output.note,
    )
    if sweep:
        if detach:
            raise UsageError("--detach starts a single run", "start the sweep in tmux or screen")
        return _sweep(Order(request, sweep, parallel or 1, skip_existing), gpus, dry=dry_run)
    if parallel or skip_existing or dry_run:
        raise UsageError("--parallel, --skip-existing and --dry-run belong to --sweep FILE")
    with reserving.granted(here, gpus, request.backend, detach=detach):
        return _single(request, detach=detach)


def _sweep(order: Order, gpus: int, *, dry: bool) -> int:
    from mlws_scaffold.cli.commands import run_sweep

    if dry:
        return run_sweep.preview(order)
    with reserving.granted(order.request.place, gpus, order.request.backend, detach=False):
        return run_sweep.run(order)


def _single(request: Request, *, detach: bool) -> int:
    from mlws_scaffold.experiments.run import workflow

    done = workflow.run(request, detached=detach)
    if done.state == "detached":
        output.line(f"run {done.run_id} goes on in the background; it writes to {done.log}")
    else:
        output.line(f"run {done.run_id} {done.state} after {done.seconds:.1f} s")
    return done.status
