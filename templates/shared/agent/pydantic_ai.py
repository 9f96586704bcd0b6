"""The agent: what it is told, which tools it has and how it answers. This is the file to edit.

It knows nothing of the server around it, so the same file serves a prototype and production. To
try it in its folder: `python agent.py QUESTION`; in production: `python -m agent.agent QUESTION`.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from httpx2 import AsyncClient, Timeout
from openai import AsyncOpenAI
from pydantic_ai.agent import Agent
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelTimeoutError,
    UsageLimitExceeded,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.profiles import merge_profile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.run import AgentRunResultEvent
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

Tool = Callable[..., str]

# Typed functions with a docstring that the model may call: `def stock(article: str) -> str`.
# Ollama refuses them for a model that was not trained for tools.
TOOLS: tuple[Tool, ...] = ()
# A model that calls tools in circles is stopped after so many questions.
MAX_ROUNDS = 6
ANY_ADDRESS = "0.0.0.0"  # nosec B104
# What Ollama calls its options, and what the framework calls them.
SETTINGS = {"temperature": "temperature", "top_p": "top_p", "seed": "seed"}
SETTINGS["num_predict"] = "max_tokens"


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
    """The way to the model server: one pool of connections for all runs."""

    def __init__(self, address: str, connect: float = 2.0, total: float = 300.0) -> None:
        self.address = address
        # The model server is a neighbour: no proxy of the environment lies in between. No retries
        # in here: a run may have used a tool, and whoever asked can ask again.
        pool = AsyncClient(timeout=Timeout(total, connect=connect), trust_env=False)
        self.client = AsyncOpenAI(
            base_url=f"{address}/v1", api_key="ollama", max_retries=0, http_client=pool
        )

    def model(self, name: str) -> OllamaModel:
        """Return the model of this name on the server."""
        # Without the flag a stream that breaks off would pass for a complete answer.
        strict = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
        profile = merge_profile(OllamaProvider.model_profile(name), strict)
        provider = OllamaProvider(openai_client=self.client)
        return OllamaModel(name, provider=provider, profile=profile)

    async def close(self) -> None:
        """Close what is open."""
        await self.client.close()


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
    settings = {SETTINGS[name]: value for name, value in deps.options.items()}
    agent = Agent(
        deps.connection.model(deps.model),
        instructions=deps.instructions,
        tools=list(deps.tools),
        model_settings=cast(ModelSettings, settings),
    )
    asked, before = messages[-1], [_turn(message) for message in messages[:-1]]
    limits = UsageLimits(request_limit=MAX_ROUNDS)
    try:
        async with agent.run_stream_events(
            asked.content, message_history=before, usage_limits=limits
        ) as events:
            async for event in events:
                match event:
                    case PartStartEvent(part=TextPart(content=text)) if text:
                        yield Token(text)
                    case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                        yield Token(text)
                    case AgentRunResultEvent(result=result):
                        yield _end(result)
    except UsageLimitExceeded:
        yield Failure("failed", f"no answer after {MAX_ROUNDS} rounds of tool calls")
    except ModelHTTPError as error:
        kind: Literal["busy", "failed"] = "busy" if error.status_code == 503 else "failed"
        yield Failure(kind, _reason(error))
    except ModelTimeoutError:
        yield Failure("timeout", "the model server did not answer in time")
    except ModelConnectionError as error:
        yield Failure("unreachable", f"no connection to the model server: {_reason(error)}")
    except AgentRunError as error:
        yield Failure("failed", str(error))


def _turn(message: Message) -> ModelMessage:
    if message.role == "user":
        return ModelRequest(parts=[UserPromptPart(message.content)])
    return ModelResponse(parts=[TextPart(message.content)])


def _end(result: Any) -> Done:
    usage = result.usage
    cut: Literal["stop", "length"] = (
        "length" if result.response.finish_reason == "length" else "stop"
    )
    return Done(usage.input_tokens, usage.output_tokens, cut)


def _reason(error: ModelAPIError) -> str:
    """Return the words of the model server, when it sent any."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        body = body.get("error", body)
    if isinstance(body, dict):
        body = body.get("message", body)
    return str(body or error.message)


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
