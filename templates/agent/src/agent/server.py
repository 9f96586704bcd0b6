"""`python -m agent.server`: the application, who may use it, and the web server around it."""

import argparse
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from secrets import compare_digest
from threading import Timer
from types import FrameType
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import start_http_server
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from agent import __version__, tracing
from agent.agent import Connection, Deps, model_server, read_instructions, run
from agent.chat import Chat
from agent.described import ANSWERED, LISTED, Models
from agent.openai_api import ApiError, ChatRequest
from agent.page import page
from agent.probes import probes
from agent.settings import SettingsError, load_keys, load_settings
from agent.telemetry import CHAT, Observe, configure_logging

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def create_app(chat: Chat, keys: Sequence[bytes]) -> FastAPI:
    """Build the application; without keys everybody may ask, which only development allows."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await chat.deps.connection.close()

    # The pages of the API browser load scripts from elsewhere, so there are none.
    app = FastAPI(
        title=chat.settings.name,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if chat.settings.shows(chat.settings.openapi) else None,
        lifespan=lifespan,
        telemetry=tracing.telemetry(chat.settings.name),
    )
    # The last one added is the outermost: what the limit refuses is counted as well.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=chat.settings.limits.body_bytes)
    app.add_middleware(Observe, metrics=chat.metrics)
    _shape_errors(app)
    app.include_router(probes(chat))
    if chat.settings.shows(chat.settings.page):
        app.include_router(page(chat.settings.name, with_key=bool(keys)))
    allowed = [Depends(_authorise(keys))]

    @app.post(CHAT, dependencies=allowed, responses=ANSWERED)
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        """Answer a conversation, as JSON or, with `stream`, as server-sent events."""
        return await chat.answer(body, request)

    @app.get("/v1/models", dependencies=allowed, response_model=Models, responses=LISTED)
    async def models() -> dict[str, Any]:
        """List the agent, which is the one model a caller can name."""
        agent = {"id": chat.settings.name, "object": "model", "created": 0, "owned_by": "agent"}
        return {"object": "list", "data": [agent]}

    return app


def _authorise(keys: Sequence[bytes]) -> Callable[[Credentials], Awaitable[None]]:
    async def check(credentials: Credentials) -> None:
        given = credentials.credentials.encode("latin-1") if credentials else b""
        # Every key is compared, each in constant time: the time taken tells nothing.
        if keys and not sum(compare_digest(given, key) for key in keys):
            raise ApiError(401, "missing or wrong API key", "invalid_api_key")

    return check


def _shape_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return ApiError(422, "the body is not JSON", "json_invalid").response()
        field = ".".join(str(part) for part in first["loc"] if part != "body")
        what = "unknown field" if first["type"] == "extra_forbidden" else first["msg"]
        return ApiError(422, f"{field}: {what}", first["type"], field).response()

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        response = ApiError(error.status_code, error.detail).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(500)
    async def broken(_: Request, error: Exception) -> Response:
        return ApiError(500, "the agent failed; its log says why", "internal_error").response()


class Draining(uvicorn.Server):
    """A web server that, told to stop, first says so: whoever balances the load sends no more."""

    def __init__(self, config: uvicorn.Config, chat: Chat, seconds: float) -> None:
        super().__init__(config)
        self._chat = chat
        self._seconds = seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Turn readiness red and go on for a while; a second signal ends it at once."""
        if self._chat.draining.is_set() or not self._seconds:
            self._chat.draining.set()
            super().handle_exit(sig, frame)
            return
        self._chat.draining.set()
        Timer(self._seconds, super().handle_exit, (sig, frame)).start()


def _prepare() -> tuple[Chat, tuple[bytes, ...]]:
    settings = load_settings()
    keys = load_keys(settings)
    try:
        instructions = read_instructions(settings.home)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"prompts/system.md: {error}") from None
    if not instructions:
        raise SettingsError("prompts/system.md: the agent has no instructions")
    if problem := tracing.obstacle():
        raise SettingsError(problem)
    patience = settings.timeouts
    connection = Connection(model_server(), patience.connect, patience.total)
    return Chat.of(settings, Deps(connection, settings.model, instructions), run), keys


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; with `--check` only say whether the configuration is right."""
    parser = argparse.ArgumentParser(prog="python -m agent.server", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="validate the configuration and exit")
    only_check = parser.parse_args(arguments).check
    try:
        chat, keys = _prepare()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    settings = chat.settings
    if only_check:
        print(f"{settings.name} {__version__}: model {settings.model}, {len(keys)} API keys: valid")
        return 0
    configure_logging(
        settings.logging.level, agent=settings.name, version=__version__, prompt=chat.prompt
    )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, settings.host, chat.metrics.registry)
    config = uvicorn.Config(
        create_app(chat, keys),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.timeouts.shutdown,
    )
    drain = settings.timeouts.drain if settings.environment == "production" else 0
    Draining(config, chat, drain).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
