"""`mlws gpu status`."""

from __future__ import annotations

import time

import click

from mlws_scaffold.cli import output, place


@click.command(epilog="Example: mlws gpu status --watch")
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(watch: bool, as_json: bool) -> int:
    """Show each GPU of this machine on a line, what works on it, and who has it until when.

    JSON: gpus (host, index, uuid, name, busy, utilisation in percent, memory_used and memory_total
    in bytes, temperature in degrees, power in watts, mig, processes (pid, user, memory),
    reservation), notices, trouble (kind, detail, cure). Unknown is null.
    """
    from mlws_scaffold.gpus import reporting

    here = place.workspace()
    while True:
        seen = reporting.report(here)
        if as_json:
            output.json_document(seen.shape())
        else:
            for line in seen.lines():
                output.line(line)
        if not watch:
            return 0
        time.sleep(2)
