"""Carries an intent out, whole or not at all: the names on the server, the files, the history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models.lifecycle import history, journal, naming
from mlws_scaffold.models.lifecycle.journal import Intent, Rewrite
from mlws_scaffold.models.lifecycle.stages import Watch
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import Layout

_LATER = "it is taken back by the next `mlws model promote` or `rollback` here, when that can be"


class Unfinished(Unavailable):
    """A move was stopped, and what it had changed could not be brought back yet."""


def write_intent(place: Workspace, intent: Intent, watch: Watch) -> None:
    """From here on a killed command is taken back."""
    watch("write down what will be changed")
    journal.write(place.root, intent)


def give_names(_place: Workspace, intent: Intent, watch: Watch) -> None:
    """Backup, version, pointer: each copied and verified by digest."""
    naming.give(intent.host, intent.names, watch)


def write_files(place: Workspace, intent: Intent, watch: Watch) -> None:
    """The registry (`status`, `live`), and the card."""
    for one in intent.files:
        watch(f"write {one.path}")
        path = place.root / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.locked(path.parent):
            if _text(path) != one.before:
                raise MlwsError(f"{one.path} was changed meanwhile", "run the command again")
            files.write(path, one.after)


def write_history(place: Workspace, intent: Intent, watch: Watch) -> None:
    """The last write: with this line the move is made."""
    watch("write the history")
    history.append(place.layout, intent.record)


def forget_intent(place: Workspace, _intent: Intent, watch: Watch) -> None:
    """Nothing is left to be taken back."""
    watch("done")
    journal.forget(place.root)


Step = Callable[[Workspace, Intent, Watch], None]
STEPS: tuple[Step, ...] = (write_intent, give_names, write_files, write_history, forget_intent)


def carry_out(place: Workspace, intent: Intent, watch: Watch) -> None:
    """Make the move. Whatever stops it before the last write takes everything back.

    Raises what stopped it; Unfinished when the server is gone so that its names could not be
    brought back: then the next command does it.
    """
    try:
        for step in STEPS:
            step(place, intent, watch)
    except BaseException as error:
        if not history.holds(place.layout, intent.record.line()):
            _stop(place, intent, error)
        raise


def recover(place: Workspace) -> list[str]:
    """Finish or take back what an interrupted command of this clone left; remarks on it.

    Raises Unavailable when the server of that move cannot be asked, MlwsError on another branch.
    """
    intent = journal.read(place.root)
    if intent is None:
        return []
    journal.refuse_elsewhere(place.root, intent)
    if history.holds(place.layout, intent.record.line()):
        journal.forget(place.root)
        return [f"{_what(intent)} was interrupted after it was made"]
    remarks = take_back(place.layout, intent)
    journal.forget(place.root)
    return [f"{_what(intent)} was interrupted and is taken back", *remarks]


def pending(place: Workspace) -> str:
    """What a command left unfinished here, in words; empty when nothing is."""
    intent = journal.read(place.root)
    return f"{_what(intent)} was interrupted; {_LATER}" if intent else ""


def take_back(layout: Layout, intent: Intent) -> list[str]:
    """Files and names as they were. Asking twice changes nothing. Returns remarks."""
    remarks = [remark for one in reversed(intent.files) for remark in _restore(layout, one)]
    if intent.names:
        remarks += naming.take_back(intent.host, intent.names)
    return remarks


def _stop(place: Workspace, intent: Intent, error: BaseException) -> None:
    try:
        take_back(place.layout, intent)
        journal.forget(place.root)
    except MlwsError as second:
        if isinstance(error, MlwsError):
            said = f"{error.message}; and not all could be brought back: {second.message}"
            raise Unfinished(f"{said}; {_LATER}", second.cure) from error


def _restore(layout: Layout, one: Rewrite) -> list[str]:
    path = layout.root / one.path
    if not path.parent.is_dir():
        return []
    with files.locked(path.parent):
        now = _text(path)
        if now == one.before:
            return []
        if now != one.after:
            return [f"{one.path} was changed since and is left: see whether it is right"]
        if one.before is None:
            path.unlink()
        else:
            files.write(path, one.before)
    return []


def _text(path: Path) -> str | None:
    """The text to the byte; None where there is no file. Raises MlwsError."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MlwsError(f"{path} cannot be read: {error}") from None


def _what(intent: Intent) -> str:
    record = intent.record
    return f"{record.action} of {intent.key} {record.version} to {record.to}"
