"""`mlws agent eval`."""

from __future__ import annotations

import os

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("case", "passed", "of", "needed", "score", "before", "before_score", "verdict", "why")


@click.command("eval", epilog="Example: mlws agent eval helper --record --model fake")
@click.argument("name")
@click.option("--record", is_flag=True, help="Keep the result as baseline.json, to be committed.")
@click.option(
    "--against",
    default="",
    metavar="FILE",
    help="Compare with a baseline; `baseline` means the agent's own.",
)
@click.option(
    "--model",
    default="",
    metavar="NAME",
    help="Another model than that of agent.yaml; `fake` echoes and needs no Ollama.",
)
@click.option(
    "--live/--recorded",
    "live",
    default=None,
    help="Ask now, or judge recordings.json. Default: live when the model server answers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(
    name: str, record: bool, against: str, model: str, live: bool | None, as_json: bool
) -> int:
    """Judge the behaviour of the agent NAME by its cases.yaml, as it is served.

    Answers given now are kept in recordings.json beside the cases, so that a pull request is judged
    without a model; what is kept of a committed agent is evidence for its commit. Exits with 1 when
    a case does not hold (with --against only when one became worse, with --record never for that),
    with 4 when it could not be judged: no model server, one that is busy or too slow, a recorded
    answer that is missing or out of date.

    JSON: agent, model, digest, fake, recorded, ok, score, evidence (why none was kept, or empty),
    written (paths), cases: [case, passed, of, needed, score, before, before_score, verdict, why].
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.evaluation import evaluate as evaluating
    from mlws_scaffold.agents.evaluation import report
    from mlws_scaffold.agents.evaluation.sources import Served
    from mlws_scaffold.models import hosts
    from mlws_scaffold.scaffold import bundle

    here = place.workspace()
    found = catalog.find(here.layout, name)
    server = bundle.folder() / "templates/agent/src/agent"
    served = Served(here.root, server, hosts.host_of(here, os.environ))
    wish = evaluating.Wish(model, live, record, against)
    outcome = evaluating.evaluate(here, found, served, wish, output.note)
    written = [here.layout.relative(path) for path in outcome.written]
    if as_json:
        output.json_document(
            {
                "agent": outcome.evaluation.agent,
                **report.summary(outcome.evaluation),
                "ok": outcome.ok,
                "evidence": outcome.why,
                "written": written,
            }
        )
        return int(not outcome.ok)
    for line in report.failed(outcome.evaluation):
        output.note(line)
    output.table(_COLUMNS, report.rows(outcome.evaluation), "no cases")
    output.line(report.verdict(outcome.evaluation))
    for path in written:
        output.line(f"written: {path}")
    if outcome.why:
        output.line(f"no evidence is kept: {outcome.why}")
    if record and not outcome.recorded:
        output.line("no baseline is recorded: a case became worse")
    return int(not outcome.ok)
