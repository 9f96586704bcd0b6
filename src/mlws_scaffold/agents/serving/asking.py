"""An agent served for as long as it is asked: for whoever judges what it answers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, http
from mlws_scaffold.adapters.children import Child
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.serving import serve
from mlws_scaffold.agents.serving.serve import Served, Wish
from mlws_scaffold.errors import MlwsError, Unavailable

_START_SECONDS = 60.0
_ANSWER_SECONDS = 330.0  # more than an agent's own longest limit
# Statuses by which an agent says that its model server is not there or has no time.
_NOT_JUDGED = (429, 503)


@dataclass(frozen=True, slots=True)
class Said:
    """An agent's answer, and the seconds until it was whole. failure: why there is none."""

    text: str
    seconds: float
    failure: str = ""
    status: int = 200


Ask = Callable[[Sequence[Mapping[str, str]], int], Said]
"""Asks with the messages of a conversation and a seed. Raises Unavailable."""


@contextlib.contextmanager
def served(root: Path, found: Found, server: Path, model: str, ollama: str) -> Iterator[Ask]:
    """Serve an agent on a free port with a model of the Ollama server at an address.

    `server` is the folder of the bundle with the server's files. Raises Unavailable for missing
    packages and an agent that is too slow, MlwsError with the last words of one that ends.
    """
    made = serve.prepare(root, found, server, Wish(model=model, port=_free_port()))
    env = {**os.environ, **made.environment, "OLLAMA_HOST": ollama}
    with tempfile.TemporaryDirectory(prefix="mlws-agent-") as scratch:
        log = Path(scratch, "log")
        child = children.start(made.command, made.folder, env, log, leads=True)
        try:
            _wait(found, made, child, log)
            yield lambda messages, seed: _ask(found, made, messages, seed)
        finally:
            children.stop(child)
            children.wait(child)


def _wait(found: Found, made: Served, child: Child, log: Path) -> None:
    # Taken while it lives: of a process that is gone nothing could be told any more.
    identity, deadline = child.identity, time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(Unavailable):
            if http.get(f"{made.address}/livez", timeout=2).status == 200:
                return
        if children.alive(identity) is False:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
            raise MlwsError(f"{found.agent.name} does not start: " + "\n".join(last))
        time.sleep(0.05)
    raise Unavailable(f"{found.agent.name} did not answer within {_START_SECONDS:.0f} s")


def _ask(found: Found, made: Served, messages: Sequence[Mapping[str, str]], seed: int) -> Said:
    began = time.monotonic()
    body = {"model": found.agent.name, "messages": list(messages), "seed": seed}
    reply = http.post(f"{made.address}/v1/chat/completions", body, _ANSWER_SECONDS)
    seconds = time.monotonic() - began
    try:
        data = json.loads(reply.body)
        if reply.status == 200:
            return Said(str(data["choices"][0]["message"]["content"] or ""), seconds)
        words = f"HTTP {reply.status}: {data['error']['message']}"
    except (ValueError, LookupError, TypeError):
        words = f"HTTP {reply.status}, and no answer in the form of OpenAI"
    if reply.status in _NOT_JUDGED:
        raise Unavailable(f"{found.agent.name} could not be asked: {words}")
    return Said("", seconds, words, reply.status)


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
