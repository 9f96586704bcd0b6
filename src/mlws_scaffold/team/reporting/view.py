"""A snapshot as the reports read it: one person's part of it, or everybody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mlws_scaffold.errors import UsageError, did_you_mean
from mlws_scaffold.team.reporting.page import Line, Part, flat
from mlws_scaffold.team.snapshot.period import parsed

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """`author`: only what concerns this person; empty for all."""

    snapshot: Mapping[str, Any]
    author: str = ""

    @property
    def since(self) -> datetime:
        return parsed(self.snapshot["since"])

    @property
    def until(self) -> datetime:
        return parsed(self.snapshot["at"])

    @property
    def name(self) -> str:
        return flat(self.snapshot["workspace"]["name"])

    def rows(self, name: str, part: str = "") -> Sequence[Row]:
        """The entries of a section; none where it was not measured."""
        section = self.snapshot["sections"].get(name)
        if section is None or not section["ok"]:
            return ()
        found: Sequence[Row] = section["data"].get(part, ()) if part else section["data"]
        return found

    def why(self, name: str) -> str:
        """Why a section was not measured; empty where it was."""
        section = self.snapshot["sections"].get(name)
        if section is None:
            return "not measured: it was not asked for"
        return str(section["why"])

    def source(self, name: str) -> str:
        return str(self.snapshot["sections"].get(name, {"source": ""})["source"])

    def holds(self, text: str | None) -> bool:
        """Whether an instant of the snapshot lies in its period."""
        return bool(text) and self.since <= parsed(str(text)) < self.until

    def concerns(self, *people: str | None) -> bool:
        """Whether one of these is who is asked about, or everybody is."""
        return not self.author or self.author in people

    def when(self, text: str | datetime, form: str = "%a %d %b %H:%M") -> str:
        """An instant by the clocks of the team."""
        found = parsed(text) if isinstance(text, str) else text
        return found.astimezone(ZoneInfo(self.snapshot["zone"])).strftime(form)

    def part(self, title: str, name: str, lines: Iterable[Line], empty: str) -> Part:
        """A part about one section: what it says, or why it says nothing, and what it lacks."""
        if why := self.why(name):
            return Part(title, (), Line(flat(why), self.source(name)))
        notes = [
            Line(f"note: {flat(note)}", self.source(name))
            for note in self.snapshot["sections"][name]["notes"]
        ]
        return Part(title, [*lines, *notes], Line(empty, self.source(name)))


def of(snapshot: Mapping[str, Any], author: str = "") -> View:
    """The view of a person. Raises UsageError for one that nobody is."""
    view = View(snapshot, author)
    known = {row["handle"] for row in view.rows("people")}
    known |= {row["author"] for row in view.rows("commits")}
    if author and author not in known:
        raise UsageError(f"--author: nobody is called {author!r}", did_you_mean(author, known))
    return view


def amounts(costs: Mapping[str, float]) -> str:
    """Amounts of money: `12.00 EUR, 3.00 USD`, or `0.00`."""
    return ", ".join(f"{costs[one]:,.2f} {one}" for one in sorted(costs)) or "0.00"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
