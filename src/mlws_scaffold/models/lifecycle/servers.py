"""Questions to a server whose failure must not look like a verdict on a model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.models import durations
from mlws_scaffold.models.lifecycle.cases import Case
from mlws_scaffold.models.lifecycle.expectations import Reply
from mlws_scaffold.models.lifecycle.trials import NoAnswer


@contextlib.contextmanager
def asked(host: str) -> Iterator[None]:
    """A server that breaks off gives no verdict: Unavailable, where asking again can help."""
    try:
        yield
    except ollama.ServerError as error:
        if error.again:
            said = f"the server at {host} failed: {error.message}"
            raise Unavailable(said, error.cure) from None
        raise


def ask(host: str, name: str, case: Case, seed: int) -> Reply:
    """Ask a model a case. Raises NoAnswer (its own fault), Unavailable (the server's)."""
    limit = durations.seconds(case.timeout)
    began = time.monotonic()
    try:
        with asked(host):
            answer = ollama.chat(
                host,
                name,
                case.conversation,
                options={**case.options, "seed": seed},
                format=case.format,
                timeout=limit,
            )
    except ollama.ServerError as error:
        raise NoAnswer(error.message) from None
    except Unavailable:
        if time.monotonic() - began < limit:
            raise
        ollama.version(host)  # a server that is gone says nothing about the model
        raise NoAnswer(f"no whole answer within {case.timeout}") from None
    return Reply(answer.text, answer.seconds)
