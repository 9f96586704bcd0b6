"""Holds one answer against what a case expects of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.process import Finished
from mlws_scaffold.adapters.schema import listed
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.models import durations
from mlws_scaffold.models.lifecycle import child
from mlws_scaffold.models.lifecycle.cases import Case
from mlws_scaffold.workspace import expectations
from mlws_scaffold.workspace.expectations import Plain
from mlws_scaffold.workspace.layout import MODEL_CASES, Layout

# For a pattern, a schema or a function of the team, the start of Python included.
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and the seconds until it was whole."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the answers of one file of cases. `seconds` is the most that one judgement takes."""

    layout: Layout
    refusals: tuple[str, ...] = ()
    seconds: float = SECONDS

    def failures(self, case: Case, reply: Reply) -> list[str]:
        """Everything that is not as expected; empty when all is.

        Raises Unavailable when a judgement needs what is not installed.
        """
        return [*self._plain(case, reply), *self._apart(case, reply)]

    def _plain(self, case: Case, reply: Reply) -> Iterator[str]:
        expect = case.expect
        wanted = Plain(
            listed(expect.contains),
            listed(expect.not_contains),
            expect.exact,
            expect.refuses,
            refusals=self.refusals,
        )
        yield from expectations.failures(wanted, reply.text)
        if expect.max_latency is not None:
            most = durations.seconds(expect.max_latency)
            if reply.seconds > most:
                yield f"took {durations.text(reply.seconds)}, more than {expect.max_latency}"

    def _apart(self, case: Case, reply: Reply) -> Iterator[str]:
        expect = case.expect
        for pattern in listed(expect.regex):
            yield from self._ask(case, reply, {"kind": "regex", "pattern": pattern})
        if expect.json_schema is not None:
            task = {"kind": "json_schema", "schema": expect.json_schema}
            yield from self._ask(case, reply, task)
        if expect.function is not None:
            file, _, function = expect.function.partition(":")
            path = self.layout.root / MODEL_CASES / file
            known = {
                "name": case.name,
                "messages": case.conversation,
                "seconds": reply.seconds,
            }
            task = {"kind": "function", "file": str(path), "function": function, "case": known}
            yield from self._ask(case, reply, task)

    def _ask(self, case: Case, reply: Reply, task: Mapping[str, Any]) -> list[str]:
        """Judge in a child, which is killed when it takes too long: a pattern may never end."""
        shown = case.expect.function if task["kind"] == "function" else f"its {task['kind']}"
        with tempfile.TemporaryDirectory(prefix="mlws-case-") as scratch:
            place = Path(scratch, "task.json")
            place.write_text(json.dumps({**task, "answer": reply.text}), encoding="utf-8")
            command = (sys.executable, "-P", child.__file__, str(place))
            try:
                done = children.ask(command, self.layout.root, os.environ, timeout=self.seconds)
            except children.TooSlow:
                return [f"{shown} did not end within {durations.text(self.seconds)}"]
            try:
                return [str(item) for item in json.loads(_read(place))]
            except (OSError, ValueError):
                return [f"{shown} {_broke(done)}"]


def _read(place: Path) -> str:
    return place.with_name(f"{place.name}.out").read_text(encoding="utf-8")


def _broke(done: Finished) -> str:
    last = (done.errors.strip().splitlines() or [""])[-1]
    if "No module named 'jsonschema'" in last:
        raise Unavailable(
            "a case has a json_schema, and the package jsonschema is not installed",
            "install the extra `models`: pip install 'mlws-scaffold[models]'",
        )
    if done.status == 0 or not last:
        return f"left without a verdict (exit status {done.status})"
    return f"broke: {last}"
