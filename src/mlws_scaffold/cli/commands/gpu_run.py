"""`mlws gpu run`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: mlws gpu run --gpus 1 -- python train.py",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--gpus", "count", type=click.IntRange(0), default=0, help="So many (default: mine).")
@click.option("--min-memory", default="", metavar="SIZE", help="At least, such as 40GB.")
@click.option("--for", "span", default="4h", metavar="SPAN", help="Planned; goes on if it can.")
@click.option("--purpose", default="", help="What for; others see it.")
@click.option("--lease", type=click.IntRange(4), default=90, help="Seconds kept after a kill -9.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
def run(
    command: tuple[str, ...],
    count: int,
    min_memory: str,
    span: str,
    purpose: str,
    lease: int,
    researcher: str,
) -> int:
    """Run COMMAND so that it sees the reserved GPUs and no others, in PCI order.

    Your reservation on this machine is used; otherwise --gpus N takes one while the command lives.
    Exits with the command's exit status. This keeps nobody out who sets the variable themselves.
    """
    from mlws_scaffold.gpus import looking
    from mlws_scaffold.gpus.reservations import holding, opening, times

    here = place.workspace()
    need = holding.Need(
        here,
        researcher,
        count,
        opening.size(min_memory) if min_memory else 0,
        times.span(span),
        purpose or " ".join(command)[:80],
        lease=lease,
    )
    seen = [sight.gpu for sight in looking.look(here.config)[0]]
    return holding.run(need, command, seen, output.note)
