"""The agent: what it is told, which tools it has and how it answers. This is the file to edit.

It knows nothing of the server around it, so the same file serves a prototype and production. To
try it in its folder: `python agent.py QUESTION`; in production: `python -m agent.agent QUESTION`.
"""

import asyncio
import inspect
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import aiohttp
import yaml

Tool = Callable[..., str]

# Typed functions with a docstring that the model may call: `def stock(article: str) -> str`.
# Ollama refuses them for a model that was not trained for tools.
TOOLS: tuple[Tool, ...] = ()
# A model that calls tools in circles is stopped after so many questions.
MAX_ROUNDS = 6
ANY_ADDRESS = "0.0.0.0"  # nosec B104


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation; the instructions never come from outside."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete; `length` means that the model was cut off at its limit of tokens."""

    prompt_tokens: int
    completion_tokens: int
    reason: Literal["stop", "length"] = "stop"


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer could not be given, or not to its end."""

    kind: Literal["unreachable", "busy", "timeout", "failed"]
    message: str


Event = Token | Done | Failure


class Connection:
    """The way to the model server: one pool of connections for all runs, opened by the first."""

    def __init__(self, address: str, connect: float = 2.0, total: float = 300.0) -> None:
        self.address = address
        self._timeout = aiohttp.ClientTimeout(total=total, sock_connect=connect)
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Return the pool; how many runs there are at a time is limited elsewhere."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self._session

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()


@dataclass(frozen=True, slots=True)
class Deps:
    """What a run needs from outside: handed in, so that a test hands in something else."""

    connection: Connection
    model: str
    instructions: str
    options: Mapping[str, float] = field(default_factory=dict)  # by Ollama's names
    tools: Sequence[Tool] = TOOLS


def model_server() -> str:
    """Return the address behind OLLAMA_HOST in any form: nothing, host, host:port, a URL."""
    given = os.environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    scheme, found, rest = given.rpartition("://")
    # An address to listen at is no address to ask.
    rest = rest.rstrip("/").replace(ANY_ADDRESS, "127.0.0.1") or "127.0.0.1"
    if ":" not in rest.rpartition("]")[2]:
        rest += {"": ":11434", "http": ":80", "https": ":443"}.get(scheme if found else "", "")
    elif rest.startswith(":"):
        rest = f"127.0.0.1{rest}"
    return f"{scheme or 'http'}://{rest}"


def read_instructions(home: Path) -> str:
    """Return the system prompt of the agent that lives in `home`."""
    return (home / "prompts" / "system.md").read_text(encoding="utf-8").strip()


async def run(messages: list[Message], deps: Deps) -> AsyncIterator[Event]:
    """Answer the last message: tokens as they come, then exactly one Done or one Failure.

    An exception of a tool is raised: it is a bug to be seen, not an answer.
    """
    chat: list[dict[str, Any]] = [{"role": "system", "content": deps.instructions}]
    chat += [{"role": message.role, "content": message.content} for message in messages]
    prompt_tokens = completion_tokens = 0
    for _ in range(MAX_ROUNDS):
        calls: list[dict[str, Any]] = []
        said, reason = "", "stop"
        async with aclosing(_ask(chat, deps)) as reads:
            async for parts in reads:
                if isinstance(parts, Failure):
                    yield parts
                    return
                text = ""
                for part in parts:
                    message = part.get("message") or {}
                    text += message.get("content") or ""
                    calls += message.get("tool_calls") or ()
                    if part.get("done"):
                        prompt_tokens += part.get("prompt_eval_count") or 0
                        completion_tokens += part.get("eval_count") or 0
                        reason = part.get("done_reason") or reason
                if text:
                    said += text
                    yield Token(text)
        if not calls:
            yield Done(prompt_tokens, completion_tokens, "length" if reason == "length" else "stop")
            return
        chat.append({"role": "assistant", "content": said, "tool_calls": calls})
        for call in calls:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            result = await _use(name, arguments, deps.tools)
            chat.append({"role": "tool", "tool_name": name, "content": result})
    yield Failure("failed", f"no answer after {MAX_ROUNDS} rounds of tool calls")


async def _ask(
    chat: list[dict[str, Any]], deps: Deps
) -> AsyncGenerator[list[dict[str, Any]] | Failure, None]:
    """Stream one reply of the model; whatever goes wrong on the way ends it as a Failure.

    What arrives together is yielded together. Leaving early closes the connection, which is what
    stops the model's work.
    """
    asked: dict[str, Any] = {"model": deps.model, "messages": chat, "options": dict(deps.options)}
    if deps.tools:
        asked["tools"] = [_described(tool) for tool in deps.tools]
    address, rest = f"{deps.connection.address}/api/chat", b""
    try:
        async with deps.connection.session().post(address, json=asked) as answer:
            if answer.status != 200:
                kind: Literal["busy", "failed"] = "busy" if answer.status == 503 else "failed"
                yield Failure(kind, _reason(await answer.text()))
                return
            while data := await answer.content.readany():
                *lines, rest = (rest + data).split(b"\n")
                parts = [_part(line) for line in lines if line.strip()]
                errors = [part["error"] for part in parts if part.get("error")]
                yield parts
                if errors:
                    yield Failure("failed", str(errors[0]))
                if errors or (parts and parts[-1].get("done")):
                    return
            if rest.strip() and (last := _part(rest)).get("done"):
                yield [last]
                return
        yield Failure("failed", "the model server ended the answer early")
    except TimeoutError:
        yield Failure("timeout", "the model server did not answer in time")
    except aiohttp.ClientConnectionError as error:
        yield Failure("unreachable", f"no connection to the model server: {error}")
    except (aiohttp.ClientError, ValueError) as error:
        yield Failure("failed", f"the model server sent something unreadable: {error}")


def _part(line: bytes) -> dict[str, Any]:
    part = json.loads(line.decode())  # for bytes it would first guess the encoding
    if not isinstance(part, dict):
        raise ValueError(f"a line is {type(part).__name__}")
    return part


async def _use(name: str, arguments: Mapping[str, Any], tools: Sequence[Tool]) -> str:
    """Call a tool; a wrong name or wrong arguments are the model's mistake, so it is told."""
    for tool in tools:
        if tool.__name__ == name:
            try:
                inspect.signature(tool).bind(**arguments)
            except TypeError as error:
                return f"{name}: {error}"
            return await asyncio.to_thread(tool, **arguments)
    return f"there is no tool called {name}"


def _described(tool: Tool) -> dict[str, Any]:
    """Describe a tool to the model: its name, its docstring, the types of its arguments."""
    kinds = {str: "string", int: "integer", float: "number", bool: "boolean"}
    hints = get_type_hints(tool)
    parameters = inspect.signature(tool).parameters
    function = {
        "name": tool.__name__,
        "description": inspect.getdoc(tool) or "",
        "parameters": {
            "type": "object",
            "properties": {name: {"type": kinds.get(hints[name], "string")} for name in parameters},
            "required": [
                name for name, one in parameters.items() if one.default is inspect.Parameter.empty
            ],
        },
    }
    return {"type": "function", "function": function}


def _reason(text: str) -> str:
    """Return the words of `{"error": …}`, or the beginning of what came instead."""
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text[:200] or "no reason given"


async def main(question: str, home: Path) -> None:
    """Print the answer to one question, as the files in `home` configure it."""
    identity = yaml.safe_load((home / "agent.yaml").read_text(encoding="utf-8"))
    tuning = yaml.safe_load((home / "config.yaml").read_text(encoding="utf-8"))
    connection = Connection(model_server())
    model = os.environ.get("AGENT_MODEL") or identity["model"]
    deps = Deps(connection, model, read_instructions(home), tuning["sampling"])
    try:
        async for event in run([Message("user", question)], deps):
            if isinstance(event, Failure):
                sys.exit(f"{event.kind}: {event.message}")
            print(event.text if isinstance(event, Token) else "\n", end="", flush=True)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What can you do?", Path.cwd()))
