"""Which version of the template a folder is nearest to, for one that records none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.merging.templates import Rendered, Templates, Wanted
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.workspace.layout import ANSWERS

# Of the lines of a rendered file, as many must be in the folder's for it to come from there.
LIKENESS = 0.5
_MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Near:
    """A version rendered, and how much of it is in the folder: from 0 to 1."""

    release: Release
    rendered: Rendered
    share: float


def find(
    templates: Templates,
    project: Project,
    releases: Sequence[Release],
    files: Mapping[str, bytes],
    given: Mapping[str, Any] | None = None,
) -> Near | None:
    """The release whose rendering is nearest to the files; of equals the newest, given last.

    A release that does not render with the project's answers is passed over.
    """
    best: Near | None = None
    for release in releases:
        wanted = Wanted(release.commit, project.source, release.tag, given or {})
        try:
            rendered = templates.render(project, wanted)
        except MlwsError:
            continue
        share = _share(rendered, files)
        if best is None or share >= best.share:
            best = Near(release, rendered, share)
    return best


def likeness(one: bytes, other: bytes) -> float:
    """How many of the lines of the first are in the second, from 0 to 1."""
    if one == other:
        return 1.0
    if b"\0" in one or b"\0" in other or len(one) + len(other) > _MOST_BYTES:
        return 0.0
    lines = [line for line in one.splitlines() if line.strip()]
    there = set(other.splitlines())
    return sum(line in there for line in lines) / len(lines) if lines else 0.0


def _share(rendered: Rendered, files: Mapping[str, bytes]) -> float:
    paths = [path for path in rendered.files if path != ANSWERS]
    found = sum(likeness(rendered.files[path][0], files[path]) for path in paths if path in files)
    return found / len(paths) if paths else 0.0
