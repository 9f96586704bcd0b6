"""`mlws model promote`; brings together the rooms that its gates need."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.cli.commands import model_moves
from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models.benchmark import latest
from mlws_scaffold.models.lifecycle import promote as promoting
from mlws_scaffold.models.lifecycle.expectations import Reply
from mlws_scaffold.models.lifecycle.stages import Agent, Request, Tools
from mlws_scaffold.models.lifecycle.trials import NoAnswer
from mlws_scaffold.workspace.config import Workspace


@click.command(epilog="Example: mlws model promote assistant --to testing --dry-run")
@click.argument("name")
@click.option(
    "--to",
    "status",
    required=True,
    metavar="STATUS",
    help="testing, staging, production or deprecated; development to begin again.",
)
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Ask the gates, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def promote(name: str, status: str, reason: str, researcher: str, dry: bool, as_json: bool) -> int:
    """Move a model one step further, when every gate of that step lets it pass.

    testing: its unit cases (models/tests/NAME.yaml). staging: integration cases through the agents
    that use it, a benchmark, and not worse than what is live; writes the model card. production:
    owners, lint, lock, fresh benchmark, enough cases, a filled card, all committed; what is live is
    kept as NAME:VERSION before NAME:production moves, each verified by digest. Exit 1 and nothing
    changed when a gate fails, 4 when a server could not be asked.

    JSON: model, version, from, to, host, ok, dry_run, gates (name, result, seconds, evidence,
    output), changes, error.
    """
    here = place.workspace()
    request = Request(
        place=here,
        environment=os.environ,
        key=name,
        to=status,
        reason=reason,
        researcher=researcher,
        dry=dry,
        watch=output.note,
    )
    return model_moves.show(promoting.promote(request, _tools(here)), as_json)


def _tools(here: Workspace) -> Tools:
    return Tools(
        agents=lambda key: _agents(here, key),
        benchmark=latest,
        serve=lambda agent, host, model: _served(here, agent, host, model),
    )


def _agents(here: Workspace, key: str) -> list[str]:
    """The folders of the agents that name the model. Raises InvalidFile: one may hide it."""
    from mlws_scaffold.agents import catalog

    found, problems = catalog.every(here.layout)
    if problems:
        raise InvalidFile(problems)
    return [here.layout.relative(one.folder) for one in found if one.agent.model == key]


@contextlib.contextmanager
def _served(here: Workspace, agent: str, host: str, model: str) -> Iterator[Agent]:
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.serving import asking
    from mlws_scaffold.scaffold import bundle

    found = catalog.find(here.layout, agent)
    server = bundle.folder() / "templates/agent/src/agent"
    with asking.served(here.root, found, server, model, host) as ask:

        def answer(messages: Sequence[Mapping[str, str]], seed: int) -> Reply:
            said = ask(messages, seed)
            if said.failure:
                raise NoAnswer(said.failure)
            return Reply(said.text, said.seconds)

        yield answer
