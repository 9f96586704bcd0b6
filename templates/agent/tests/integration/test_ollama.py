"""The protocol with a real Ollama and any small model; what the model says is not judged here.

OLLAMA_HOST names the server, AGENT_TEST_MODEL the model (`smollm2:135m` is enough).
"""

import asyncio
import json
import os
from pathlib import Path

import httpx
import pytest

from agent.agent import Connection, Deps, model_server, run
from agent.chat import Chat
from agent.server import create_app
from agent.settings import Settings


def _models() -> list[str]:
    listed = httpx.get(f"{model_server()}/api/tags", timeout=2, trust_env=False).json()
    return [str(model["model"]) for model in listed["models"]]


@pytest.fixture(scope="module")
def model() -> str:
    """Return a model that the server has, or skip and say what is missing."""
    wanted = os.environ.get("AGENT_TEST_MODEL", "smollm2:135m")
    server = model_server()
    try:
        there = _models()
    except (OSError, httpx.HTTPError, ValueError) as error:
        pytest.skip(f"NOT TESTED: no Ollama on {server} ({type(error).__name__}); set OLLAMA_HOST")
    if wanted not in there:
        pytest.skip(f"NOT TESTED: Ollama on {server} has no {wanted}; set AGENT_TEST_MODEL")
    return wanted


@pytest.mark.parametrize("stream", [False, True])
def test_a_real_model_answers_in_both_shapes(model: str, stream: bool) -> None:
    """Text arrives, tokens are counted, a stream ends."""

    async def ask() -> httpx.Response:
        settings = Settings(home=Path(), name="test-agent", model=model, environment="development")
        deps = Deps(Connection(model_server()), model, "Answer with one word.")
        chat = Chat.of(settings, deps, run)
        transport = httpx.ASGITransport(create_app(chat, ()))
        asked = {
            "model": "test-agent",
            "messages": [{"role": "user", "content": "Say hello."}],
            "stream": stream,
            "max_tokens": 16,
            "temperature": 0,
        }
        async with httpx.AsyncClient(transport=transport, base_url="http://agent.test") as client:
            return await client.post("/v1/chat/completions", json=asked, timeout=300)

    response = asyncio.run(ask())
    assert response.status_code == 200
    if stream:
        *chunks, end = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
        deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
        assert "".join(delta.get("content", "") for delta in deltas).strip()
        assert end == "[DONE]"
    else:
        answer = response.json()
        assert answer["choices"][0]["message"]["content"].strip()
        assert answer["usage"]["completion_tokens"] > 0
