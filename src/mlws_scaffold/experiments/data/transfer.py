"""Data of experiments that is too large for git: declared in `metadata.yaml`, kept by its hash.

What a declaration names is fetched into a store outside of git and gets its name there only when
its sha256 is the declared one, so nothing wrong is ever found in that place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.adapters import digests, transfers
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.data import storage
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.experiments.index.entries import Entry, Index
from mlws_scaffold.experiments.spec import DataSource
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS

State = Literal["there", "pulled", "ok", "differs", "missing", "unpinned", "failed"]
Watch = Callable[[str, int, int], None]
"""Called with the name of the data, the bytes done and the total (0: unknown)."""

_ELSEWHERE = {
    "lfs": (
        "Git LFS",
        {
            "add": "git lfs track PATTERN; git add .gitattributes PATH",
            "pull": "git lfs pull",
            "verify": "git lfs fsck",
        },
    ),
    "dvc": ("DVC", {"add": "dvc add PATH", "pull": "dvc pull", "verify": "dvc status"}),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One declaration, and the experiment that makes it."""

    experiment: str
    source: DataSource


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known about one item. `found` is the sha256 of what lies at `path`, if that differs.

    unpinned: no sha256 is declared, so nothing can be judged. failed: `why` says what stood in the
    way.
    """

    item: Item
    state: State
    path: Path
    found: str = ""
    why: MlwsError | None = None

    @property
    def exit_code(self) -> int:
        if self.why is not None:
            return self.why.exit_code
        return {"differs": 1, "missing": 4, "unpinned": 4}.get(self.state, 0)


def require_manifest(place: Workspace, verb: str) -> None:
    """Raises UsageError, naming the right command, where Git LFS or DVC keeps the data."""
    answer = place.config.data.answer
    if answer in _ELSEWHERE:
        tool, commands = _ELSEWHERE[answer]
        raise UsageError(
            f"this workspace keeps its data with {tool} ([data] answer = {answer!r})",
            f"use it directly: {commands[verb]}",
        )


def asked(place: Workspace, experiment: str, cwd: Path) -> Index:
    """The experiment that is named or around `cwd`, else all of the working tree."""
    active = place.root.resolve() / EXPERIMENTS
    archive = place.root.resolve() / ARCHIVE
    here = cwd.resolve()
    around = any(
        here.is_relative_to(home) and len(here.relative_to(home).parts) >= 2
        for home in (active, archive)
    )
    if experiment or around:
        return Index((find.experiment(place, experiment, cwd),), ())
    return entries.of_working_tree(place.layout)


def items(entries: tuple[Entry, ...], name: str = "") -> list[Item]:
    """All declarations, or those of one name. Raises UsageError when no experiment has that."""
    found = [
        Item(entry.metadata.experiment_id, source)
        for entry in entries
        for source in entry.metadata.data
        if not name or source.name == name
    ]
    if name and not found:
        raise UsageError(f"no data is declared under the name {name!r}", "see metadata.yaml, data")
    return found


def pull(place: Workspace, wanted: list[Item], watch: Watch) -> Iterator[Finding]:
    """Fetch what is missing or spoilt, one after the other; a failure never stops the others."""
    yield from _each(wanted, lambda item: _pull(place, item, watch))


def verify(place: Workspace, wanted: list[Item]) -> Iterator[Finding]:
    """Hash again what lies here; a shared place that was never pulled from is judged itself."""
    yield from _each(wanted, lambda item: _verify(place, item))


def _each(wanted: list[Item], act: Callable[[Item], Finding]) -> Iterator[Finding]:
    for item in wanted:
        try:
            yield act(item)
        except MlwsError as error:
            yield Finding(item, "failed", Path(), why=error)
        except OSError as error:  # a name that is too long, rights, a disk that went away
            why = MlwsError(f"{item.source.uri}: {error.strerror}", "mend the place or its rights")
            yield Finding(item, "failed", Path(), why=why)


def _pull(place: Workspace, item: Item, watch: Watch) -> Finding:
    source, target = item.source, storage.path_of(place, item.source)
    if source.sha256 is None:
        return Finding(item, "unpinned", target)
    if transfers.inside(place.root, source.uri) is not None:
        return _verify(place, item)
    storage.folder(target.parent)
    wish = transfers.Wish(source.uri, source.sha256, source.size)
    new = transfers.bring(wish, target, lambda done, total: watch(source.name, done, total))
    return Finding(item, "pulled" if new else "there", target)


def _verify(place: Workspace, item: Item) -> Finding:
    source, path = item.source, storage.path_of(place, item.source)
    if source.sha256 is None:
        return Finding(item, "unpinned", path)
    if not path.exists() and source.uri.startswith("file:"):
        path = transfers.local(source.uri)
    if not path.exists():
        return Finding(item, "missing", path)
    digest = digests.of(path)
    if digest.sha256 != source.sha256:
        return Finding(item, "differs", path, digest.sha256)
    return Finding(item, "ok", path)
