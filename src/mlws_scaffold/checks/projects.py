"""The experiments and agents that lie in a folder, each read once. A broken one never hides
another."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.agents.catalog import Agent
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.experiments.spec import Metadata
from mlws_scaffold.workspace.layout import (
    AGENT,
    ARCHIVE,
    EXPERIMENTS,
    METADATA,
    PRODUCTION,
    PROTOTYPES,
    Layout,
)

_MOST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Experiment:
    """A folder with what its `metadata.yaml` says (None: missing or invalid, see `problems`)."""

    folder: str
    metadata: Metadata | None
    document: Document | None
    problems: tuple[Problem, ...] = ()
    missing: bool = False

    @property
    def path(self) -> str:
        return f"{self.folder}/{METADATA}"

    @property
    def name(self) -> str:
        return self.folder.rpartition("/")[2]

    @property
    def researcher(self) -> str | None:
        """The folder above, or None outside of the workspace's own layout."""
        in_layout = (
            self.folder.startswith((f"{EXPERIMENTS}/", f"{ARCHIVE}/"))
            and self.folder.count("/") == 3
        )
        return self.folder.split("/")[2] if in_layout else None

    @property
    def is_archived(self) -> bool:
        return self.folder.startswith(f"{ARCHIVE}/")

    def problem(self, field: str, message: str, cure: str = "") -> Problem:
        """A problem at a field of the metadata."""
        if self.document is None:
            return Problem(self.path, message, cure, field)
        return self.document.problem((field,), message, cure)


@dataclass(frozen=True, slots=True)
class AgentProject:
    """A folder below `agents/` with its declaration (None: missing or invalid)."""

    folder: str
    track: Literal["prototype", "production"]
    agent: Agent | None
    document: Document | None
    problems: tuple[Problem, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.folder}/{AGENT}"

    @property
    def name(self) -> str:
        return self.folder.rpartition("/")[2]

    def problem(self, field: str, message: str, cure: str = "") -> Problem:
        if self.document is None:
            return Problem(self.path, message, cure, field)
        return self.document.problem((field,), message, cure)


def experiment_folders(
    layout: Layout, files: frozenset[str] | None, *, everywhere: bool
) -> list[str]:
    """Folders of experiments. `everywhere` also takes other places that hold an experiment's file.

    With git, a folder in which only ignored files are left over is no project.
    """
    if files is None:
        return [layout.relative(folder) for folder in layout.experiments()]
    found = _below(layout.root, files, (EXPERIMENTS, ARCHIVE), 4)
    if everywhere:
        for path in files:
            if path.rpartition("/")[2] == METADATA and _is_experiment(layout.root, path):
                found.add(path.rpartition("/")[0])
    return sorted(found)


def agent_folders(layout: Layout, files: frozenset[str] | None) -> list[str]:
    if files is None:
        return [layout.relative(folder) for folder in [*layout.prototypes(), *layout.agents()]]
    return sorted(_below(layout.root, files, (PROTOTYPES, PRODUCTION), 3))


def read_experiment(root: Path, folder: str) -> Experiment:
    name = f"{folder}/{METADATA}"
    if not (root / name).exists() and not (root / name).is_symlink():
        return Experiment(folder, None, None, missing=True)
    document, problems = _document(root, name)
    if document is None:
        return Experiment(folder, None, None, problems)
    try:
        return Experiment(folder, documents.validate(Metadata, document), document)
    except InvalidFile as error:
        return Experiment(folder, None, document, error.problems)


def identifier(found: Experiment) -> str | None:
    """The experiment_id, also of a file that is wrong elsewhere."""
    if found.metadata:
        return found.metadata.experiment_id
    data = found.document.data if found.document else None
    value = data.get("experiment_id") if isinstance(data, dict) else None
    return value if isinstance(value, str) else None


def glance(line: str) -> str | None:
    """The id in a line such as `experiment_id: x`; few of thousands of files are read as YAML."""
    match = re.match(r"experiment_id\s*:\s*[\"']?([\w.-]+)", line)
    return match[1] if match else None


def read_agent(root: Path, folder: str) -> AgentProject:
    track: Literal["prototype", "production"]
    track = "prototype" if folder.startswith(f"{PROTOTYPES}/") else "production"
    name = f"{folder}/{AGENT}"
    if not (root / name).exists() and not (root / name).is_symlink():
        missing = Problem(name, "missing", f"declare name, owner and model in {AGENT}")
        return AgentProject(folder, track, None, None, (missing,))
    document, problems = _document(root, name)
    if document is None:
        return AgentProject(folder, track, None, None, problems)
    try:
        return AgentProject(folder, track, documents.validate(Agent, document), document)
    except InvalidFile as error:
        return AgentProject(folder, track, None, document, error.problems)


def refusal(root: Path, name: str) -> Problem | None:
    """Why a file is not opened: it leads out of the folder, or it is a pipe, a device, a folder."""
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return Problem(
                name, "is a link that leads out of the workspace", "put the file itself here"
            )
        if not stat.S_ISREG(path.stat().st_mode):
            return Problem(name, "is no ordinary file", "put a text file here")
    except (OSError, RuntimeError) as error:
        # RuntimeError: Python's word for links that go round in a circle, before 3.13.
        said = error.strerror if isinstance(error, OSError) else "links in a circle"
        return Problem(name, f"cannot be read: {said}")
    return None


def text_of(root: Path, name: str) -> str | Problem:
    """The text of a file, or why it is not read."""
    if problem := refusal(root, name):
        return problem
    try:
        if (root / name).stat().st_size > _MOST_TEXT:
            return Problem(name, f"is larger than {_MOST_TEXT // 1000} kB", "shorten it")
        return (root / name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Problem(name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8 text")
    except OSError as error:
        return Problem(name, f"cannot be read: {error.strerror}")


def _document(root: Path, name: str) -> tuple[Document | None, tuple[Problem, ...]]:
    if problem := refusal(root, name):
        return None, (problem,)
    try:
        return documents.read(root / name, name), ()
    except InvalidFile as error:
        return None, error.problems


def _below(root: Path, files: frozenset[str], homes: tuple[str, ...], depth: int) -> set[str]:
    """Folders at the given depth that hold a file; caches and hidden ones are no projects."""
    found: set[str] = set()
    for path in files:
        parts = path.split("/", depth)
        if len(parts) > depth and path.startswith(tuple(f"{home}/" for home in homes)):
            found.add("/".join(parts[:depth]))
    return {
        folder
        for folder in found
        if folder.rpartition("/")[2][0] not in "._" and (root / folder).is_dir()
    }


def _is_experiment(root: Path, path: str) -> bool:
    if path.startswith("experiments/") or "/experiments/" in path:
        return (root / path).is_file()
    text = text_of(root, path)
    return (
        isinstance(text, str) and re.search(r"^experiment_id\s*:", text, re.MULTILINE) is not None
    )
