"""`mlws ci read-tag`, `smoke-image`, `verify-image`, `mirror-deployments`: a release's way."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import Problem, UsageError
from mlws_scaffold.workspace.layout import CONFIG

_RUNNERS = ("staging", "production")


@click.command(epilog="Example: mlws ci read-tag agents/helper/v1.2.0 --json")
@click.argument("tag")
@click.option("--github", is_flag=True, help="Print lines for the file $GITHUB_OUTPUT.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def read_tag(tag: str, github: bool, as_json: bool) -> int:
    """Say what the release TAG is, when all that it must agree with does.

    The work tree has to be its commit: the version in pyproject.toml, a committed uv.lock, a commit
    of the main branch, and in mlws.toml a staging beside production.

    JSON: agent, version, folder, image, registry (its host, or empty), staging, production (labels
    of the runners that deploy there; empty where mlws.toml names no target). With --github the two
    are lists for runs-on, or empty, and what is missing is a warning on the run's page.
    """
    from mlws_scaffold.agents.delivery import tags

    if as_json and github:
        raise UsageError("--json and --github exclude each other", "choose one")
    found = dataclasses.asdict(tags.read(place.workspace(), tag))
    if as_json:
        output.json_document(found)
        return 0
    for missing, what in (("registry", "pushed"), ("staging", "deployed")):
        if github and not found[missing]:
            text = (
                f"names no {missing} to deploy with: the image is built and asked, but not {what}"
            )
            output.note(output.annotated(Problem(CONFIG, text), "deploy", "warning"))
            break
    for name, value in found.items():
        listed = json.dumps([value]) if github and name in _RUNNERS and value else value
        output.line(f"{name}={listed}")
    return 0


@click.command(epilog="Example: mlws ci smoke-image helper --image helper:ci")
@click.argument("name")
@click.option("--image", required=True, metavar="TAG", help="What `mlws agent build` made.")
def smoke_image(name: str, image: str) -> int:
    """Run an image of the agent NAME with an echo for a model, and ask it from outside.

    Exits with 1 when a step of the agent's smoke test fails or another version answers, with 4
    without docker. The container is gone afterwards.
    """
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.delivery import images
    from mlws_scaffold.agents.operations.image import production

    here = place.workspace()
    found = catalog.find(here.layout, name)
    production(found)
    return images.smoke_image(here, found, image, output.note)


@click.command(epilog="Example: mlws ci verify-image ghcr.io/acme/helper:1.2.0 --digest sha256:…")
@click.argument("image")
@click.option("--digest", required=True, metavar="DIGEST", help="What the registry said on push.")
@click.option("--provenance", is_flag=True, help="Ask GitHub's attestation too.")
def verify_image(image: str, digest: str, provenance: bool) -> int:
    """Say whether the registry holds DIGEST under IMAGE, signed by this workflow run's tag.

    Exits with 1 when it does not, with 4 when the registry or a tool is away.
    """
    from mlws_scaffold.agents.delivery import images

    images.verify(place.root(), image, digest, provenance=provenance)
    output.line(f"{image} is {digest}, and attested")
    return 0


@click.command(epilog="Example: mlws ci mirror-deployments helper /tmp/deployments")
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def mirror_deployments(name: str, folder: Path) -> int:
    """Add to deployments.jsonl of the agent NAME what the files of that name below FOLDER have."""
    from mlws_scaffold.agents import catalog
    from mlws_scaffold.agents.delivery import mirroring
    from mlws_scaffold.agents.targets.target import Site

    here = place.workspace()
    found = catalog.find(here.layout, name)
    at = Site(here, found, "production", os.environ, output.note)
    output.line(f"{name}: {mirroring.mirror(at, folder)} records added")
    return 0
