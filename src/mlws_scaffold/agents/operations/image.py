"""The image of a production agent: from its lock, with a version, a commit and what is shared.

Named build contexts would bring the workspace's `shared/` along, but builders before Docker 23 know
none. So the context is a folder made for the build: what git knows or would take of the agent, and
of `shared/`. That works everywhere, and nothing that git ignores (secrets, caches) reaches it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import shared
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import places
from mlws_scaffold.agents.operations.docker import Command
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import DEPLOYMENTS

# What of shared/ an image takes along; the Dockerfile copies the same two.
SHARED = (shared.TOOLS, "shared/prompts")
_TAG = re.compile(r"[a-z0-9][a-z0-9._/:-]*(:[\w][\w.-]{0,127})?")


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is called and says of itself. `files` are paths below the workspace's root."""

    tag: str
    version: str
    revision: str
    labels: Mapping[str, str]
    files: tuple[str, ...]


def production(found: Found) -> None:
    """Raise UsageError for a prototype: it has no containers."""
    if found.track != "production":
        name = found.folder.name
        cure = f"mlws agent serve {name}, or mlws-new agent {name} --from {name}"
        raise UsageError(f"{name} is a prototype: only production agents run in containers", cure)


def describe(place: Workspace, found: Found, tag: str = "") -> Image:
    """What an image of the agent as it lies here would be; the tag is NAME:VERSION unless given.

    The revision ends with `-dirty` when the agent or what it takes of `shared/` is not committed.
    """
    production(found)
    project = _project(found)
    version = str(project.get("version", ""))
    if not version:
        raise MlwsError(f"pyproject.toml of {found.folder.name} names no version", "add version")
    tag = tag or f"{found.folder.name}:{version.replace('+', '-')}"  # a tag knows no +
    if not _TAG.fullmatch(tag):
        raise UsageError(f"{tag!r} is no name of an image", "such as ghcr.io/acme/helper:1.2.0")
    git = Git(place.root)
    if git.toplevel() is None:
        raise MlwsError(
            "this workspace is not in git, so nothing says what an image holds", "git init"
        )
    inside = place.layout.relative(found.folder)
    parts = [part for part in (inside, *SHARED) if (place.root / part).exists()]
    revision = git.commit_of("HEAD") or "unknown"
    # Both tell of the agent, and are no part of it.
    mirror = f"{inside}/{DEPLOYMENTS}"
    recordings = place.layout.relative(places.recordings(found))
    above = git.run("rev-parse", "--show-prefix")
    if any(path.removeprefix(above) not in (mirror, recordings) for path in git.changed(*parts)):
        revision += "-dirty"
    listed = git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *parts)
    files = sorted({path for path in listed.split("\0") if path and path != mirror})
    labels = {
        "org.opencontainers.image.title": found.agent.name,
        "org.opencontainers.image.description": str(project.get("description", "")),
        "org.opencontainers.image.source": _source(git),
    }
    given = {name: text for name, text in labels.items() if text}
    return Image(tag, version, revision, given, tuple(files))


@contextlib.contextmanager
def context(place: Workspace, found: Found, image: Image) -> Iterator[Path]:
    """A folder with the agent's files and `shared/`, as the Dockerfile wants them; then gone."""
    inside = f"{place.layout.relative(found.folder)}/"
    with tempfile.TemporaryDirectory(prefix="mlws-build-") as name:
        target = Path(name)
        for part in SHARED:  # the Dockerfile copies both, even when the workspace has none
            (target / part).mkdir(parents=True)
        for path in image.files:
            source = place.root / path
            if not source.is_file():
                continue  # deleted and not committed, or a submodule
            copy = target / path.removeprefix(inside)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
        _open_to_all(target)
        yield target


def _open_to_all(folder: Path) -> None:
    """Let everybody read: a strict umask here would lock out the image's user."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def command(image: Image, folder: Path, more: tuple[str, ...] = ()) -> Command:
    """`docker build` of the context in `folder`; `more` are further options for it."""
    labels = [word for name, text in image.labels.items() for word in ("--label", f"{name}={text}")]
    words = (
        *("docker", "build", "--tag", image.tag),
        *("--build-arg", f"VERSION={image.version}", "--build-arg", f"REVISION={image.revision}"),
        *labels,
        *more,
        str(folder),
    )
    return Command(words, folder)


def shown(place: Workspace, found: Found, image: Image, more: tuple[str, ...] = ()) -> str:
    """The command as `--dry-run` tells it; the folder is made only for a real build."""
    here = sum((place.root / path).is_file() for path in image.files)
    inside = place.layout.relative(found.folder)
    what = f"# CONTEXT: a copy of {here} files of {inside} and {', '.join(SHARED)}"
    return f"{what}\n{command(image, Path('CONTEXT'), more).shown}"


def _project(found: Found) -> Mapping[str, object]:
    path = found.folder / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        raise MlwsError(f"{path} is missing", "mlws-new agent makes one") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MlwsError(f"{path} cannot be read: {error}") from None
    return project if isinstance(project, dict) else {}


def _source(git: Git) -> str:
    """Where the code is, as a page: the remote `origin` without user and password, else nothing."""
    url = git.setting("remote.origin.url").removesuffix(".git")
    if found := re.fullmatch(r"[\w.-]+@([\w.-]+):(.+)", url):
        return f"https://{found[1]}/{found[2].lstrip('/')}"
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http", "ssh") or not parts.hostname:
        return ""
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    return f"{scheme}://{parts.hostname}{port}{parts.path}"
