"""Load for a running agent, and what it made of it: statuses, waits, tokens a second.

    uv run python benchmarks/load.py http://127.0.0.1:8000 --callers 8 --seconds 30
    uv run python benchmarks/load.py http://127.0.0.1:8000 --rate 20 --seconds 30

With --callers each asks again as soon as it has its answer (closed loop): that is what a number of
users does. With --rate requests begin at fixed times whatever became of the others (open loop):
only so does a queue show. Ends with 1 when there was another status than 200 or 429. The key is
read from AGENT_API_KEY. Needs httpx, of this project's development tools.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

import httpx

ADMITTED, SHED, BROKEN = 200, 429, 0
QUESTION = "Say in two sentences what you can do."


@dataclass(frozen=True, slots=True)
class Asked:
    """How one request went. Status 0: no answer, or one that broke off; times are seconds."""

    status: int
    duration: float
    first_token: float | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What is printed. Times are of admitted requests, in seconds; None when there were none."""

    requests: int
    statuses: dict[str, int]
    seconds: float
    first_token_p50: float | None
    first_token_p95: float | None
    duration_p50: float | None
    duration_p95: float | None
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Load:
    """Whom to ask and how much: `callers` at a time, or `rate` new requests a second."""

    url: str
    model: str
    seconds: float
    callers: int = 4
    rate: float = 0.0
    question: str = QUESTION
    max_tokens: int = 128


async def ask(client: httpx.AsyncClient, load: Load) -> Asked:
    """Ask once and read the stream to its end; pieces of text count as tokens."""
    body = {"model": load.model, "stream": True, "max_tokens": load.max_tokens}
    body["messages"] = [{"role": "user", "content": load.question}]
    begin, first, tokens, ended = perf_counter(), None, 0, False
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            if answer.status_code != ADMITTED:
                await answer.aread()
                return Asked(answer.status_code, perf_counter() - begin)
            async for line in answer.aiter_lines():
                data = line.removeprefix("data: ")
                ended = ended or data == "[DONE]"
                if data.startswith("{") and _has_text(data):
                    first = first or perf_counter() - begin
                    tokens += 1
    except httpx.HTTPError:
        ended = False
    return Asked(ADMITTED if ended else BROKEN, perf_counter() - begin, first, tokens)


def _has_text(data: str) -> bool:
    choices = json.loads(data).get("choices") or [{}]
    return bool(choices[0].get("delta", {}).get("content"))


async def run(load: Load, key: str = "") -> Report:
    """Load the agent for so long, wait for the last answers, and sum up."""
    header = {"Authorization": f"Bearer {key}"} if key else {}
    pool = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    begin = perf_counter()
    async with httpx.AsyncClient(
        base_url=load.url, headers=header, limits=pool, timeout=600, trust_env=False
    ) as client:
        asked = await (_open(client, load) if load.rate else _closed(client, load))
    return summed_up(asked, perf_counter() - begin)


async def _closed(client: httpx.AsyncClient, load: Load) -> list[Asked]:
    until = perf_counter() + load.seconds

    async def caller() -> AsyncIterator[Asked]:
        while perf_counter() < until:
            yield await ask(client, load)

    async def all_of_one() -> list[Asked]:
        return [one async for one in caller()]

    each = await asyncio.gather(*(all_of_one() for _ in range(load.callers)))
    return [one for asked in each for one in asked]


async def _open(client: httpx.AsyncClient, load: Load) -> list[Asked]:
    begin, begun = perf_counter(), []
    for number in range(max(1, round(load.rate * load.seconds))):
        await asyncio.sleep(max(0.0, begin + number / load.rate - perf_counter()))
        begun.append(asyncio.create_task(ask(client, load)))
    return list(await asyncio.gather(*begun))


def summed_up(asked: Sequence[Asked], seconds: float) -> Report:
    """Return the report of these requests."""
    good = [one for one in asked if one.status == ADMITTED]
    first = [one.first_token for one in good if one.first_token is not None]
    whole = [one.duration for one in good]
    return Report(
        len(asked),
        {str(status): count for status, count in sorted(Counter(o.status for o in asked).items())},
        round(seconds, 3),
        quantile(first, 0.5),
        quantile(first, 0.95),
        quantile(whole, 0.5),
        quantile(whole, 0.95),
        round(sum(one.tokens for one in good) / seconds, 1),
    )


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that is not below this share of them (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)], 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report as JSON; 0 when every request was answered or shed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:8000")
    parser.add_argument("--model", default="", help="name of the agent (default: asked for)")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--callers", type=int, default=4, help="at a time (closed loop)")
    parser.add_argument("--rate", type=float, default=0, help="new requests a second (open loop)")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--max-tokens", type=int, default=128)
    given = parser.parse_args(arguments)
    key = os.environ.get("AGENT_API_KEY", "")
    try:
        name = given.model or _name(given.url, key)
    except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
        print(f"{given.url} does not say which agent it is: {error}", file=sys.stderr)
        return 2
    load = Load(
        given.url, name, given.seconds, given.callers, given.rate, given.question, given.max_tokens
    )
    report = asyncio.run(run(load, key))
    print(json.dumps(asdict(report), indent=2))
    return 0 if set(report.statuses) <= {str(ADMITTED), str(SHED)} else 1


def _name(url: str, key: str) -> str:
    header = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{url}/v1/models", headers=header, timeout=30, trust_env=False)
    return str(answer.raise_for_status().json()["data"][0]["id"])


if __name__ == "__main__":
    sys.exit(main())
