"""What a promotion takes along, byte for byte, and where it goes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import roundtrip
from mlws_scaffold.agents.evaluation import places
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.layout import AGENT, ANSWERS

TESTS = "test_agent.py"

_FROM_EXPERIMENT: Mapping[str, str] = {"src": "src"}
_FROM_PROTOTYPE: Mapping[str, str] = {
    "agent.py": "src/agent/agent.py",
    "config.yaml": "config.yaml",
    "prompts": "prompts",
    "src": "src",
    TESTS: f"tests/wire/{TESTS}",
    "test_knowledge.py": "tests/wire/test_knowledge.py",
    **{
        name: f"{places.PRODUCTION}/{name}"
        for name in (places.CASES, places.BASELINE, places.RECORDINGS)
    },
}
_CACHES = ("__pycache__", ".ipynb_checkpoints")


@dataclass(frozen=True, slots=True)
class Carried:
    """A file: where it lies, and its place in what is made."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where something came from: a folder at a commit, and the run that spoke for it."""

    path: str
    commit: str
    run_id: str = ""
    metrics: Mapping[str, float] | None = None


def from_experiment(folder: Path) -> list[Carried]:
    """What of an experiment becomes part of a prototype."""
    return list(_files(folder, _FROM_EXPERIMENT))


def from_prototype(folder: Path) -> list[Carried]:
    """What of a prototype becomes part of a production agent."""
    return list(_files(folder, _FROM_PROTOTYPE))


def left_behind(folder: Path) -> list[str]:
    """Names in a prototype that do not go along and that production does not have anyway."""
    known = {*_FROM_PROTOTYPE, AGENT, ANSWERS, "README.md", *_CACHES}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def put(carried: list[Carried], made: Path) -> None:
    """Copy the files, their modes too, over what the template gave."""
    for item in carried:
        target = made / item.target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.source, target)


def remember(made: Path, provenance: Provenance) -> None:
    """Write `promoted_from` into the new agent.yaml; its comments stay."""
    path = made / AGENT
    entry: dict[str, object] = {"path": provenance.path, "commit": provenance.commit}
    if provenance.run_id:
        entry["run_id"] = provenance.run_id
    if provenance.metrics:
        entry["metrics"] = dict(sorted(provenance.metrics.items()))

    def write(data: dict[str, object]) -> None:
        data["promoted_from"] = {key: roundtrip.written(value) for key, value in entry.items()}

    text = roundtrip.edit(path.read_text(encoding="utf-8"), AGENT, write)
    path.write_text(text, encoding="utf-8")


def _files(folder: Path, places: Mapping[str, str]) -> Iterator[Carried]:
    for name, target in places.items():
        for path in sorted(_below(folder / name)):
            if path.is_symlink():
                inside = path.relative_to(folder).as_posix()
                raise MlwsError(
                    f"{inside} is a link, and links are not carried", "put the file there"
                )
            rest = path.relative_to(folder / name).as_posix()
            yield Carried(path, target if rest == "." else f"{target}/{rest}")


def _below(path: Path) -> Iterator[Path]:
    if path.is_symlink() or path.is_file():
        yield path
        return
    for inner in path.rglob("*"):
        inside = inner.relative_to(path)
        is_cache = any(part in _CACHES for part in inside.parts) or inner.suffix == ".pyc"
        if not is_cache and (inner.is_symlink() or inner.is_file()):
            yield inner
