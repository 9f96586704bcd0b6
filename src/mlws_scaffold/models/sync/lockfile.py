"""`models/models.lock`: what the team accepted at the last sync.

The digest of a pulled model is the same everywhere. That of a built one depends on the version of
the server that wrote it down, so its Modelfile's fingerprint and its base's digest speak for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from mlws_scaffold.adapters import documents, files
from mlws_scaffold.adapters.ollama import full_name
from mlws_scaffold.adapters.schema import Strict
from mlws_scaffold.workspace.layout import MODEL_LOCK, Layout

_DIGEST = "^sha256:[0-9a-f]{64}$"
_HEAD = (
    "# Written by mlws model sync; mlws model lock --update accepts what has moved. Commit it.\n"
)


class Locked(Strict):
    """One entry of the registry as it was accepted."""

    name: str = Field(description="the name in Ollama")
    digest: str | None = Field(
        None, pattern=_DIGEST, description="sha256: and 64 hex digits; none: to be built anew"
    )
    base: str | None = Field(None, description="the model it is built from")
    base_digest: str | None = Field(
        None, pattern=_DIGEST, description="the digest of a base that is pulled"
    )
    fingerprint: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="the hash of what the Modelfile says"
    )
    at: datetime = Field(description="when it was accepted, in UTC")

    @property
    def full(self) -> str:
        return full_name(self.name)

    def meaning(self) -> tuple[object, ...]:
        """What stays the same whichever version of the server wrote the model down."""
        if self.fingerprint is None:
            return (self.full, self.digest)
        return (self.full, self.base and full_name(self.base), self.base_digest, self.fingerprint)


class Lock(Strict):
    models: Mapping[str, Locked] = Field(
        default_factory=dict, description="a mapping from the registry's key to what was accepted"
    )


def read(layout: Layout) -> dict[str, Locked]:
    """What is locked, by key; nothing without a file. Raises InvalidFile."""
    path = layout.root / MODEL_LOCK
    if not path.exists():
        return {}
    return dict(documents.validate(Lock, documents.read(path, MODEL_LOCK)).models)


def accept(before: Mapping[str, Locked], found: Mapping[str, Locked]) -> dict[str, Locked]:
    """The lock with what was found; what means the same stays as it is, so that files stay still.

    A lock that knew no digest takes the one that was found.
    """
    after = dict(before)
    for key, new in found.items():
        old = before.get(key)
        if old is None or old.digest is None or old.meaning() != new.meaning():
            after[key] = new
    return after


def write(layout: Layout, models: Mapping[str, Locked]) -> bool:
    """Write the lock, sorted by key, and say whether that changed the file."""
    lines = [_HEAD, "models:\n" if models else "models: {}\n"]
    for key in sorted(models):
        lines.append(f"  {documents.scalar(key)}:\n")
        for name, value in models[key].model_dump(exclude_none=True).items():
            plain = f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else None
            lines.append(f"    {name}: {plain or documents.scalar(value)}\n")
    path, text = layout.root / MODEL_LOCK, "".join(lines)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    files.write(path, text)
    return True
