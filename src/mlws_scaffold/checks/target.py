"""What is checked: a folder, its configuration, its repository, and which of it was asked about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.checks import projects
from mlws_scaffold.checks.repository import Repository
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, UsageError
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.models.registry import load as load_registry
from mlws_scaffold.workspace.config import Config, load
from mlws_scaffold.workspace.layout import CONFIG, METADATA, REGISTRY, Layout

BROKEN_CONFIG = f"{CONFIG} is broken (WS002)"
NO_WORKSPACE = f"no {CONFIG} here"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part is asked about; at most one of `staged` and `since` is given."""

    staged: bool = False
    since: str = ""
    online: bool = False


@dataclass(frozen=True)
class Target:
    """Everything a check may look at. What several checks need is read once.

    `changed` holds the paths that were asked about (None: all). `base` is the commit that the
    current state is compared with, or the empty string.
    """

    root: Path
    scope: Scope
    config: Config | None
    config_problems: tuple[Problem, ...]
    repository: Repository | None
    no_repository: str
    changed: frozenset[str] | None
    base: str

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    @cached_property
    def is_workspace(self) -> bool:
        return self.layout.config.exists()

    @property
    def no_config(self) -> str:
        """Why there is no configuration."""
        return BROKEN_CONFIG if self.is_workspace else NO_WORKSPACE

    @cached_property
    def files(self) -> frozenset[str] | None:
        """All files that are not ignored, or None without git."""
        return self.repository.files if self.repository else None

    @cached_property
    def experiment_folders(self) -> tuple[str, ...]:
        """Every experiment, active and archived."""
        found = projects.experiment_folders(
            self.layout, self.files, everywhere=not self.is_workspace
        )
        return tuple(found)

    @cached_property
    def identifiers(self) -> dict[str, str]:
        """experiment_id of every experiment, by folder."""
        read = {found.folder: projects.identifier(found) for found in self.asked_experiments}
        unread = [folder for folder in self.experiment_folders if folder not in read]
        if unread and self.repository:
            pattern = r"^experiment_id[[:space:]]*:"
            lines = {
                match.path: match.text for match in self.repository.grep(pattern, f"*{METADATA}")
            }
            for folder in unread:
                read[folder] = projects.glance(lines.get(f"{folder}/{METADATA}", ""))
        return {folder: identifier for folder, identifier in read.items() if identifier}

    @cached_property
    def agents(self) -> tuple[projects.AgentProject, ...]:
        folders = projects.agent_folders(self.layout, self.files)
        return tuple(projects.read_agent(self.root, folder) for folder in folders)

    @cached_property
    def registry(self) -> Registry | InvalidFile | None:
        """The registry, what is wrong with it, or None when there is none."""
        path = self.layout.registry
        if not path.exists() and not path.is_symlink():
            return None
        if problem := projects.refusal(self.root, REGISTRY):
            return InvalidFile([problem])
        try:
            return load_registry(self.layout)
        except InvalidFile as error:
            return error

    @cached_property
    def registry_document(self) -> Document:
        """Where each part of the registry stands. Raises InvalidFile."""
        return documents.read(self.layout.registry, REGISTRY)

    def touches(self, folder: str) -> bool:
        """Whether anything below the folder (or the file itself) is asked about."""
        if self.changed is None:
            return True
        return folder in self.changed or any(path.startswith(f"{folder}/") for path in self.changed)

    @cached_property
    def asked_experiments(self) -> tuple[projects.Experiment, ...]:
        folders = self.experiment_folders
        if self.changed is not None:
            above = _folders_above(self.changed)
            folders = tuple(folder for folder in folders if folder in above)
        return tuple(projects.read_experiment(self.root, folder) for folder in folders)

    @cached_property
    def asked_agents(self) -> tuple[projects.AgentProject, ...]:
        # What an agent may name stands in these two files: a change there can break any of them.
        if self.changed is None or {REGISTRY, CONFIG} & self.changed:
            return self.agents
        folders = _folders_above(self.changed)
        return tuple(found for found in self.agents if found.folder in folders)

    def known_people(self) -> frozenset[str]:
        return frozenset(self.config.team) if self.config else frozenset()


def open_target(root: Path, scope: Scope) -> Target:
    """Look at a folder. Raises UsageError or Unavailable when the scope cannot be taken."""
    config: Config | None = None
    problems: tuple[Problem, ...] = ()
    if (root / CONFIG).exists():
        try:
            config = load(root).config
        except InvalidFile as error:
            problems = error.problems
    repository, why = _repository(root)
    changed, base = None, ""
    if scope.staged or scope.since:
        if repository is None:
            raise UsageError(f"--staged and --changed-since need git: {why}")
        if scope.staged:
            changed, base = (
                frozenset(repository.changes("--cached")),
                repository.git.commit_of("HEAD") or "",
            )
        else:
            base = repository.merge_base(scope.since)
            changed = repository.changed_since(base)
    return Target(root, scope, config, problems, repository, why, changed, base)


def top(start: Path) -> Path:
    """Where to look without a workspace: the top of the repository, else the folder itself."""
    try:
        return Git(start).toplevel() or start
    except MlwsError:
        return start


def _repository(root: Path) -> tuple[Repository | None, str]:
    try:
        done = Git(root).attempt("rev-parse", "--is-inside-work-tree")
    except MlwsError as error:
        return None, error.message
    if done.returncode or done.stdout.strip() != "true":
        said = done.stderr.strip().splitlines()
        if said and "not a git repository" not in said[0]:
            return None, said[0]
        return None, "not a git repository"
    found = Repository(root)
    if (root / CONFIG).exists() and CONFIG not in found.files:
        return None, "the git repository around this folder ignores it"
    return found, ""


def _folders_above(paths: frozenset[str]) -> frozenset[str]:
    """All folders that hold one of the paths, at any depth."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)
