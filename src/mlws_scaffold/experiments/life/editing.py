"""Edits of `metadata.yaml` that change what they mean to and nothing else.

Comments, order and quoting stay. Every result is parsed and validated again before the old file is
replaced, so an edit never leaves a file that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import documents, files, roundtrip
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.experiments.spec import Metadata

REMOVE = roundtrip.REMOVE


@dataclass(frozen=True, slots=True)
class Edit:
    """A file as it would be: its new text, and what the text declares."""

    path: Path
    old: str
    text: str
    metadata: Metadata

    @property
    def changes(self) -> bool:
        return self.text != self.old

    def write(self) -> None:
        """Replace the file, unless somebody else changed it meanwhile."""
        with files.locked(self.path.parent):
            if _text(self.path, str(self.path)) != self.old:
                raise MlwsError(f"{self.path} was changed meanwhile", "run the command again")
            if self.changes:
                files.write(self.path, self.text)


def prepare(path: Path, name: str, changes: Mapping[str, Any]) -> Edit:
    """The file with top-level keys set, or taken out where the value is REMOVE.

    A mapping is merged into the mapping that is there. Raises InvalidFile when the file is broken
    or would be, MlwsError when it cannot be edited without touching something else.
    """
    old = _text(path, name)
    documents.validate(Metadata, documents.parse(old.encode(), name))
    text = roundtrip.merge(old, name, changes)
    metadata = documents.validate(Metadata, documents.parse(text.encode(), name))
    return Edit(path, old, text, metadata)


def _text(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFile([Problem(name, f"is not UTF-8 at byte {error.start}")]) from None
    except OSError as error:
        raise InvalidFile([Problem(name, f"cannot be read: {error.strerror}")]) from None
