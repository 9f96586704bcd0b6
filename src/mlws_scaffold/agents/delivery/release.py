"""A new version of a production agent: written into its project, its lock and its changelog."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace

PROJECT, LOCK, CHANGELOG = "pyproject.toml", "uv.lock", "CHANGELOG.md"
PARTS = ("major", "minor", "patch")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_UNRELEASED = re.compile(r"^##[ \t]+\[?Unreleased\]?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SECTION = re.compile(r"^##[ \t]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """What a release writes: the old and the new text of each file, by its name."""

    name: str
    before: str
    version: str
    texts: Mapping[str, tuple[str, str]]

    @property
    def tag(self) -> str:
        return tag_of(self.name, self.version)

    @property
    def difference(self) -> str:
        """The change as a unified diff."""
        lines: list[str] = []
        for name, (old, new) in self.texts.items():
            pair = old.splitlines(keepends=True), new.splitlines(keepends=True)
            lines += difflib.unified_diff(*pair, name, name)
        return "".join(lines)


def plan(place: Workspace, found: Found, part: str, today: date) -> Release:
    """What raising one part of the version would write.

    Raises UsageError for a prototype, MlwsError when files are uncommitted, when the changelog has
    nothing unreleased, or when nothing but the changelog changed since the version's tag.
    """
    if found.track != "production":
        cure = f"make it a production agent: mlws-new agent {found.folder.name} --from ..."
        raise UsageError(
            f"{found.folder.name} is a prototype: only production agents have versions", cure
        )
    folder, name = found.folder, found.folder.name
    _refuse_dirty(place, folder)
    project = _text(folder / PROJECT)
    old = version_in(project, f"{name}/{PROJECT}")
    new = bumped(old, part)
    texts = {
        PROJECT: (project, _with_version(project, new, f"{name}/{PROJECT}")),
        CHANGELOG: _changelog(place, folder, new, today),
    }
    if (folder / LOCK).is_file():
        lock = _text(folder / LOCK)
        texts[LOCK] = (lock, _locked(lock, tomllib.loads(project)["project"]["name"], old, new))
    _refuse_unchanged(place, folder, tag_of(name, old))
    return Release(name, old, new, texts)


def write(folder: Path, release: Release) -> None:
    """Write the files of a release, each whole. When one cannot be written, all are as before."""
    done: list[str] = []
    try:
        for name, (_, new) in release.texts.items():
            done.append(name)
            files.write(folder / name, new)
    except BaseException:
        for name in done:
            files.write(folder / name, release.texts[name][0])
        raise


def tag_of(name: str, version: str) -> str:
    """The tag that deploys a version."""
    return f"agents/{name}/v{version}"


def version_in(text: str, name: str) -> str:
    """`version` of `[project]` in a pyproject.toml. Raises MlwsError unless it is X.Y.Z."""
    try:
        version = tomllib.loads(text)["project"]["version"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise MlwsError(
            f"{name} has no version: {error}", "give [project] a version of three numbers"
        ) from None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise MlwsError(f"{name}: version {version!r} is not X.Y.Z", "write three whole numbers")
    return version


def bumped(version: str, part: str) -> str:
    """The next version: one part raised, those after it zero."""
    numbers = [int(number) for number in version.split(".")]
    place = PARTS.index(part)
    raised = [*numbers[:place], numbers[place] + 1, 0, 0][:3]
    return ".".join(str(number) for number in raised)


def notes(changelog: str, version: str) -> str:
    """What a changelog says of a version, without the heading; empty when it says nothing."""
    heading = re.compile(rf"^##[ \t]+\[?v?{re.escape(version)}\]?(?![\w.]).*$", re.MULTILINE)
    found = heading.search(changelog)
    return _until_next(changelog, found.end()).strip() if found else ""


def _refuse_dirty(place: Workspace, folder: Path) -> None:
    git = Git(place.root)
    if git.toplevel() is None or git.commit_of("HEAD") is None:
        raise UsageError(
            "a release needs a git repository with a commit", "git add . && git commit"
        )
    inside = place.layout.relative(folder)
    if changed := git.changed(inside):
        raise MlwsError(
            f"{changed[0]} is not committed", "commit or stash it: a release is of a commit"
        )


def _refuse_unchanged(place: Workspace, folder: Path, tag: str) -> None:
    git, inside = Git(place.root), place.layout.relative(folder)
    if git.commit_of(f"refs/tags/{tag}") is None:
        return
    besides = [f":(exclude){inside}/{name}" for name in (CHANGELOG, "deployments.jsonl")]
    if git.ok("diff", "--quiet", f"refs/tags/{tag}", "HEAD", "--", inside, "shared", *besides):
        raise MlwsError(f"nothing changed since {tag}", "there is nothing to release")


def _changelog(place: Workspace, folder: Path, version: str, today: date) -> tuple[str, str]:
    name = place.layout.relative(folder / CHANGELOG)
    cure = f"say what changed below a line `## Unreleased` in {name}, and commit it"
    if not (folder / CHANGELOG).is_file():
        raise MlwsError(f"there is no {name}", cure)
    text = _text(folder / CHANGELOG)
    found = _UNRELEASED.search(text)
    if found is None or not _until_next(text, found.end()).strip():
        raise MlwsError(f"{name} has nothing unreleased", cure)
    if notes(text, version):
        raise MlwsError(
            f"{name} has a section {version} already", "give that section its right name"
        )
    end = "\r\n" if "\r\n" in text else "\n"
    heading = f"## Unreleased{end}{end}## {version} - {today.isoformat()}"
    return text, text[: found.start()] + heading + text[found.end() :].removeprefix("\r")


def _until_next(text: str, start: int) -> str:
    following = _SECTION.search(text, start)
    return text[start : following.start() if following else len(text)]


def _with_version(text: str, version: str, name: str) -> str:
    """The version replaced in `[project]`; everything else stays, byte for byte."""
    header = re.search(r"^[ \t]*\[[ \t]*project[ \t]*\][^\n]*$", text, re.MULTILINE)
    start = header.end() if header else 0
    line = re.compile(r"^([ \t]*version[ \t]*=[ \t]*)(['\"])[^'\"\n]*\2", re.MULTILINE)
    new = text[:start] + line.sub(rf"\g<1>\g<2>{version}\g<2>", text[start:], count=1)
    wanted = tomllib.loads(text)
    wanted["project"]["version"] = version
    return _sound(new, wanted, name)


def _locked(text: str, project: str, old: str, new: str) -> str:
    """uv.lock names the project's own version; `uv sync --locked` refuses another."""
    entry = re.compile(
        rf'(\[\[package\]\]\r?\nname = "{re.escape(project)}"\r?\nversion = "){re.escape(old)}"'
    )
    wanted = tomllib.loads(text)
    own = [one for one in wanted.get("package", ()) if one.get("name") == project]
    if len(own) != 1 or own[0].get("version") != old:
        raise MlwsError(f"{LOCK} does not hold {project} {old}", "uv lock, and commit it")
    own[0]["version"] = new
    return _sound(entry.sub(rf'\g<1>{new}"', text, count=1), wanted, LOCK)


def _sound(text: str, wanted: Mapping[str, Any], name: str) -> str:
    try:
        right = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise MlwsError(f"{name}: its version stands where it cannot be edited", "edit it by hand")
    return text


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MlwsError(f"{path} cannot be read: {error}") from None
