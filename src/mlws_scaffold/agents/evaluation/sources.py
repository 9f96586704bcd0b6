"""Where answers come from: the agent as it is served, or what was recorded of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import ollama
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import recordings
from mlws_scaffold.agents.evaluation.cases import Case, Cases
from mlws_scaffold.agents.evaluation.judging import Answer, Ask
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.agents.serving import asking, fake_model
from mlws_scaffold.errors import Unavailable

# The server's statuses for: no place free, the model server failed, is away, was too slow. None of
# them says anything about the agent's behaviour.
NOT_JUDGED = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Served:
    """How to serve: the bundle's folder of server files, and the address of the model server."""

    root: Path
    server: Path
    host: str


@contextlib.contextmanager
def live(served: Served, found: Found, model: str) -> Iterator[tuple[Model, Ask]]:
    """Serve the agent on a free port with a model; `fake` needs no model server.

    Raises Unavailable when it cannot be served or the model server does not answer.
    """
    with contextlib.ExitStack() as stack:
        fake = model == fake_model.NAME
        if fake:
            host, digest = stack.enter_context(fake_model.running(0.0)), ""
        else:
            host, digest = served.host, _digest(served.host, model)
        ask = stack.enter_context(asking.served(served.root, found, served.server, model, host))
        yield Model(model, digest, fake), lambda case, seed: answer(ask, case, seed)


def recorded(found: Found, cases: Cases, model: str) -> tuple[Model, Ask]:
    """Answers that were recorded. Raises Unavailable when any is missing or out of date."""
    known = recordings.require(found, cases, model)
    made = recordings.makeup(found)
    return known.model, lambda case, seed: known.answers[recordings.key(case, seed, made)]


def answers(host: str) -> bool:
    """Whether a model server answers at the address."""
    try:
        return bool(ollama.version(host))
    except Unavailable:
        return False


def _digest(host: str, model: str) -> str:
    known = ollama.installed(host)
    name = ollama.full_name(model)
    if name not in known:
        raise Unavailable(f"{host} has no model {model!r}", f"mlws model sync {model}")
    return known[name]


def answer(ask: asking.Ask, case: Case, seed: int) -> Answer:
    """Ask the served agent once. Raises Unavailable when no answer says nothing about the agent."""
    said = ask(case.conversation, seed)
    if said.status in NOT_JUDGED:
        raise Unavailable(f"case {case.id} could not be judged: {said.failure}", "try again later")
    return Answer(said.text, said.seconds, said.failure)
