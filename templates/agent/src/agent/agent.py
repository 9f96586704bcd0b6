"""The agent: what it is told, which tools it has and how it answers. This is the file to edit.

It knows nothing of HTTP, so the same file serves a prototype and production. To try it in the
agent's folder: `python agent.py QUESTION`, in production `python -m agent.agent QUESTION`.
"""

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import yaml
from ollama import AsyncClient, ChatResponse, ResponseError

Tool = Callable[..., str]
Chat = list[dict[str, Any]]

# Typed functions with a docstring that the model may call: `def stock(article: str) -> str`.
# Ollama refuses them for a model that was not trained for tools.
TOOLS: tuple[Tool, ...] = ()
# A model that calls tools in circles is stopped after so many questions.
MAX_ROUNDS = 6


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


@dataclass(frozen=True, slots=True)
class Deps:
    """What a run needs from outside: handed in, so that a test hands in something else."""

    client: AsyncClient
    model: str
    instructions: str
    options: Mapping[str, float] = field(default_factory=dict)  # by Ollama's names
    tools: Sequence[Tool] = TOOLS


def read_instructions(home: Path) -> str:
    """Return the system prompt of the agent that lives in `home`."""
    return (home / "prompts" / "system.md").read_text(encoding="utf-8").strip()


async def run(messages: list[Message], deps: Deps) -> AsyncIterator[Event]:
    """Answer the last message: tokens as they come, then exactly one Done or one Failure.

    An exception of a tool is raised: it is a bug to be seen, not an answer.
    """
    chat: Chat = [{"role": "system", "content": deps.instructions}]
    chat += [{"role": message.role, "content": message.content} for message in messages]
    prompt_tokens = completion_tokens = 0
    for _ in range(MAX_ROUNDS):
        calls: list[Any] = []
        said = ""
        reason: Literal["stop", "length"] = "stop"
        async with aclosing(_ask(chat, deps)) as parts:
            async for part in parts:
                if isinstance(part, Failure):
                    yield part
                    return
                calls += part.message.tool_calls or ()
                prompt_tokens += part.prompt_eval_count or 0
                completion_tokens += part.eval_count or 0
                reason = "length" if part.done_reason == "length" else "stop"
                if text := part.message.content:
                    said += text
                    yield Token(text)
        if not calls:
            yield Done(prompt_tokens, completion_tokens, reason)
            return
        chat.append({"role": "assistant", "content": said, "tool_calls": calls})
        for call in calls:
            result = await _use(call.function.name, call.function.arguments, deps.tools)
            chat.append({"role": "tool", "tool_name": call.function.name, "content": result})
    yield Failure("failed", f"no answer after {MAX_ROUNDS} rounds of tool calls")


async def _ask(chat: Chat, deps: Deps) -> AsyncGenerator[ChatResponse | Failure, None]:
    """Stream one reply of the model; whatever goes wrong on the way ends it as a Failure."""
    try:
        tools, options = list(deps.tools) or None, dict(deps.options)
        parts = await deps.client.chat(deps.model, chat, tools=tools, stream=True, options=options)
        # Declared as an iterator, but a generator: closing it is what stops the model's work.
        async with aclosing(cast("AsyncGenerator[ChatResponse, None]", parts)) as stream:
            async for part in stream:
                yield part
                if part.done:
                    return
        yield Failure("failed", "the model server ended the answer early")
    except ResponseError as error:
        yield Failure("busy" if error.status_code == 503 else "failed", error.error)
    except httpx.ReadTimeout:
        yield Failure("timeout", "the model server did not answer in time")
    except httpx.TransportError as error:
        yield Failure("unreachable", f"no connection to the model server: {error}")
    except ValueError as error:
        yield Failure("failed", f"the model server sent something unreadable: {error}")


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


async def main(question: str, home: Path) -> None:
    """Print the answer to one question, as the files in `home` configure it."""
    identity = yaml.safe_load((home / "agent.yaml").read_text(encoding="utf-8"))
    tuning = yaml.safe_load((home / "config.yaml").read_text(encoding="utf-8"))
    deps = Deps(AsyncClient(), identity["model"], read_instructions(home), tuning["sampling"])
    async for event in run([Message("user", question)], deps):
        if isinstance(event, Failure):
            sys.exit(f"{event.kind}: {event.message}")
        print(event.text if isinstance(event, Token) else "\n", end="", flush=True)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What can you do?", Path.cwd()))
