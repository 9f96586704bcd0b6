"""What follows from commits and never changes, kept on this machine: a small table of texts.

It holds nothing that git does not: whatever is wrong with it, it is made again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace

# A change of what is kept makes all of it anew.
_VERSION = 1
_MOST_BYTES = 50_000_000
_MOST_ENTRIES = 200_000


@dataclass(slots=True)
class Kept:
    """One table. What was asked for or put in stays; when it grows too large, only that does."""

    texts: dict[str, str]
    used: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    @contextlib.contextmanager
    def opened(cls, place: Workspace, name: str) -> Iterator[Kept]:
        """The table of a name, written back at the end if that is possible."""
        path = state.folder(place.root) / "snapshot" / f"{name}.json"
        kept = cls(_read(path))
        yield kept
        if kept.changed:
            texts = {**kept.texts, **kept.used}
            texts = texts if len(texts) <= _MOST_ENTRIES else kept.used
            # A full or read-only disk makes the next snapshot slower, and nothing else.
            with contextlib.suppress(OSError, MlwsError):
                path.parent.mkdir(parents=True, exist_ok=True)
                files.write(path, json.dumps({"version": _VERSION, "texts": texts}))

    def get(self, key: str) -> str | None:
        found = self.used.get(key, self.texts.get(key))
        if found is not None:
            self.used[key] = found
        return found

    def put(self, key: str, text: str) -> None:
        self.used[key] = text
        self.changed = True


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        data = json.loads(path.read_bytes())
        texts = data["texts"] if data["version"] == _VERSION else {}
        return {key: text for key, text in texts.items() if isinstance(text, str)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
