"""Asks models and takes the time: one after the other, or several at once, alone or in pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Answer
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models.benchmark.prompts import Prompts

OPTIONS: Mapping[str, float | int] = {"seed": 1, "temperature": 0, "num_predict": 64}
"""Fixed, so that every answer of a model to a prompt is the same, and about as long."""

_LOADED = 0.1  # seconds that finding a model in memory never takes
_LONGEST = 600.0  # seconds for one answer; the first one brings the model into memory

T = TypeVar("T")
Watch = Callable[[int, int], None]
"""Called with the number of answers so far, and of all."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer. Times in seconds: ours, but for `token_seconds`, which is the server's."""

    latency: float
    first_token: float
    tokens: int | None
    token_seconds: float | None

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens / self.token_seconds if self.tokens and self.token_seconds else None


@dataclass(frozen=True, slots=True)
class Level:
    """Everything that was measured with so many requests at once.

    samples: one tuple per question, with an answer of each model. seconds: of all of it.
    """

    concurrency: int
    samples: tuple[tuple[Sample, ...], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Series:
    """What is asked of whom. `models`: names on the server, one or two; `swaps`: it holds only one
    of them at a time, so each is brought in before its turn, which is not counted."""

    host: str
    models: tuple[str, ...]
    prompts: Prompts
    runs: int
    swaps: bool = False

    def __len__(self) -> int:
        """Answers in one level, those of the warm-up left aside."""
        return len(self.prompts.conversations) * self.runs * len(self.models)


def warm_up(host: str, model: str, prompts: Prompts) -> float | None:
    """Bring a model in afresh, and ask it once; the seconds that loading took by its clock.

    Raises MlwsError, Unavailable.
    """
    ollama.unload(host, model)
    return _ask(host, model, prompts, 0).load_seconds


def loads_again(series: Series, cold: Sequence[float | None]) -> bool:
    """Whether a model is no longer in memory when its turn comes again; `cold` are the seconds
    that loading each one afresh took. Asks each once.
    """
    again = [_ask(series.host, model, series.prompts, 0).load_seconds for model in series.models]
    return any(
        now > max(then / 2, _LOADED)
        for now, then in zip(again, cold, strict=True)
        if now is not None and then is not None
    )


def level(series: Series, concurrency: int, watch: Callable[[], None]) -> Level:
    """Ask every prompt `runs` times, `concurrency` of them at once; the first wave is discarded.

    One request that fails ends it: MlwsError with what the server said.
    """
    count = len(series.prompts.conversations)
    # Round by round, so that no prompt follows itself: the server would have it in its cache.
    order = [prompt for _ in range(series.runs) for prompt in range(count)]

    def answer(turn: int) -> tuple[Sample, ...]:
        # Whoever comes first in one pair comes last in the next.
        models = series.models if turn % 2 == 0 else series.models[::-1]
        found = {}
        for model in models:
            if series.swaps:
                ollama.load(series.host, model)
            found[model] = _sample(_ask(series.host, model, series.prompts, order[turn]))
            watch()
        return tuple(found[model] for model in series.models)

    if concurrency > 1:
        _map(concurrency, lambda turn: _wave(series, turn % count), range(concurrency))
    begin = time.perf_counter()
    samples = _map(concurrency, answer, range(len(order)))
    return Level(concurrency, samples, time.perf_counter() - begin)


def _map(concurrency: int, act: Callable[[int], T], turns: Sequence[int]) -> tuple[T, ...]:
    """All results in order; after an error no further turn begins."""
    if concurrency == 1:
        return tuple(act(turn) for turn in turns)
    pool = ThreadPoolExecutor(concurrency)
    try:
        return tuple(pool.map(act, turns))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _wave(series: Series, prompt: int) -> None:
    for model in series.models:
        _ask(series.host, model, series.prompts, prompt)


def _ask(host: str, model: str, prompts: Prompts, prompt: int) -> Answer:
    messages: Sequence[Mapping[str, str]] = prompts.conversations[prompt]
    try:
        answer = ollama.chat(host, model, messages, options=OPTIONS, timeout=_LONGEST)
    except Unavailable:
        raise
    except MlwsError as error:
        message = f"prompt {prompt + 1} of {prompts.name}: {error.message}"
        raise MlwsError(message, error.cure) from error
    if not (answer.text or answer.tokens):
        raise MlwsError(
            f"prompt {prompt + 1} of {prompts.name}: {model} answers nothing",
            "look at its TEMPLATE and its stop parameters",
        )
    return answer


def _sample(answer: Answer) -> Sample:
    return Sample(answer.seconds, answer.first_token_seconds, answer.tokens, answer.token_seconds)
