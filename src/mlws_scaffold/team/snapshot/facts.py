"""What the rules look at, and what they find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlws_scaffold.team.snapshot.period import parsed

CLOSED = ("completed", "failed", "abandoned")

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that needs somebody. `evidence` is what the rule saw, `cure` what ends it."""

    rule: str
    severity: str
    subject: str
    text: str
    evidence: str
    cure: str
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The sections that were measured, the moment of the snapshot, and the zone of the team."""

    sections: Sections
    now: datetime
    zone: str = "UTC"

    def rows(self, name: str, part: str = "") -> Sequence[Mapping[str, Any]]:
        """The entries of a section, or of a part of it; none where nothing was measured."""
        section = self.sections.get(name)
        if section is None or not section["ok"]:
            return ()
        data = section["data"]
        found = data.get(part, ()) if part else data
        return tuple(found)

    def open_experiments(self) -> Iterator[Mapping[str, Any]]:
        """Those that somebody works on or means to."""
        for row in self.rows("experiments"):
            if not row["archived"] and row["status"] not in (*CLOSED, "archived"):
                yield row

    def ago(self, text: str) -> timedelta:
        return self.now - parsed(text)
