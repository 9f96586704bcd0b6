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
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.models import durations
from mlws_scaffold.models.lifecycle import child
from mlws_scaffold.models.lifecycle.cases import Case, listed
from mlws_scaffold.workspace.layout import MODEL_CASES, Layout

# How models that were trained in English begin when they decline. A file may add its own.
REFUSALS = (
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i am not able",
    "i'm sorry, but",
    "i am sorry, but",
    "i must decline",
    "i'm not allowed",
    "i am not allowed",
)
_OPENING = 300  # characters: an apology further down belongs to an answer
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
        expect, text = case.expect, reply.text
        for part in listed(expect.contains):
            if part not in text:
                yield f"does not contain {part!r}"
        for part in listed(expect.not_contains):
            if part in text:
                yield f"contains {part!r}"
        if expect.exact is not None and text.strip() != expect.exact.strip():
            yield f"is not exactly {expect.exact.strip()!r}"
        if expect.refuses is not None and expect.refuses != refuses(text, self.refusals):
            yield "does not refuse" if expect.refuses else "refuses"
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


def refuses(text: str, more: tuple[str, ...] = ()) -> bool:
    """Whether an answer declines, judged by how it begins."""
    opening = text.strip()[:_OPENING].replace("’", "'").casefold()
    return any(words.replace("’", "'").casefold() in opening for words in (*REFUSALS, *more))


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
