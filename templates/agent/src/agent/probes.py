"""What machines ask the server: does it live, can it answer, how is it doing. No key is needed."""

import asyncio
import json
from http.client import HTTPException
from time import monotonic
from typing import Any
from urllib.request import ProxyHandler, build_opener

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agent import __version__
from agent.chat import Chat

UNREADY: Any = {503: {"description": "not ready; `status` says why"}}
FRESH = 5.0  # seconds for which a look at the model server holds


class Readiness:
    """Whether the model server answers and has the model.

    Asked through the standard library: how the agent itself reaches the model is its own affair.
    """

    def __init__(self, address: str, model: str) -> None:
        self._address = address
        self._model = model if ":" in model else f"{model}:latest"
        self._looked = -FRESH
        self._problem = ""

    async def problem(self) -> str:
        """Return what keeps the agent from answering, an empty text when nothing does."""
        if monotonic() - self._looked >= FRESH:
            await asyncio.to_thread(self.look)
        return self._problem

    def look(self) -> str:
        """Do the same from a thread that may wait."""
        if monotonic() - self._looked >= FRESH:
            self._problem = self._ask()
            self._looked = monotonic()
        return self._problem

    def _ask(self) -> str:
        try:
            held = self._held()
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            return f"the model server does not answer ({type(error).__name__})"
        if self._model.lower() in held:
            return ""
        return f"the model server has no model {self._model}"

    def _held(self) -> set[str]:
        # The model server is a neighbour: no proxy of the environment lies in between.
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{self._address}/api/tags", timeout=FRESH) as answer:
            return {str(model["model"]).lower() for model in json.load(answer)["models"]}


def probes(chat: Chat) -> APIRouter:
    """Return the routes; `/metrics` is among them unless it has a port of its own."""
    routes = APIRouter()
    readiness = Readiness(chat.deps.connection.address, chat.settings.model)

    async def obstacle() -> str:
        return "the agent is stopping" if chat.draining.is_set() else await readiness.problem()

    # Asked when the series are read: in a thread, or after a look that is still fresh.
    chat.metrics.ready.set_function(lambda: not (chat.draining.is_set() or readiness.look()))

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer as long as the process does; it must not depend on anything else."""
        return {"status": "alive"}

    @routes.get("/readyz", responses=UNREADY)
    async def readyz() -> JSONResponse:
        """Say whether a chat would be answered now."""
        problem = await obstacle()
        return JSONResponse({"status": problem or "ready"}, 503 if problem else 200)

    @routes.get("/health", responses=UNREADY)
    async def health() -> JSONResponse:
        """Say the same with the details that a person wants to see."""
        problem = await obstacle()
        detail: dict[str, Any] = {
            "status": problem or "ready",
            "agent": chat.settings.name,
            "version": __version__,
            "model": chat.settings.model,
            "prompt": chat.prompt,
            "running": chat.slots.running,
            "queued": chat.slots.queued,
        }
        return JSONResponse(detail, 503 if problem else 200)

    if not chat.settings.metrics_port:

        @routes.get("/metrics", response_class=PlainTextResponse)
        async def metrics() -> Response:
            """Return the series of the Prometheus text format."""
            await readiness.problem()
            return Response(generate_latest(chat.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
