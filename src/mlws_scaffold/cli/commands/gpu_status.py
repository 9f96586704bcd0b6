"""`mlws gpu status`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from mlws_scaffold.cli import boundary, output, place

if TYPE_CHECKING:
    from mlws_scaffold.workspace.config import Workspace


@click.command(epilog="Example: mlws gpu status --host gpu1 --watch")
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@click.option("--host", "hosts", multiple=True, metavar="H", help="Of [gpus.hosts], or all.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(watch: bool, hosts: tuple[str, ...], as_json: bool) -> int:
    """Show each GPU of this machine on a line, what works on it, and who has it until when.

    With --host it shows other machines, asked over ssh at the same time; exits with 4 when one of
    them does not answer. Slurm's own reservations are shown where its commands are.

    JSON: gpus (host, index, uuid, name, busy, utilisation in percent, memory_used and memory_total
    in bytes, temperature in degrees, power in watts, mig, processes (pid, user, memory),
    reservation), notices, trouble (kind, detail, cure), slurm (as in mlws gpu list). Unknown is
    null. With --host: hosts, a list of host, failed (why, or null) and the same.
    """
    here = place.workspace()
    while True:
        code = _others(here, hosts, as_json=as_json) if hosts else _own(here, as_json=as_json)
        if not watch:
            return code
        time.sleep(2)


def _own(here: Workspace, *, as_json: bool) -> int:
    from mlws_scaffold.errors import Unavailable
    from mlws_scaffold.gpus import reporting, slurm
    from mlws_scaffold.gpus.reservations import times

    seen = reporting.report(here)
    try:
        booked = slurm.reservations(here.config)
    except Unavailable as error:
        output.note(error.message)
        booked = []
    if as_json:
        output.json_document({**seen.shape(), "slurm": [item.shape(seen.now) for item in booked]})
        return 0
    for line in seen.lines():
        output.line(line)
    for item in booked:
        span = f"{times.when(item.begins)} to {times.when(item.ends)}"
        output.line(f"Slurm: {item.name} | {item.what} | {item.users or 'nobody'} | {span}")
    return 0


def _others(here: Workspace, hosts: tuple[str, ...], *, as_json: bool) -> int:
    from mlws_scaffold.gpus import hosts as far

    answers = far.ask(here, far.chosen(here, hosts))
    if as_json:
        output.json_document({"hosts": [answer.shape() for answer in answers]})
    for answer in () if as_json else answers:
        output.line(f"{answer.name}:" + (f" not known: {answer.failed}" if answer.failed else ""))
        for line in answer.report.lines() if answer.report else ():
            output.line(f"  {line}")
    return boundary.UNJUDGED if any(answer.failed for answer in answers) else 0
