"""From a version to its commit: the tag of a release, or the work tree when it is committed."""

from __future__ import annotations

import tomllib

from mlws_scaffold.adapters import process
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import evidence
from mlws_scaffold.agents.evaluation import places
from mlws_scaffold.agents.operations import image
from mlws_scaffold.agents.targets.target import Release, Site, Wish
from mlws_scaffold.errors import MlwsError, UsageError

_SECONDS = 120.0


def tag(name: str, version: str) -> str:
    """The tag that a release of an agent gets."""
    return f"agents/{name}/v{version}"


def find(site: Site, wish: Wish) -> Release:
    """The version with its commit; its digest is that of the agent's tree.

    Without a version: what lies here. Raises MlwsError unless that is committed, UsageError for a
    version that no tag knows.
    """
    image.production(site.found)
    git = Git(site.place.root)
    here = image.describe(site.place, site.found).version
    wanted = wish.version.removeprefix("v")
    if wanted and (tagged := git.commit_of(tag(site.name, wanted))) is not None:
        commit, version = tagged, _version(site, git, tagged)
        if version != wanted:
            raise MlwsError(f"{tag(site.name, wanted)} holds version {version}", "tag it anew")
    elif wanted and wanted != here:
        raise UsageError(
            f"{site.name} has no version {wanted}: there is no tag {tag(site.name, wanted)}",
            f"git tag --list '{tag(site.name, '*')}'; the version here is {here}",
        )
    else:
        version = here
        commit, why = evidence.commit_of(site.place, site.found, [places.recordings(site.found)])
        if not commit:
            raise MlwsError(f"{site.name} {here} cannot be deployed: {why}", "commit it first")
    inside = site.place.layout.relative(site.found.folder)
    tree = git.run("rev-parse", f"{commit}:./{inside}")
    return Release(version, commit, f"git:{tree}", model=site.found.agent.model)


def pushed(site: Site, image: str) -> str:
    """The digest that a registry has of an image; docker asks, as it knows the login.

    Empty without docker. Raises MlwsError when the registry does not have it.
    """
    if process.find("docker") is None:
        site.say("without docker the registry is not asked for a digest: the tag is used")
        return ""
    words = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    done = process.run(words, site.place.root, timeout=_SECONDS)
    if done.status:
        cure = "the workflow deploy-production pushes it; or docker login"
        raise MlwsError(f"{image} is not in the registry: {done.said}", cure)
    return done.output.strip()


def _version(site: Site, git: Git, commit: str) -> str:
    inside = site.place.layout.relative(site.found.folder)
    text = git.run("show", f"{commit}:./{inside}/pyproject.toml")
    return str(tomllib.loads(text).get("project", {}).get("version", ""))
