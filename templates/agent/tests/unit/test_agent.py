"""The agent alone: prompt, order of events, tools, failures."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import agent
from agent.agent import Deps, Done, Event, Failure, Message, Token, run

HOME = Path(__file__).parents[2]


def ask(ollama: Any, **deps: Any) -> list[Event]:
    """Return every event of one run."""

    async def collect() -> list[Event]:
        given = Deps(ollama.client(), "test-model", "Be brief.", **deps)
        return [event async for event in run([Message("user", "Hello?")], given)]

    return asyncio.run(collect())


def test_tokens_arrive_in_order_and_one_done_ends_them(ollama: Any) -> None:
    """The order of the model is the order of the caller."""
    assert ask(ollama) == [Token("Hel"), Token("lo"), Done(7, 2, "stop")]


def test_the_model_is_told_the_instructions_first(ollama: Any) -> None:
    """The prompt, the model and the options reach the model server."""
    ask(ollama, options={"temperature": 0.5})
    request = ollama.requests[0]
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    assert request["messages"][1] == {"role": "user", "content": "Hello?"}
    assert request["model"] == "test-model"
    assert request["options"] == {"temperature": 0.5}


def test_the_prompt_file_is_what_the_agent_is_told() -> None:
    """The instructions are read from prompts/system.md, without blank ends."""
    text = (HOME / "prompts" / "system.md").read_text(encoding="utf-8")
    assert agent.read_instructions(HOME) == text.strip() != ""


def test_an_answer_cut_at_its_limit_says_so(ollama: Any) -> None:
    """A caller can tell a complete answer from a cut one."""
    assert ask(ollama.says("Hel", done_reason="length"))[-1] == Done(7, 1, "length")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), "unreachable"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.RemoteProtocolError("cut"), "unreachable"),
    ],
)
def test_a_broken_connection_is_one_failure(ollama: Any, error: Exception, kind: str) -> None:
    """Nothing is raised: the run ends with a Failure of the right kind."""
    ollama.error = error
    events = ask(ollama)
    assert [type(event) for event in events] == [Failure]
    assert events[0].kind == kind  # type: ignore[union-attr]


@pytest.mark.parametrize(("status", "kind"), [(503, "busy"), (404, "failed"), (500, "failed")])
def test_a_refusal_of_the_model_server_keeps_its_meaning(
    ollama: Any, status: int, kind: str
) -> None:
    """A full queue differs from a missing model."""
    ollama.status = status
    assert ask(ollama) == [Failure(kind, "server busy")]  # type: ignore[arg-type]


def test_an_answer_that_stops_early_is_never_complete(ollama: Any) -> None:
    """Without the closing line the answer is a failure, however good it looks."""
    ollama.replies[0].pop()
    events = ask(ollama)
    assert events[:2] == [Token("Hel"), Token("lo")]
    assert isinstance(events[2], Failure)


def test_an_error_in_mid_stream_ends_the_answer(ollama: Any) -> None:
    """The model server reports late errors inside a stream of status 200."""
    ollama.replies[0][1] = {"error": "out of memory"}
    assert ask(ollama) == [Token("Hel"), Failure("failed", "out of memory")]


def test_a_line_that_is_no_answer_is_a_failure(ollama: Any) -> None:
    """A proxy in between may send anything."""
    ollama.replies[0][1] = {"message": 3}
    assert [type(event) for event in ask(ollama)] == [Token, Failure]


def stock(article: str) -> str:
    """Say how many pieces of an article are there."""
    return f"{article}: 12"


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Return the closing line of an answer that calls a tool."""
    calls = [{"function": {"name": name, "arguments": arguments}}]
    return {"message": {"role": "assistant", "tool_calls": calls}, "done": True}


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("stock", {"article": "nut"}, "nut: 12"),
        ("stock", {"colour": "red"}, "stock: missing a required argument: 'article'"),
        ("price", {}, "there is no tool called price"),
    ],
)
def test_a_tool_is_called_and_the_model_told(
    ollama: Any, name: str, arguments: dict[str, str], result: str
) -> None:
    """What the model got wrong goes back to it as well; it may try again."""
    ollama.replies.insert(0, [call(name, **arguments)])
    assert ask(ollama, tools=[stock]) == [Token("Hel"), Token("lo"), Done(7, 2, "stop")]
    first, second = ollama.requests
    assert first["tools"][0]["function"]["name"] == "stock"
    told = second["messages"][-1]
    assert (told["role"], told["tool_name"], told["content"]) == ("tool", name, result)


def test_a_model_that_only_calls_tools_is_stopped(ollama: Any) -> None:
    """The number of rounds is bounded."""
    ollama.replies = [[call("stock", article="nut")]]
    assert [type(event) for event in ask(ollama, tools=[stock])] == [Failure]
    assert len(ollama.requests) == agent.MAX_ROUNDS


def test_one_question_from_the_command_line(
    ollama: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of the folder are all it needs."""
    monkeypatch.setattr(agent, "AsyncClient", ollama.client)
    asyncio.run(agent.main("Hello?", HOME))
    assert capsys.readouterr().out == "Hello\n"
    ollama.error = httpx.ConnectError("refused")
    with pytest.raises(SystemExit, match="unreachable"):
        asyncio.run(agent.main("Hello?", HOME))
