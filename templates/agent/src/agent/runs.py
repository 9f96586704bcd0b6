"""One run of the agent: admitted or refused, kept to its timeouts, stopped when nobody listens.

A run takes its place before the first event and gives it back when it is closed, on every path.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from time import monotonic
from typing import TypeVar, cast

from starlette.requests import Request

from agent.agent import Deps, Event, Failure, Message, Token
from agent.settings import Limits, Timeouts

Result = TypeVar("Result")
Run = Callable[[list[Message], Deps], AsyncIterator[Event]]


class ClientGone(Exception):
    """The caller hung up before the answer began."""


class Slots:
    """Places for runs: `limits.running` at a time, `limits.queued` waiting, no more."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(limits.running)
        self.running = 0
        self.queued = 0

    async def take(self) -> bool:
        """Wait for a place and hold it; False, at once, when the queue is full too."""
        if self._places.locked() and self.queued >= self._limits.queued:
            return False
        self.queued += 1
        try:
            await self._places.acquire()
        finally:
            self.queued -= 1
        self.running += 1
        return True

    def give_back(self) -> None:
        """Free the place for the next in the queue."""
        self.running -= 1
        self._places.release()


async def limited(
    events: AsyncIterator[Event], slots: Slots, timeouts: Timeouts
) -> AsyncGenerator[Event, None]:
    """Pass the events of one run on, up to the Done or Failure that always ends it."""
    deadline = monotonic() + timeouts.total
    try:
        async with asyncio.timeout(timeouts.total):
            admitted = await slots.take()
    except TimeoutError:
        admitted = False
    if not admitted:
        yield Failure("busy", "too many requests: try again later")
        return
    patience = Patience()
    try:
        # An agent's `run` is an async generator; closing it is what cancels the model's work.
        async with aclosing(cast("AsyncGenerator[Event, None]", events)):
            seconds = timeouts.first_token
            while True:
                patience.begin(min(seconds, deadline - monotonic()))
                event = await anext(events)
                patience.rest()
                yield event
                if not isinstance(event, Token):
                    return
                seconds = timeouts.between_tokens
    except StopAsyncIteration:
        yield Failure("failed", "the agent ended without an answer")
    except asyncio.CancelledError:
        if not patience.lost():
            raise
        yield Failure("timeout", "the model did not answer in time")
    finally:
        patience.end()
        slots.give_back()


class Patience:
    """Cancels a task that waits for too long, like `asyncio.timeout`, made for one wait a token.

    A wait costs two assignments: the timer is set once, and when it rings too early it is set for
    what is left.
    """

    def __init__(self) -> None:
        self._until: float | None = None
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0
        self._lost = False

    def begin(self, seconds: float) -> None:
        """Give the running task so long from now."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._until = loop.time() + seconds
        if self._timer is None or self._rings > self._until:
            self._set(loop, self._until)

    def rest(self) -> None:
        """The wait is over; nothing is awaited until the next one begins."""
        self._until = None

    def end(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def lost(self) -> bool:
        """Say whether a cancellation came from here; if so it is taken back."""
        if self._lost and self._task is not None:
            self._task.uncancel()
        return self._lost

    def _set(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        self.end()
        self._rings, self._timer = when, loop.call_at(when, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._until is None or self._task is None:
            return
        if loop.time() < self._until:
            self._set(loop, self._until)
            return
        self._lost = True
        self._task.cancel()


async def while_connected(request: Request, work: Awaitable[Result]) -> Result:
    """Do the work, but stop it and raise ClientGone as soon as the caller hangs up.

    Without this a plain JSON answer is computed to its end for nobody: the framework only notices
    a lost caller once it streams.
    """
    answer = asyncio.ensure_future(work)
    hung_up = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({answer, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise ClientGone
    finally:
        hung_up.cancel()
        answer.cancel()
        await asyncio.gather(answer, hung_up, return_exceptions=True)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
