"""What is about to be changed, written down before, so that a killed command can be taken back.

One intent at a time and per clone, in the user's state folder. It is there from before the first
change until after the last one, the line in the history. Found again, it is either done (the
history has the line) or taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.lifecycle.naming import Naming
from mlws_scaffold.models.lifecycle.stages import Watch
from mlws_scaffold.workspace import state


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A file (its path from the root) as it was, None where there was none, and as it will be."""

    path: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Intent:
    """Everything that one move changes. host: where the names are; empty without names.

    branch: where the files were changed; on another one their state tells nothing.
    """

    key: str
    host: str
    names: tuple[Naming, ...]
    files: tuple[Rewrite, ...]
    record: Record
    branch: str = ""


@contextlib.contextmanager
def alone(root: Path, watch: Watch) -> Iterator[None]:
    """One move at a time in this clone; a second one says so and waits."""
    folder = _place(root).parent
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(folder, wait=False))
        except BlockingIOError:
            watch("another move runs in this clone: waiting for its end")
            stack.enter_context(files.locked(folder))
        yield


def write(root: Path, intent: Intent) -> None:
    """Keep the intent, durably."""
    data = dataclasses.asdict(dataclasses.replace(intent, record=None))  # type: ignore[arg-type]
    data["record"] = intent.record.line()
    files.write(_place(root), json.dumps(data))


def read(root: Path) -> Intent | None:
    """The intent that is not finished; None when there is none. Raises MlwsError when unread."""
    place = _place(root)
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        return _intent(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        said = f"what an interrupted command left in {place} cannot be read: {error}"
        raise MlwsError(
            said, "compare the registry with the server, then remove the file"
        ) from None


def forget(root: Path) -> None:
    """The intent is done, or taken back."""
    _place(root).unlink(missing_ok=True)


def branch(root: Path) -> str:
    """The branch of the work tree; empty when detached, and outside of git."""
    return Git(root).branch()


def refuse_elsewhere(root: Path, intent: Intent) -> None:
    """Raise MlwsError on another branch than the intent's: its files are not the ones here."""
    if (here := branch(root)) != intent.branch:
        said = f"a move of {intent.key} was interrupted on branch {intent.branch or '(none)'}"
        cure = f"git switch {intent.branch}, then again; here is {here or 'no branch'}"
        raise MlwsError(said, cure)


def _intent(data: dict[str, Any]) -> Intent:
    return Intent(
        key=data["key"],
        host=data["host"],
        names=tuple(Naming(**one) for one in data["names"]),
        files=tuple(Rewrite(**one) for one in data["files"]),
        record=Record.model_validate_json(data["record"]),
        branch=data["branch"],
    )


def _place(root: Path) -> Path:
    return state.folder(root) / "lifecycle/intent.json"
