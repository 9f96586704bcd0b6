"""Which experiment is meant: a folder, `researcher/name`, its id, or the name of its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, Problem, UsageError, did_you_mean
from mlws_scaffold.experiments import spec
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA, Layout


def experiment(place: Workspace, text: str, cwd: Path) -> Entry:
    """The experiment of the working tree that `text` names; an empty text means the one around cwd.

    Raises UsageError when there is none or more than one, InvalidFile when its metadata is broken.
    """
    layout = place.layout
    folder = _folder(layout, text, cwd)
    if folder is not None:
        return _entry(layout, folder)
    if not text:
        raise UsageError(
            f"no experiment is named, and {cwd} lies in none",
            "name one: a folder, RESEARCHER/NAME or an experiment_id",
        )
    found = entries.of_working_tree(layout)
    for matching in (
        [entry for entry in found.entries if entry.metadata.experiment_id == text],
        [entry for entry in found.entries if entry.folder.name == text],
    ):
        if len(matching) == 1:
            return matching[0]
        if matching:
            places = ", ".join(layout.relative(entry.folder) for entry in matching)
            raise UsageError(f"{text!r} means more than one experiment: {places}", "name one")
    cure = _elsewhere(layout, text) or _near(layout, text, found)
    raise UsageError(f"no experiment {text!r} in the working tree", cure)


def _folder(layout: Layout, text: str, cwd: Path) -> Path | None:
    """The folder of an experiment that `text` (or the current folder) lies in or names."""
    for path in _readings(layout, text, cwd):
        for folder in (path, *path.parents):
            if _is_experiment(layout, folder) and (not text or path.exists()):
                return folder
    return None


def _readings(layout: Layout, text: str, cwd: Path) -> Iterator[Path]:
    """What `text` may mean as a path, `..` and links resolved so that none leads out."""
    if "\0" in text:
        return
    if not text:
        yield cwd.resolve()
        return
    yield (cwd / text).resolve()
    yield (layout.root / text).resolve()
    for half, other in ((EXPERIMENTS, ARCHIVE), (ARCHIVE, EXPERIMENTS)):
        if text.startswith(f"{half}/"):  # where it lay before it was archived, or taken out
            yield (layout.root / (other + text.removeprefix(half))).resolve()
    if text.count("/") == 1:
        yield (layout.root / EXPERIMENTS / text).resolve()
        yield (layout.root / ARCHIVE / text).resolve()


def _is_experiment(layout: Layout, folder: Path) -> bool:
    root = layout.root.resolve()
    return (
        folder.parent.parent in (root / EXPERIMENTS, root / ARCHIVE)
        and folder.name[0] not in "._"
        and folder.is_dir()
    )


def _entry(layout: Layout, folder: Path) -> Entry:
    # The resolved folder again as the workspace writes it: its root may be a link itself.
    folder = layout.root / folder.relative_to(layout.root.resolve())
    path = folder / METADATA
    name = layout.relative(path)
    if not path.is_file():
        raise InvalidFile([Problem(name, "missing", "every experiment has one")])
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidFile([Problem(name, "is a link that leads elsewhere", "keep the file itself")])
    return Entry(folder, spec.load(path, name))


def _elsewhere(layout: Layout, text: str) -> str:
    """How to get to the branch that has what `text` names; empty when none is known to."""
    git = Git(layout.root)
    if git.toplevel() is None:
        return ""
    with entries.everywhere(layout) as found:
        for owner in listing.owners(found):
            if owner.branch and text in (owner.experiment_id, *_ways_to_write(owner.folder)):
                local = git.commit_of(f"refs/heads/{owner.branch}") is not None
                track = "" if local else "--track "
                return f"it is on another branch: git switch {track}{owner.branch}"
    return ""


def _ways_to_write(folder: str) -> tuple[str, str, str]:
    parts = folder.split("/")
    return folder, "/".join(parts[-2:]), parts[-1]


def _near(layout: Layout, text: str, found: entries.Index) -> str:
    ids = [entry.metadata.experiment_id for entry in found.entries]
    folders = ["/".join(folder.parts[-2:]) for folder in layout.experiments()]
    known = {*folders, *ids} if "/" in text else {*ids}
    if not known and not folders:
        return "there is none yet: mlws-new experiment NAME"
    near = did_you_mean(text, known)
    # The whole list of a large workspace helps nobody.
    return near if near.startswith("did") or len(known) <= 10 else "see: mlws experiment list"
