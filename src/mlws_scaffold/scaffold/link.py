"""Records where updates come from, in a workspace that was made without knowing it."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from mlws_scaffold.adapters import documents, files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import projects
from mlws_scaffold.scaffold.merging.templates import Templates
from mlws_scaffold.scaffold.origin import Origin
from mlws_scaffold.scaffold.render import Answers, render
from mlws_scaffold.scaffold.updates import nearest, releases
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.workspace.layout import ANSWERS


@dataclass(frozen=True, slots=True)
class Linked:
    """The files that were changed, from the root."""

    files: tuple[str, ...]


def link(root: Path, origin: Origin) -> Linked:
    """Write the address into every answers file, and the requirement into pyproject.toml.

    What else the address changes in the workspace's own files is found by rendering it without
    and with the address, and merged with the team's edits. Raises MlwsError before anything is
    written when a file cannot be merged.
    """
    wanted = [project for project in projects.find(Git(root))
              if project.source != origin.address or not _known(project)]  # fmt: skip
    written: dict[str, bytes] = {}
    for project in wanted:
        version = project.version if _known(project) else ""
        version = version or origin.version or _nearest(root, project, origin.address)
        if not version:
            raise MlwsError(
                f"{project.answers_file} records no version and {origin.address} has none that"
                " equals this installation",
                "release a version of the template, or install the one the workspace was made with",
            )
        text = (root / project.answers_file).read_text(encoding="utf-8")
        text = _set(_set(text, "_src_path", origin.address), "_commit", version)
        written[project.answers_file] = text.encode()
        if project.path == projects.ROOT and project.source != origin.address:
            written.update(_merged(root, project, Origin(origin.address, version)))
    # What was linked before, but is not committed yet, is right already.
    changed = [name for name, content in written.items() if (root / name).read_bytes() != content]
    for name in changed:
        files.write(root / name, written[name])
    return Linked(tuple(sorted(changed)))


def _known(project: projects.Project) -> bool:
    """Whether the template has the recorded version, as far as this machine can tell."""
    if not project.version or not releases.is_path(project.source) or not project.source:
        return bool(project.version)
    place = Path(releases.place(project.source))
    return not place.is_dir() or Git(place).commit_of(project.version) is not None


def _nearest(root: Path, project: projects.Project, address: str) -> str:
    """The release whose rendering is nearest to the folder; empty when there is none."""
    git, where = Git(root), releases.place(address)
    commits = releases.offered(git, where)
    last = releases.chosen(commits, None, where).tag
    offered = [Release(tag, commits[tag]) for tag in releases.in_order(commits, last)]
    top = root / project.path
    files = {path: (top / path).read_bytes() for path in Git(top).tracked(".")
             if (top / path).is_file()}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mlws-link-") as name:
        templates = Templates(git, where, Path(name))
        found = nearest.find(templates, replace(project, source=address), offered, files)
    return found.release.tag if found is not None and found.share else ""


def _merged(root: Path, project: projects.Project, origin: Origin) -> dict[str, bytes]:
    """Files of the workspace that the address changes, merged with what the team wrote."""
    answers = Answers({key: value for key, value in project.answers.items() if key != "kind"})
    before = Origin(project.source, project.version)
    found = {}
    with files.beside(root) as scratch:
        render("workspace", answers, before.data(), scratch / "without")
        render("workspace", answers, origin.data(), scratch / "with")
        for theirs in sorted((scratch / "with").rglob("*")):
            name = theirs.relative_to(scratch / "with").as_posix()
            base, ours = scratch / "without" / name, root / name
            if not theirs.is_file() or name == ANSWERS or not (base.is_file() and ours.is_file()):
                continue
            if base.read_bytes() == theirs.read_bytes():
                continue
            merge = Git(root).attempt("merge-file", "-p", str(ours), str(base), str(theirs))
            if merge.returncode:
                raise MlwsError(
                    f"{name}: your edits and the requirement of mlws-scaffold meet in one place",
                    "take your edit out, link, and put it in again",
                )
            found[name] = merge.stdout.encode()
    return found


def _set(text: str, key: str, value: str) -> str:
    """Replace or add one plain key of an answers file."""
    line = f"{key}: {documents.scalar(value)}"
    replaced, count = re.subn(rf"^{key}:.*$", lambda _: line, text, flags=re.MULTILINE)
    if count:
        return replaced
    head, _, rest = text.partition("\n")
    return f"{head}\n{line}\n{rest}"
