"""What a release tag says, and whether all that it must agree with does."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.config import Stage, Workspace

_TAG = re.compile(r"agents/([a-z0-9-]+)/v(\d+\.\d+\.\d+)")
_REGISTRY = re.compile(r"[a-z0-9][a-z0-9.:-]*(/[a-z0-9][a-z0-9._-]*)*")
_HOSTED = "ubuntu-latest"


@dataclass(frozen=True, slots=True)
class Tagged:
    """A release: its image by name and tag, the registry's host (empty: none is configured), and
    the label of the runner that deploys to each environment (empty: mlws.toml names no target).
    """

    agent: str
    version: str
    folder: str
    image: str
    registry: str
    staging: str
    production: str


def read(place: Workspace, tag: str) -> Tagged:
    """Judge a tag against the work tree, which has to be its commit.

    Raises UsageError for a text that is no release tag, MlwsError when version, lock, main branch
    or mlws.toml say otherwise.
    """
    match = _TAG.fullmatch(tag.removeprefix("refs/tags/"))
    if match is None or names.problem_with_name(match[1]):
        raise UsageError(f"{tag!r} is no release tag", "write it as agents/NAME/vX.Y.Z")
    name, version = match.groups()
    folder = place.layout.agent(name)
    _agree(place, tag, folder, version)
    registry = _registry(place)
    deploy = place.config.deploy
    staging, production = _runner(deploy.staging), _runner(deploy.production)
    if production and not staging:
        raise MlwsError(
            "mlws.toml has [deploy.production] and no [deploy.staging]: staging comes first",
            'add [deploy.staging] with its own host = "ssh://…" (or context, or runner)',
        )
    return Tagged(
        name,
        version,
        place.layout.relative(folder),
        f"{registry}/{name}:{version}" if registry else f"{name}:{version}",
        registry.partition("/")[0],
        staging,
        production,
    )


def _agree(place: Workspace, tag: str, folder: Path, version: str) -> None:
    """Raise MlwsError unless the work tree is what the tag says, on the main branch."""
    inside = place.layout.relative(folder)
    project = folder / "pyproject.toml"
    if not project.is_file():
        raise MlwsError(f"{tag}: there is no {inside}/pyproject.toml here", "git switch to the tag")
    try:
        declared = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    except (KeyError, TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise MlwsError(f"{inside}/pyproject.toml names no version", "add version") from None
    if declared != version:
        cure = f"mlws agent release {folder.name}, and tag what it committed"
        raise MlwsError(f"{tag}: {inside}/pyproject.toml says version {declared}", cure)
    git = Git(place.root)
    lock = f"{inside}/uv.lock"
    if lock not in git.tracked(lock):
        raise MlwsError(f"{tag}: {lock} is not committed", f"uv lock --project {inside}, commit it")
    branch = place.config.workspace.default_branch
    known = [ref for ref in (f"origin/{branch}", branch) if git.commit_of(ref)]
    if not known:
        raise MlwsError(f"no branch {branch} is known here", "fetch the whole history")
    if not git.ok("merge-base", "--is-ancestor", "HEAD", known[0]):
        raise MlwsError(f"{tag}: the commit is not on {branch}", f"merge it into {branch} first")


def _registry(place: Workspace) -> str:
    registry = place.config.deploy.registry
    if registry and not _REGISTRY.fullmatch(registry):
        raise MlwsError(f"mlws.toml: [deploy] registry: {registry!r}", "write it as ghcr.io/acme")
    return registry


def _runner(stage: Stage) -> str:
    """The label of the runner; empty when nothing says where to deploy."""
    named = stage.host or stage.context or stage.runner
    return (stage.runner or _HOSTED) if named else ""
