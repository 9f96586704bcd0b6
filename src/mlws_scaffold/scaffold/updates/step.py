"""One project updated in the scratch clone: Copier does its work, then its mistakes are undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold import projects
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import preview
from mlws_scaffold.scaffold.updates.preview import Entry, Sides, Step
from mlws_scaffold.scaffold.updates.releases import Release
from mlws_scaffold.scaffold.updates.scratch import Origin, Scratch
from mlws_scaffold.workspace.layout import ANSWERS

_ABSENT = "0" * 40


def make(copy: Scratch, project: Project, release: Release, origin: Origin) -> Step:
    """Update a project on top of the clone's HEAD and move HEAD there, unless it has conflicts."""
    if Git(origin.clone).commit_of(project.version) is None:
        raise MlwsError(
            f"{project.answers_file}: _commit: the template has no version {project.version}",
            "write the tag that the folder was made from there and commit, or name a clone "
            "of the template that has it: --origin FOLDER",
        )
    git, prefix = copy.git, copy.inside(project)
    before = git.run("rev-parse", "HEAD")
    unmerged, after = copy.update(project, origin, release.tag)
    base = theirs = before
    if _names(git, before, after, prefix) != [ANSWERS]:
        forward = replace(project, answers=projects.answers(copy.folder(project)))
        base = copy.render(project, origin, project.version)
        theirs = copy.render(forward, origin, release.tag)
    sides = Sides(*(preview.tree(git, commit, prefix) for commit in (before, base, theirs, after)))

    moved = preview.renames(git, base, theirs, prefix)
    entries, warnings = preview.restorations(sides, moved)
    lost = [path for path in preview.swallowed(sides) if not _merges(git, sides, path)]
    entries |= {path: sides.head[path] for path in lost}
    _put(git, prefix, entries)
    after = git.run("write-tree")
    sides = replace(sides, result=preview.tree(git, after, prefix))

    conflicts = {*unmerged, *lost, *_marked(git, before, after, prefix)}
    step = Step(
        project=project,
        release=release,
        changes=preview.changes(sides, conflicts, project.path),
        warnings=tuple(_placed(project, warning) for warning in warnings),
        before=before,
        commit="",
        base=base,
        theirs=theirs,
    )
    commit = git.run("commit-tree", after, "-p", before, "-m", step.title)
    # What the next projects build on is without this one when a person has to finish it first.
    git.run("reset", "--quiet", "--hard", before if conflicts else commit)
    git.run("clean", "-ffdxq")
    return replace(step, commit=commit)


def stages(copy: Scratch, step: Step) -> str:
    """The step's conflicts in the form that `git update-index -z --index-info` reads."""
    prefix = copy.inside(step.project)
    sides = [
        preview.tree(copy.git, commit, prefix) for commit in (step.base, step.before, step.theirs)
    ]
    rows = []
    for path in step.conflicts:
        inside = path if step.project.path == "." else path.removeprefix(f"{step.project.path}/")
        full = f"{prefix}/{inside}" if prefix else inside
        rows.append(f"0 {_ABSENT}\t{full}")
        for number, files in enumerate(sides, start=1):
            if inside in files:
                mode, blob = files[inside]
                rows.append(f"{mode} {blob} {number}\t{full}")
    return "".join(f"{row}\0" for row in rows)


def _merges(git: Git, sides: Sides, path: str) -> bool:
    """Whether merging the file gives just the template's version, so that nothing is lost."""
    blobs = (sides.head[path][1], sides.base[path][1], sides.theirs[path][1])
    files = [git.folder / git.run("unpack-file", blob) for blob in blobs]
    try:
        merged = git.ok("merge-file", "--quiet", *(file.name for file in files))
        return merged and files[0].read_bytes() == files[2].read_bytes()
    finally:
        for file in files:
            file.unlink()


def _put(git: Git, prefix: str, entries: Mapping[str, Entry | None]) -> None:
    rows = []
    for path, entry in entries.items():
        mode, blob = entry or ("0", _ABSENT)
        rows.append(f"{mode} {blob}\t{prefix}/{path}" if prefix else f"{mode} {blob}\t{path}")
    if rows:
        git.run("update-index", "-z", "--index-info", stdin="".join(f"{row}\0" for row in rows))


def _marked(git: Git, before: str, after: str, prefix: str) -> Iterable[str]:
    """Files with a conflict that git's index does not know: markers, rejected parts."""
    for path in _names(git, before, after, prefix):
        if path.endswith(".rej"):
            yield path.removesuffix(".rej")
            continue
        place = git.folder / prefix / path
        if place.is_file() and not place.is_symlink() and _has_markers(place):
            yield path


def _names(git: Git, before: str, after: str, prefix: str) -> list[str]:
    """Paths from the project's folder of the files that differ."""
    trees = (f"{before}:{prefix}", f"{after}:{prefix}")
    out = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", *trees)
    return [path for path in out.split("\0") if path]


def _has_markers(path: Path) -> bool:
    found = {line.rstrip() for line in path.read_bytes().splitlines()}
    return {preview.OURS.encode(), preview.THEIRS.encode()} <= found


def _placed(project: Project, warning: str) -> str:
    return warning if project.path == "." else f"{project.path}/{warning}"
