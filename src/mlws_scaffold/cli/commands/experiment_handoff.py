"""`mlws experiment handoff`."""

from __future__ import annotations

from pathlib import Path

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.life import handoff as handing
from mlws_scaffold.experiments.life.handoff import Evidence, Handoff


@click.command(epilog="Example: mlws experiment handoff chunking --to mike")
@click.argument("text", metavar="EXPERIMENT")
@click.option("--to", default="", metavar="HANDLE", help="Who takes it over.")
@click.option("--accept", "accepting", is_flag=True, help="Take it over: you are the receiver.")
@click.option("--reproduced", default="", metavar="RUN", help="Your run that repeats the result.")
@click.option("--not-reproduced", default="", metavar="WHY", help="Why you did not repeat it.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Print HANDOFF.md, write nothing.")
def handoff(
    text: str,
    to: str,
    accepting: bool,
    reproduced: str,
    not_reproduced: str,
    researcher: str,
    dry: bool,
) -> None:
    """Hand an experiment over, or accept one.

    With --to: writes HANDOFF.md with all that can be measured, and marks what you have to write.
    With --accept and --reproduced or --not-reproduced: the receiver, once no mark is left, records
    the acceptance and becomes `owner`. EXPERIMENT is a folder, RESEARCHER/NAME or an experiment_id.
    """
    if accepting == bool(to):
        raise UsageError("say --to HANDLE, or --accept", "one of the two")
    if to and (reproduced or not_reproduced):
        raise UsageError("--reproduced and --not-reproduced belong to --accept")
    here = place.workspace()
    entry = find.experiment(here, text, Path.cwd())
    if accepting:
        evidence = Evidence(reproduced, not_reproduced)
        done = handing.accept(here, entry, evidence, researcher=researcher, dry=dry)
    else:
        done = handing.write(here, entry, to, researcher=researcher, dry=dry)
    _report(done, accepting, dry)


def _report(done: Handoff, accepting: bool, dry: bool) -> None:
    for remark in done.remarks:
        output.note(f"note: {remark}")
    if dry:
        output.line(done.text.rstrip("\n"))
    elif accepting:
        output.line(f"accepted: {done.path}, and `owner` in metadata.yaml")
        output.line("next: git commit")
    else:
        output.line(f"wrote {done.path}")
        output.line("next: answer what is marked <!-- mlws:fill … -->, delete the marks, commit")
