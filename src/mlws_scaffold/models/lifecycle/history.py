"""`models/history.jsonl`: who moved which model where, when, why, and on what evidence.

One JSON object a line, only ever added to. Two branches that both added lines merge by `union`,
so the order of the lines says nothing: `at` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.workspace.layout import MODEL_HISTORY, Layout

# Some tens of thousands of moves.
_MOST_BYTES = 500_000_000

Action = Literal["promote", "rollback"]


class _Kept(BaseModel):
    # A line that a newer mlws wrote stays readable here: what it adds passes unread.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Evidence(_Kept):
    """One gate as it was: its verdict, how long it took, and what it looked at."""

    name: str
    result: Literal["pass", "fail", "not applicable"]
    seconds: float = 0.0
    evidence: Mapping[str, Any] = Field(default_factory=dict)


class Record(_Kept):
    """One line. For a rollback `came_from` and `to` are versions, for a promotion statuses."""

    at: AwareDatetime
    actor: str
    model: str
    action: Action
    version: str
    came_from: str = Field(validation_alias="from", serialization_alias="from")
    to: str
    digest: str = ""
    commit: str = ""
    gates: tuple[Evidence, ...] = ()
    reason: str = ""

    @property
    def moves_pointer(self) -> bool:
        """Whether another version is in production since."""
        return self.action == "rollback" or self.to == "production"

    def line(self) -> str:
        """The line of the file, with its end."""
        data = self.model_dump(mode="json", by_alias=True)
        return json.dumps(data, ensure_ascii=False, separators=(", ", ": ")) + "\n"

    def gate(self, name: str) -> Mapping[str, Any]:
        """The evidence of a gate; empty where it was not asked."""
        return next((gate.evidence for gate in self.gates if gate.name == name), {})


def load(layout: Layout) -> list[Record]:
    """All records, oldest first. Raises InvalidFile with each line that is none."""
    records, problems = [], []
    for number, line in enumerate(_text(layout).split("\n"), 1):
        if not line.strip():
            continue
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            said = f"is no record: {first['msg'][:1].lower()}{first['msg'][1:]}"
            cure = "bring back the line that git has (git log -p), or take the conflict marks out"
            problems.append(Problem(MODEL_HISTORY, said, cure, field, number, 1))
    if problems:
        raise InvalidFile(problems)
    return sorted(records, key=lambda record: record.at)


def of(records: Sequence[Record], key: str) -> list[Record]:
    """The records of one model."""
    return [record for record in records if record.model == key]


def holds(layout: Layout, line: str) -> bool:
    """Whether exactly this line is in the file."""
    return line.rstrip("\n") in _text(layout).split("\n")


def instant(records: Sequence[Record], now: datetime) -> datetime:
    """When a record of the same model is made: never before what it follows.

    Two machines' clocks differ, and the order of the records is that of their instants.
    """
    latest = max((record.at for record in records), default=now)
    return max(now, latest + timedelta(microseconds=1)) if records else now


def append(layout: Layout, record: Record) -> None:
    """Add one line, whole and durable or not at all. Raises MlwsError when it cannot."""
    path = layout.root / MODEL_HISTORY
    with files.locked(path.parent):
        before = _text(layout)
        if before and not before.endswith("\n"):
            before += "\n"
        files.write(path, before + record.line())


def second(when: datetime) -> str:
    """An instant as files of people have it: to the second, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def in_production(records: Sequence[Record], when: datetime) -> Record | None:
    """The record that put into production what was there at an instant; None before the first."""
    found = [record for record in records if record.moves_pointer and record.at <= when]
    return found[-1] if found else None


def before(records: Sequence[Record], live: str) -> Record | None:
    """The record of the version to go back to from `live`: the one that it replaced.

    Going back twice leads two versions back, not forth again.
    """
    stack: list[Record] = []
    for record in records:
        if not record.moves_pointer:
            continue
        known = [index for index, item in enumerate(stack) if item.version == record.version]
        if record.action == "rollback" and known:
            del stack[known[-1] + 1 :]
        else:
            stack.append(record)
    return next((record for record in reversed(stack) if record.version != live), None)


def promoted(records: Sequence[Record], version: str) -> Record | None:
    """The last record by which this version was promoted to production."""
    found = [record for record in records if record.moves_pointer and record.version == version]
    return next((one for one in reversed(found) if one.action == "promote"), None)


def placed(records: Sequence[Record], version: str) -> Record | None:
    """The last record that put this version into production."""
    found = [record for record in records if record.moves_pointer and record.version == version]
    return found[-1] if found else None


def _text(layout: Layout) -> str:
    return texts.read(layout.root / MODEL_HISTORY, MODEL_HISTORY, _MOST_BYTES) or ""
