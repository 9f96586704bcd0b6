"""What must stay true of the agent; a fake model server is met by the real client, no network."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml
from ollama import AsyncClient

HERE = Path(__file__).parent


def load_agent() -> ModuleType:
    """Import this folder's agent.py under a name of its own: every prototype has such a file."""
    name = f"prototype_agent_{HERE.name}"
    spec = importlib.util.spec_from_file_location(name, HERE / "agent.py")
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


agent = load_agent()


def ask(answer: Callable[[httpx.Request], httpx.Response], **deps: Any) -> list[Any]:
    """Return every event of one run against a model server that answers so."""

    async def collect() -> list[Any]:
        client = AsyncClient(host="http://ollama.test", transport=httpx.MockTransport(answer))
        given = agent.Deps(client, "test-model", agent.read_instructions(HERE), **deps)
        return [event async for event in agent.run([agent.Message("user", "Hello?")], given)]

    return asyncio.run(collect())


def reply(*lines: dict[str, Any]) -> httpx.Response:
    """Return a stream of these lines."""
    text = "".join(json.dumps({"model": "test-model"} | line) + "\n" for line in lines)
    return httpx.Response(200, text=text)


def says(word: str) -> dict[str, Any]:
    """Return a line that adds a word to the answer."""
    return {"message": {"role": "assistant", "content": word}}


END = {"message": {"role": "assistant"}, "done": True, "prompt_eval_count": 7, "eval_count": 2}


def test_tokens_arrive_in_order_and_one_done_ends_them() -> None:
    """The order of the model is the order of the caller."""
    events = ask(lambda _: reply(says("Hel"), says("lo"), END))
    assert events == [agent.Token("Hel"), agent.Token("lo"), agent.Done(7, 2)]


def test_the_model_gets_the_prompt_and_the_sampling_of_this_folder() -> None:
    """prompts/system.md comes first, config.yaml's sampling goes along."""
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return reply(says("Yes"), END)

    sampling = yaml.safe_load((HERE / "config.yaml").read_text(encoding="utf-8"))["sampling"]
    ask(answer, options=sampling)
    prompt = (HERE / "prompts" / "system.md").read_text(encoding="utf-8").strip()
    assert prompt
    assert asked[0]["messages"][0] == {"role": "system", "content": prompt}
    assert asked[0]["messages"][-1] == {"role": "user", "content": "Hello?"}
    assert asked[0]["options"] == sampling


def test_a_refused_connection_is_one_failure() -> None:
    """Nothing is raised: whoever serves the agent gets an event to tell."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    assert ask(refuse) == [
        agent.Failure("unreachable", "no connection to the model server: refused")
    ]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "failed"), (500, "failed"), (503, "busy")], ids=str
)
def test_a_refusal_of_the_model_server_keeps_its_meaning(status: int, kind: str) -> None:
    """A full queue differs from a missing model."""
    events = ask(lambda _: httpx.Response(status, json={"error": "no"}))
    assert events == [agent.Failure(kind, "no")]


def test_an_answer_that_stops_early_is_never_complete() -> None:
    """Without the closing line it is a failure, however good it looks."""
    assert isinstance(ask(lambda _: reply(says("Hel")))[-1], agent.Failure)
