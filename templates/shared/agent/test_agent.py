"""What must stay true of the agent; a fake model server on this machine is met by the real client.

The same text serves the prototype and production: it finds agent.py beside itself or in src/agent.
"""

import asyncio
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
HOME = HERE if (HERE / "agent.yaml").is_file() else HERE.parents[1]
OWN = HOME / "agent.py" if HOME == HERE else HOME / "src" / "agent" / "agent.py"


def load_agent() -> ModuleType:
    """Import agent.py under a name of its own: every prototype has such a file."""
    if str(HOME / "src") not in sys.path:
        sys.path.append(str(HOME / "src"))
    name = f"agent_of_{HOME.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, OWN)
    assert spec and spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


agent = load_agent()


@dataclass
class FakeModel:
    """Says `words` on both of Ollama's chat routes, after the calls of tools in `calls`."""

    words: tuple[str, ...] = ("Hel", "lo")
    reason: str = "stop"
    status: int = 200
    cut: bool = False  # ends without the closing line
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # one a question
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, openai: bool) -> list[str]:
        """Return the lines of one reply."""
        if self.calls:
            name, arguments = self.calls.pop(0)
            given = json.dumps(arguments) if openai else arguments
            call = {"index": 0, "id": "c1", "type": "function"}
            call["function"] = {"name": name, "arguments": given}
            words, reason = [{"role": "assistant", "content": "", "tool_calls": [call]}], "stop"
            reason = "tool_calls" if openai else "stop"
        else:
            words = [{"role": "assistant", "content": word} for word in self.words]
            reason = self.reason
        if not openai:
            lines = [{"message": word, "done": False} for word in words]
            end = {"done": True, "done_reason": reason, "prompt_eval_count": 7, "eval_count": 2}
            lines += [] if self.cut else [{"message": {"role": "assistant", "content": ""}, **end}]
            return [f"{json.dumps({'model': 'm'} | line)}\n" for line in lines]
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": word, "finish_reason": None}]} for word in words
        ]
        if not self.cut:
            chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
            usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
            chunks.append({"choices": [], "usage": usage})
        lines_of = [f"data: {json.dumps(head | chunk)}\n\n" for chunk in chunks]
        return lines_of if self.cut else [*lines_of, "data: [DONE]\n\n"]


@contextmanager
def serving(fake: FakeModel) -> Iterator[str]:
    """Serve the fake on a free port; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            """Answer as scripted."""
            openai = self.path.startswith("/v1/")
            fake.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(fake.status)
            kind = "text/event-stream" if openai else "application/x-ndjson"
            self.send_header("Content-Type", kind if fake.status == 200 else "application/json")
            self.end_headers()
            error: Any = {"message": "no"} if openai else "no"
            lines = fake.answer(openai) if fake.status == 200 else [json.dumps({"error": error})]
            self.wfile.write("".join(lines).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(fake: FakeModel, **deps: Any) -> list[Any]:
    """Return every event of one run against the fake."""

    async def collect(address: str) -> list[Any]:
        connection = agent.Connection(address, connect=5, total=30)
        given = agent.Deps(connection, "test-model", agent.read_instructions(HOME), **deps)
        try:
            return [event async for event in agent.run([agent.Message("user", "Hello?")], given)]
        finally:
            await connection.close()

    with serving(fake) as address:
        return asyncio.run(collect(address))


def test_tokens_arrive_in_order_and_one_done_ends_them() -> None:
    """The order of the model is the order of the caller."""
    *tokens, end = ask(FakeModel())
    assert "".join(token.text for token in tokens) == "Hello"
    assert end == agent.Done(7, 2)


def test_the_model_gets_the_prompt_the_question_and_the_sampling_of_this_folder() -> None:
    """prompts/system.md comes first, config.yaml's sampling goes along."""
    sampling = yaml.safe_load((HOME / "config.yaml").read_text(encoding="utf-8"))["sampling"]
    fake = FakeModel()
    ask(fake, options=sampling)
    prompt = (HOME / "prompts" / "system.md").read_text(encoding="utf-8").strip()
    (asked,) = fake.asked
    assert prompt
    assert asked["messages"][0]["role"] == "system"
    assert asked["messages"][0]["content"].startswith(prompt)
    assert (asked["messages"][-1]["role"], asked["messages"][-1]["content"]) == ("user", "Hello?")
    assert asked["model"] == "test-model"
    assert (asked.get("options") or asked)["temperature"] == sampling["temperature"]


def test_what_was_said_before_is_sent_along() -> None:
    """A conversation has a past, and the model reads it in order."""
    fake = FakeModel()

    async def talk(address: str) -> None:
        connection = agent.Connection(address)
        turns = [("user", "One?"), ("assistant", "One."), ("user", "Two?")]
        messages = [agent.Message(role, text) for role, text in turns]
        deps = agent.Deps(connection, "test-model", "Be brief.")
        assert [event async for event in agent.run(messages, deps)]
        await connection.close()

    with serving(fake) as address:
        asyncio.run(talk(address))
    said = [(one["role"], one["content"]) for one in fake.asked[0]["messages"][1:]]
    assert said == [("user", "One?"), ("assistant", "One."), ("user", "Two?")]


def test_a_refused_connection_is_one_failure() -> None:
    """Nothing is raised: whoever serves the agent gets an event to tell."""

    async def collect() -> list[Any]:
        connection = agent.Connection("http://127.0.0.1:1", connect=5)
        deps = agent.Deps(connection, "test-model", "Be brief.")
        try:
            return [event async for event in agent.run([agent.Message("user", "Hi")], deps)]
        finally:
            await connection.close()

    (event,) = asyncio.run(collect())
    assert (type(event), event.kind) == (agent.Failure, "unreachable")


@pytest.mark.parametrize(("status", "kind"), [(404, "failed"), (500, "failed"), (503, "busy")])
def test_a_refusal_of_the_model_server_keeps_its_meaning(status: int, kind: str) -> None:
    """A full queue differs from a missing model."""
    assert ask(FakeModel(status=status)) == [agent.Failure(kind, "no")]


def test_an_answer_that_stops_early_is_never_complete() -> None:
    """Without the closing line it is a failure, however good it looks."""
    *tokens, end = ask(FakeModel(cut=True))
    assert "".join(token.text for token in tokens) == "Hello"
    assert isinstance(end, agent.Failure)


def test_an_answer_cut_at_its_limit_says_so() -> None:
    """A caller can tell a complete answer from a cut one."""
    assert ask(FakeModel(reason="length"))[-1] == agent.Done(7, 2, "length")


def stock(article: str) -> str:
    """Say how many pieces of an article are there."""
    return f"{article}: 12"


def test_a_tool_is_called_and_the_model_told() -> None:
    """What the tool says goes back to the model, which then answers."""
    fake = FakeModel(calls=[("stock", {"article": "nut"})])
    *tokens, end = ask(fake, tools=[stock])
    assert "".join(token.text for token in tokens) == "Hello"
    assert isinstance(end, agent.Done)
    first, second = fake.asked
    assert first["tools"][0]["function"]["name"] == "stock"
    assert second["messages"][-1]["role"] == "tool"
    assert second["messages"][-1]["content"] == "nut: 12"


@pytest.mark.parametrize("call", [("stock", {"colour": "red"}), ("price", {})])
def test_a_wrong_call_is_told_to_the_model_which_may_try_again(
    call: tuple[str, dict[str, str]],
) -> None:
    """A wrong name or wrong arguments are the model's mistake, not the caller's."""
    fake = FakeModel(calls=[call])
    assert isinstance(ask(fake, tools=[stock])[-1], agent.Done)
    assert fake.asked[1]["messages"][-1]["content"]


def test_a_model_that_only_calls_tools_is_stopped() -> None:
    """The number of rounds is bounded."""
    fake = FakeModel(calls=[("stock", {"article": "nut"})] * 50)
    (event,) = ask(fake, tools=[stock])
    assert isinstance(event, agent.Failure)
    assert len(fake.asked) == agent.MAX_ROUNDS


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("gpu1", "http://gpu1:11434"),
        ("gpu1:80", "http://gpu1:80"),
        (":9000", "http://127.0.0.1:9000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("https://gpu.example.org/", "https://gpu.example.org:443"),
        ("http://[::1]:11434", "http://[::1]:11434"),
    ],
)
def test_ollama_host_is_read_in_every_form(
    given: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ollama's own programs read it."""
    monkeypatch.setenv("OLLAMA_HOST", given)
    assert agent.model_server() == address


def test_one_question_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of the folder are all it needs."""
    with serving(FakeModel()) as address:
        monkeypatch.setenv("OLLAMA_HOST", address)
        asyncio.run(agent.main("Hello?", HOME))
    assert capsys.readouterr().out == "Hello\n"
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    with pytest.raises(SystemExit, match="unreachable"):
        asyncio.run(agent.main("Hello?", HOME))
