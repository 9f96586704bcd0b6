"""Where everything is. Every path of a workspace is named here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.errors import UsageError

CONFIG = "mlws.toml"
ANSWERS = ".copier-answers.yml"
METADATA = "metadata.yaml"
README = "README.md"
AGENT = "agent.yaml"
# In an agent's folder, and no part of the agent: what was deployed of it.
DEPLOYMENTS = "deployments.jsonl"

EXPERIMENTS = "experiments/active"
ARCHIVE = "experiments/archive"
PROTOTYPES = "agents/prototypes"
PRODUCTION = "agents/production"
REGISTRY = "models/registry.yaml"
MODELFILES = "modelfiles"
CHECKPOINTS = "models/checkpoints"
BENCHMARKS = "models/benchmarks"
MODEL_CASES = "models/tests"
MODEL_CARDS = "models/cards"
MODEL_HISTORY = "models/history.jsonl"
MODEL_LOCK = "models/models.lock"
DATASETS = "datasets/large"
DOCS = "docs"
ADRS = "docs/adrs"
LEARNINGS = "docs/learnings"
RUNBOOKS = "docs/runbooks"
MEMORY = "docs/memory"
HANDOFF = "HANDOFF.md"

# Files and folders that every workspace has; a check names those that are missing.
EXPECTED = (
    CONFIG,
    "pyproject.toml",
    ".gitignore",
    EXPERIMENTS,
    ARCHIVE,
    PROTOTYPES,
    PRODUCTION,
    REGISTRY,
    MODELFILES,
    "shared/tools",
    "shared/prompts",
    "shared/configs",
    "docs/runbooks",
    "docs/adrs",
    "scripts/setup-env.sh",
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Layout:
    """The paths of one workspace, from its root."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / CONFIG

    @property
    def registry(self) -> Path:
        return self.root / REGISTRY

    def experiment(self, researcher: str, name: str) -> Path:
        return self.root / EXPERIMENTS / researcher / name

    def prototype(self, name: str) -> Path:
        return self.root / PROTOTYPES / name

    def agent(self, name: str) -> Path:
        return self.root / PRODUCTION / name

    def modelfile(self, name: str) -> Path:
        return self.root / MODELFILES / f"{name}.Modelfile"

    def checkpoint(self, name: str, version: str) -> Path:
        """The description of trained weights; the weights lie in the folder of the version."""
        return self.root / CHECKPOINTS / name / f"{version}.yaml"

    def benchmark(self, name: str, version: str) -> Path:
        return self.root / BENCHMARKS / name / f"{version}.json"

    def experiments(self) -> list[Path]:
        """Folders two levels below `active` and `archive`, with or without a `metadata.yaml`."""
        return [*self._folders(f"{EXPERIMENTS}/*/*"), *self._folders(f"{ARCHIVE}/*/*")]

    def notes(self, home: str) -> list[Path]:
        """The pages of a folder of `docs`, also in folders below it; its README is no note."""
        return [
            path
            for path in sorted((self.root / home).rglob("*.md"))
            if path.name != README and path.is_file() and path.name[0] not in "._"
        ]

    def prototypes(self) -> list[Path]:
        return self._folders(f"{PROTOTYPES}/*")

    def agents(self) -> list[Path]:
        return self._folders(f"{PRODUCTION}/*")

    def _folders(self, pattern: str) -> list[Path]:
        # Tools leave caches everywhere; a name that starts with . or _ is never a project.
        return [
            folder
            for folder in sorted(self.root.glob(pattern))
            if folder.is_dir() and folder.name[0] not in "._"
        ]

    def relative(self, path: Path) -> str:
        """The path as people write it: from the root, with forward slashes."""
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )


def find_root(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds `mlws.toml`."""
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / CONFIG).is_file():
            return folder
    return None


def require_root(start: Path) -> Path:
    """`find_root`, or a UsageError that says how to get a workspace."""
    root = find_root(start)
    if root is None:
        raise UsageError(
            f"no workspace here: neither {start.absolute()} nor a folder above it holds {CONFIG}",
            "change into a workspace, name one with --root, or make one: mlws-new workspace PATH",
        )
    return root
