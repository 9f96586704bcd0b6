"""How runs ended that the store could not be told: kept on this machine until it can."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.workspace import state

_SUFFIX = ".end.json"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one run. `at` is in seconds since 1970, `uri` the store's as configured."""

    run_id: str
    uri: str
    word: str  # FINISHED, FAILED or KILLED
    at: float
    tags: Mapping[str, str]


def keep(root: Path, ending: Ending) -> None:
    """Raises MlwsError when it cannot be written."""
    path = _path(root, ending.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(dataclasses.asdict(ending)))


def kept(root: Path, uri: str) -> Iterator[Ending]:
    """Those of the store at `uri`."""
    for path in sorted(_path(root, "x").parent.glob(f"*{_SUFFIX}")):
        found = Ending(**json.loads(path.read_text(encoding="utf-8")))
        if found.uri == uri:
            yield found


def forget(root: Path, ending: Ending) -> None:
    """The store knows it now, or will never want to."""
    _path(root, ending.run_id).unlink(missing_ok=True)


def _path(root: Path, run_id: str) -> Path:
    return state.folder(root) / "runs" / f"{run_id}{_SUFFIX}"
