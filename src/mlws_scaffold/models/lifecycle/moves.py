"""Which status may follow which. One table for the commands and for whoever judges a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.registry import Model, Status

# One step forward; back to the start from where a version is still being judged.
MOVES: Mapping[Status, tuple[Status, ...]] = {
    "development": ("testing",),
    "testing": ("staging", "development"),
    "staging": ("production", "development"),
    "production": ("deprecated",),
    "deprecated": ("development",),
}


def standing(model: Model, records: Sequence[Record]) -> Status:
    """Where the version in the registry stands; `records` are those of this model, oldest first.

    A status belongs to a version. Where the history knows other versions only, the status in the
    registry is still that of the version before, and this one is at its beginning.
    """
    known = {record.version for record in records}
    if known and version_of(model) not in known:
        return "development"
    return model.status


def refuse_illegal(old: Status, new: Status) -> None:
    """Raise MlwsError unless one legal move leads from `old` to `new`."""
    if new not in MOVES[old]:
        said = f"is {old} already" if new == old else f"cannot become {new} from {old}"
        raise MlwsError(f"this version {said}", f"next from {old}: {' or '.join(MOVES[old])}")


def version_of(model: Model) -> str:
    """The version as text; empty where the registry names none."""
    return "" if model.version is None else str(model.version)


def earned(records: Sequence[Record], version: str, status: Status) -> Record | None:
    """The record by which the version came to `status`, unless it went back to the start since."""
    for record in reversed(records):
        if record.version != version or record.action != "promote":
            continue
        if record.to == status:
            return record
        if record.to == "development":
            return None
    return None
