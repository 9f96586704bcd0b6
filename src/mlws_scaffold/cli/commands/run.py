"""`mlws run`."""

from __future__ import annotations

from typing import Any

import click

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
@click.option("--on", "backend", default="", metavar="BACKEND", help="local, slurm, kubernetes.")
@click.option("--gpus", type=click.IntRange(0), default=0, metavar="N", help="So many GPUs.")
@click.option("--ask", "asks", multiple=True, metavar="KEY=VALUE", help="Of a scheduler: time=4h.")
@click.option("--cancel", default="", metavar="RUN", help="End a run that was handed over.")
@click.option("--force", is_flag=True, help="Repeat a run that was there before.")
@click.option("--detach", is_flag=True, help="Hand a snapshot of the code over, and return.")
@click.option("--push", is_flag=True, help="Push the run's commit, for others to reproduce it.")
@click.option("--sweep", default="", metavar="FILE", help="Run every point of a sweep file.")
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="So many points at a time.")
@click.option("--skip-existing", is_flag=True, help="Take points that were run before as done.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
def run(**given: Any) -> int:
    """Run an experiment's train.py and record it.

    EXPERIMENT is a folder, RESEARCHER/NAME or an id; without it the one around the current folder.
    What stands behind -- goes to train.py. Exits with the exit code of train.py, or with 1 when
    the same configuration, code, data and seed ran before. With --gpus (or [gpus] required) it sees
    reserved GPUs only: yours, or N until its end.

    With --sweep every point of the file is a run of its own below one parent run, all from one
    snapshot of the code. The same command goes on where a sweep was cut off, and tries again what
    failed. Exits with 1 when a point failed.

    With --on slurm or kubernetes a snapshot of the code is handed to that scheduler, a sweep as one
    array, and what it says is shown here; Ctrl-C and --detach leave it alone. --ask (partition,
    account, time, memory, gres, gpus, queue, image, gpu; for Slurm any option of sbatch) wins over
    [compute] in mlws.toml. --dry-run prints what would be handed over. --cancel ends such a run,
    or the open points of a sweep.
    """
    from mlws_scaffold.cli import running

    rest = click.get_current_context().meta.get(_REST, ())
    return running.run(running.Asked(arguments=rest, **given))
