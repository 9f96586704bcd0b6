"""The versions a template offers, read from the tags of its repository without cloning it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from packaging.version import InvalidVersion, Version

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, Unavailable, did_you_mean
from mlws_scaffold.scaffold.projects import Project

SECONDS = 120.0

# What Copier takes for a git address whatever lies on disk; any other text must be a work tree.
_ADDRESS = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_DESCRIBED = re.compile(r"(.+)-(\d+)-g[0-9a-f]{4,64}")
_HASH = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Release:
    """A tag of the template and the commit it names."""

    tag: str
    commit: str


def is_path(source: str) -> bool:
    """Whether a recorded source lies on a disk rather than behind an address."""
    return ":" not in source


def is_address(source: str) -> bool:
    """Whether Copier hands this source to git as it is."""
    return not is_path(source) and (
        source.endswith(".git") or source.startswith((*_ADDRESS, *_SHORT))
    )


def place(source: str) -> str:
    """What git understands for a source: an address, or an absolute path."""
    if is_path(source):
        return str(Path(source).expanduser().absolute())
    source = source.removeprefix("git+")
    for short, host in _SHORT.items():
        if source.startswith(short):
            source = host + source.removeprefix(short).removeprefix("/")
    hosted = source.startswith(tuple(_SHORT.values()))
    return f"{source}.git" if hosted and not source.endswith(".git") else source


def adopted(project: Project, where: str) -> str:
    """The source that the answers file records afterwards: the same, or a first one."""
    return project.source or where


def offered(git: Git, where: str) -> dict[str, str]:
    """Tags that are versions (PEP 440), each with its commit. Raises Unavailable."""
    asked = _tags(git, where)
    if asked.returncode:
        said = (asked.stderr.strip().splitlines() or ["no answer"])[0]
        raise Unavailable(
            f"the template's versions cannot be read from {where}: {said}",
            "check the address and the network, or name a local clone of it: --origin FOLDER",
        )
    commits: dict[str, str] = {}
    for row in asked.stdout.splitlines():
        commit, _, reference = row.partition("\t")
        # `^{}` follows an annotated tag and names the commit that the tag stands for.
        tag = reference.removeprefix("refs/tags/").removesuffix("^{}")
        if commit and _parsed(tag) is not None:
            commits[tag] = commit
    return commits


def _tags(git: Git, where: str) -> CompletedProcess[str]:
    """Tags as `git ls-remote` prints them; in a folder without the server that it would start."""
    folder = Path(where)
    if (folder / ".git").exists() or (folder / "HEAD").is_file():
        rows = "%(objectname)%09%(refname)%0a%(*objectname)%09%(refname)^{}"
        return Git(folder).attempt("for-each-ref", f"--format={rows}", "refs/tags")
    return git.attempt("ls-remote", "--tags", "--", where, timeout=SECONDS)


def chosen(commits: Mapping[str, str], wanted: str | None, where: str) -> Release:
    """The wanted tag (with or without its `v`), or the newest final release."""
    if wanted is not None:
        for tag in (wanted, f"v{wanted}"):
            if tag in commits:
                return Release(tag, commits[tag])
        known = did_you_mean(wanted, commits) if commits else "it has no version tag at all"
        raise MlwsError(f"the template at {where} has no version {wanted}", known)
    final = [
        (version, tag) for tag in commits if (version := _parsed(tag)) and not version.is_prerelease
    ]
    if not final:
        cure = "name a pre-release with --to" if commits else "its maintainers must tag one"
        raise MlwsError(f"the template at {where} has no released version", cure)
    tag = max(final)[1]
    return Release(tag, commits[tag])


def in_order(commits: Mapping[str, str], last: str) -> list[str]:
    """The final releases up to and with `last`, oldest first."""
    end = _parsed(last)
    found = [(version, tag) for tag in commits if (version := _parsed(tag)) is not None
             and (tag == last or not version.is_prerelease)]  # fmt: skip
    return [tag for version, tag in sorted(found) if end is None or version <= end]


def is_newer(release: Release, project: Project, commits: Mapping[str, str]) -> bool | None:
    """Whether the release lies after the project's version; None when the tags cannot tell."""
    if project.version == release.tag or commits.get(project.version) == release.commit:
        return False
    if _HASH.fullmatch(project.version) and project.version not in commits:
        return False if release.commit.startswith(project.version) else None
    described = _DESCRIBED.fullmatch(project.version)
    recorded = _parsed(f"{described[1]}.post{described[2]}" if described else project.version)
    offered_version = _parsed(release.tag)
    if recorded is None or offered_version is None:
        return None
    return offered_version > recorded


def _parsed(tag: str) -> Version | None:
    try:
        return Version(tag)
    except InvalidVersion:
        return None
