"""One part of the snapshot: numbers with their source, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NOT_MEASURED = "not measured: "


@dataclass(frozen=True, slots=True)
class Section:
    """What one collector found.

    `source` says where the numbers come from. `why` is empty, or the words `not measured: …` when
    there are no numbers; `data` is then what the section holds when it holds nothing. `notes` say
    what is missing from numbers that are there.
    """

    name: str
    source: str
    data: Any
    why: str = ""
    notes: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        return not self.why

    def shape(self) -> Mapping[str, Any]:
        """The section as it stands in the snapshot."""
        return {
            "source": self.source,
            "ok": self.ok,
            "why": self.why,
            "notes": list(self.notes),
            "data": self.data,
        }


def missing(name: str, source: str, data: Any, why: str) -> Section:
    """A section without numbers; `why` in the words of whoever could not be asked."""
    said = " ".join(why.split())
    return Section(
        name, source, data, said if said.startswith(NOT_MEASURED) else f"{NOT_MEASURED}{said}"
    )
