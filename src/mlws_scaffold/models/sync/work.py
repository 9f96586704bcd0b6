"""One sync while it runs: the facts as they become known, and what the record is told of them.

Before anything is begun the record says so; a success is written only after the server has said
it and lists the digest. What happens between the two is found by the next sync.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from mlws_scaffold.adapters.ollama import Held
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.sync.decide import Facts, Step, decide
from mlws_scaffold.models.sync.order import Kind, Wish
from mlws_scaffold.models.sync.plan import Demand, Looks, gathered, steps
from mlws_scaffold.models.sync.record import Entry, MadeBy, Record
from mlws_scaffold.models.sync.server import Server
from mlws_scaffold.workspace.config import Workspace

_MADE: Mapping[Kind, MadeBy] = {"pull": "pulled", "build": "created", "copy": "copied"}


class Work:
    def __init__(
        self, place: Workspace, server: Server, asked: Demand, held: Mapping[str, Held]
    ) -> None:
        self.place = place
        self.server = server
        self.asked = asked
        self.record = Record(place.root, server.host)
        self._looks = Looks(server.show)
        self._forget_lost(held)
        self.facts: Facts = gathered(asked, held, self.record.entries, self._looks)

    def judge(self, wish: Wish, *, forced: bool = True) -> Step:
        """The verdict by what is known now; without `forced`, whatever was asked to be forced."""
        return decide(wish, self.facts if forced else replace(self.facts, force=frozenset()))

    def steps(self) -> tuple[Step, ...]:
        """All chosen wishes with their verdicts; what cannot be looked at now is left open."""
        return steps(self.asked.chosen, self.facts, _judged_if_possible)

    def begin(self, wishes: Iterable[Wish]) -> None:
        """Note that these names are about to be changed."""
        entries = {}
        for wish in wishes:
            old = self.facts.record.get(wish.full)
            there = wish.full in self.facts.held and wish.kind != "build"
            new = Entry("", "found" if there else _MADE[wish.kind], _now(), pending=True)
            entries[wish.full] = replace(old, pending=True) if old else new
        self._write(entries)

    def finish(self, wish: Wish, base_digest: str = "") -> str:
        """Read back what the server holds now, and note the success. Returns the digest.

        Raises MlwsError when the server does not list the model.
        """
        self._looks.forget(wish.full)
        held = self.server.held()
        self.facts = replace(self.facts, held=held)
        if wish.full not in held:
            detail = f"{wish.name}: the server said success and does not list the model"
            raise MlwsError(detail, "look at the server's log")
        begun = self.facts.record[wish.full]
        made_by: MadeBy = "created" if wish.kind == "build" else begun.made_by
        self._write({wish.full: self._entry(wish, made_by, base_digest)})
        return held[wish.full].digest

    def adopt(self, wishes: Iterable[Wish]) -> None:
        """Note what is right already. It stays somebody else's, unless an end was missed."""
        entries = {}
        for wish in wishes:
            old = self.facts.record.get(wish.full)
            made_by: MadeBy = old.made_by if old and old.pending else "found"
            entries[wish.full] = self._entry(wish, made_by, self.facts.digest(wish.source))
        self._write(entries)

    def _entry(self, wish: Wish, made_by: MadeBy, base_digest: str) -> Entry:
        return Entry(
            self.facts.digest(wish.full),
            made_by,
            _now(),
            wish.recipe.fingerprint if wish.recipe else "",
            base_digest if wish.kind == "build" else "",
            self._version,
        )

    def _write(self, entries: Mapping[str, Entry]) -> None:
        if entries:
            self.record.put(entries)
            self.facts = replace(self.facts, record=self.record.entries)

    def _forget_lost(self, held: Mapping[str, Held]) -> None:
        asked = {wish.full for wish in self.asked.wishes}
        gone = {name for name in self.record.entries if name not in held and name not in asked}
        self.record.drop(gone)

    @functools.cached_property
    def _version(self) -> str:
        return self.server.version()


def _judged_if_possible(wish: Wish, facts: Facts, origin: Step | None) -> Step:
    try:
        return decide(wish, facts, origin)
    except MlwsError as error:
        return Step(wish, "unjudged", "judge", error.message, error.cure)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
