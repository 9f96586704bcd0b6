"""What mlws did on a server from this clone of the workspace, in the user's state folder.

Nothing is lost with it: what is right on a server is then recognised and adopted. One file for
each server; one lock for each server and user, which all workspaces share.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace import state

MadeBy = Literal["pulled", "created", "copied", "found"]
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name. Digests are 64 hex digits, `at` is an instant in UTC.

    made_by: `found` means that somebody else had made it. fingerprint and base_digest: of the
    Modelfile and of the base it was built on. pending: the work was begun, and no success was seen.
    """

    digest: str
    made_by: MadeBy
    at: str
    fingerprint: str = ""
    base_digest: str = ""
    server_version: str = ""
    pending: bool = False


class Record:
    """The entries for one server by `full_name`; every change is on disk when it returns."""

    def __init__(self, root: Path, host: str) -> None:
        self._path = state.folder(root) / "ollama" / f"{_identity(host)}.json"
        self._host = host
        self._entries = dict(_read(self._path))

    @property
    def entries(self) -> Mapping[str, Entry]:
        return dict(self._entries)

    def put(self, entries: Mapping[str, Entry]) -> None:
        """Add or replace."""
        self._write({**self._entries, **entries})

    def drop(self, names: set[str]) -> None:
        """Forget names that are no longer on the server."""
        if names & self._entries.keys():
            self._write({name: one for name, one in self._entries.items() if name not in names})

    def _write(self, entries: dict[str, Entry]) -> None:
        shown = {name: dataclasses.asdict(entries[name]) for name in sorted(entries)}
        whole = {"version": _VERSION, "server": self._host, "models": shown}
        _make(self._path.parent)
        files.write(self._path, json.dumps(whole, indent=1) + "\n")
        self._entries = entries


@contextlib.contextmanager
def locked(host: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Whoever changes the models of a server takes turns here, in whatever workspace."""
    folder = state.home() / "servers" / _identity(host)
    _make(folder)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(files.locked(folder, wait=False))
        except BlockingIOError:
            waiting()
            held.enter_context(files.locked(folder))
        yield


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "mend its rights, or name a folder of your own in XDG_STATE_HOME"
        raise MlwsError(f"{folder} cannot be made: {error.strerror}", cure) from None


def _identity(host: str) -> str:
    """A file name for a server; the loopback address has many names."""
    parts = urlsplit(host)
    name = "localhost" if parts.hostname in ("localhost", "::1", "127.0.0.1") else parts.hostname
    same = f"{parts.scheme}://{name}:{parts.port}{parts.path}"
    return hashlib.sha256(same.encode()).hexdigest()[:16]


def _read(path: Path) -> Iterator[tuple[str, Entry]]:
    """Whatever is not understood counts as not known."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return
    models = data.get("models") if isinstance(data, dict) else None
    if not isinstance(models, dict) or data.get("version") != _VERSION:
        return
    for name, fields in models.items():
        if (entry := _entry(fields)) is not None:
            yield name, entry


def _entry(fields: Any) -> Entry | None:
    try:
        entry = Entry(**fields)
    except TypeError:
        return None
    texts = (entry.digest, entry.at, entry.fingerprint, entry.base_digest, entry.server_version)
    sound = all(isinstance(text, str) for text in texts) and isinstance(entry.pending, bool)
    return entry if sound and entry.made_by in get_args(MadeBy) else None
