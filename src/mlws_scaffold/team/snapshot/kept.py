"""What follows from commits and never changes, kept on this machine.

It holds nothing that git or a store does not: whatever is wrong with it, it is made again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace

# A change of what is kept makes all of it anew.
_VERSION = 1
_MOST_BYTES = 100_000_000
_MOST_ENTRIES = 200_000


@dataclass(slots=True)
class Kept:
    """A table of texts. When it grows too large, only what was asked for this time stays."""

    texts: dict[str, str]
    used: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    @contextlib.contextmanager
    def opened(cls, place: Workspace, name: str) -> Iterator[Kept]:
        """The table of a name, written back at the end if that is possible."""
        data = read(place, name, "texts")
        texts = data if isinstance(data, dict) else {}
        kept = cls({key: text for key, text in texts.items() if isinstance(text, str)})
        yield kept
        if kept.changed:
            texts = {**kept.texts, **kept.used}
            write(place, name, "texts", texts if len(texts) <= _MOST_ENTRIES else kept.used)

    def get(self, key: str) -> str | None:
        found = self.used.get(key, self.texts.get(key))
        if found is not None:
            self.used[key] = found
        return found

    def put(self, key: str, text: str) -> None:
        self.used[key] = text
        self.changed = True


def made(place: Workspace, name: str, stamp: str, make: Callable[[], Any]) -> Any:
    """What `make` made for this stamp, or makes now; an empty stamp keeps nothing. JSON only."""
    found = read(place, name, stamp) if stamp else None
    if found is None:
        found = make()
        if stamp:
            write(place, name, stamp, found)
    return found


def read(place: Workspace, name: str, stamp: str) -> Any:
    """What was written under this stamp; None where that is not there or was made otherwise."""
    path = _path(place, name)
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = json.loads(path.read_bytes())
        return data["content"] if (data["version"], data["stamp"]) == (_VERSION, stamp) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(place: Workspace, name: str, stamp: str, content: Any) -> None:
    """Keep it. A full or read-only disk makes the next snapshot slower, and nothing else."""
    path = _path(place, name)
    with contextlib.suppress(OSError, MlwsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {"version": _VERSION, "stamp": stamp, "content": content}
        files.write(path, json.dumps(data))


def _path(place: Workspace, name: str) -> Path:
    return state.folder(place.root) / "snapshot" / f"{name}.json"
