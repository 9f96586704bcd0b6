"""`mlws trace`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from mlws_scaffold.agents import catalog, trace
from mlws_scaffold.agents.trace import Link, ModelFacts, RunFacts, Sources
from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace


@click.command("trace", epilog="Example: mlws trace agents/production/helper")
@click.argument("thing")
@click.option("--json", "as_json", is_flag=True, help="Print the chain as JSON.")
def trace_thing(thing: str, as_json: bool) -> int:
    """Show where an agent came from, or what became of a run.

    THING is an agent (its name or folder) or the id of a run, or the beginning of one. Exits with 1
    when a link of the chain cannot be followed.

    JSON: a list of kind (agent, prototype, model, experiment, run, commit, data), name, facts,
    missing (why it could not be followed).
    """
    here = place.workspace()
    sources = _sources(here)
    chain = _chain(here, thing, sources)
    if as_json:
        output.json_document([dataclasses.asdict(link) for link in chain])
    else:
        for link in chain:
            output.line(_shown(link))
    return int(any(link.missing for link in chain))


def _chain(here: Workspace, thing: str, sources: Sources) -> list[Link]:
    names = {folder.name for folder, _ in catalog.folders(here.layout)}
    folder = here.layout.relative((Path.cwd() / thing).resolve())
    for asked in (thing, folder):
        if asked.rstrip("/") in names or asked.startswith("agents/"):
            return trace.of_agent(here, catalog.find(here.layout, asked), sources)
    found = sources.run(thing)
    if isinstance(found, str):
        cure = "name an agent (mlws agent list) or a run (mlws experiment runs)"
        raise UsageError(f"{thing!r} is neither an agent nor a run: {found}", cure)
    return trace.of_run(here, found, sources)


def _sources(here: Workspace) -> Sources:
    from mlws_scaffold.models import registry

    def model(key: str) -> ModelFacts | str:
        found = registry.load(here.layout).models.get(key)
        if found is None:
            return "it is not in models/registry.yaml"
        live = found.live
        if live is not None:
            return ModelFacts("production", live.version, live.digest or "")
        return ModelFacts(found.status, str(found.version or ""), found.digest or "")

    def run(text: str) -> RunFacts | str:
        from mlws_scaffold.experiments.run import reproduction

        try:
            found = reproduction.find(here, text)
        except MlwsError as error:
            return error.message
        prefix, suffix = "mlws.data.", ".sha256"
        tags = found.tags
        return RunFacts(
            run_id=found.run_id,
            experiment_id=tags.get("mlws.experiment_id", ""),
            folder=tags.get("mlws.folder", ""),
            commit=tags.get("mlws.git.snapshot") or tags.get("mlws.git.commit", ""),
            who=tags.get("mlws.researcher", ""),
            metrics=found.metrics,
            data={
                key.removeprefix(prefix).removesuffix(suffix): value
                for key, value in tags.items()
                if key.startswith(prefix)
            },
        )

    return Sources(model, run)


def _shown(link: Link) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in link.facts.items())
    said = f"not followed: {link.missing}" if link.missing else ""
    return f"{link.kind:<10}  {'  '.join(part for part in (link.name, facts, said) if part)}"
