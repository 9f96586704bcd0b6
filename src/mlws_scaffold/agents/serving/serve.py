"""`mlws agent serve`: which command serves an agent here, and running it until it ends."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, http, process
from mlws_scaffold.agents import shared
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.serving import assembly, fake_model
from mlws_scaffold.errors import Unavailable, UsageError
from mlws_scaffold.workspace import state

# What the server imports and the package alone does not bring: the extra `serve`.
_NEEDED = ("fastapi", "uvicorn", "prometheus_client", "pydantic_settings", "structlog")
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How to serve. An empty model means the one of agent.yaml; `fake` needs no model server."""

    model: str = ""
    host: str = "127.0.0.1"
    port: int = 8000


@dataclass(frozen=True, slots=True)
class Served:
    """A command that serves an agent; it runs in `folder` with `environment` added."""

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    address: str


def serve(root: Path, found: Found, server: Path, wish: Wish, say: Callable[[str], None]) -> int:
    """Serve until Ctrl-C or the server's own end; returns its exit status, 0 after Ctrl-C.

    `server` is the folder of the bundle with the server's files. `say` is told the address once the
    server answers there. Raises UsageError for a port in use, Unavailable for missing packages.
    """
    _refuse_used(wish)
    with _model_server(wish) as extra:
        served = prepare(root, found, server, wish)
        env = {**os.environ, **served.environment, **extra}
        child = children.start(served.command, served.folder, env)
        watcher = threading.Thread(target=_announce, args=(served, child, say), daemon=True)
        watcher.start()
        departed = children.wait(child)
    return 0 if departed.interrupted else departed.status


def prepare(root: Path, found: Found, server: Path, wish: Wish) -> Served:
    """The command that serves an agent: a prototype with our server, production with its own."""
    environment = {
        "AGENT_HOME": str(found.folder),
        "AGENT_HOST": wish.host,
        "AGENT_PORT": str(wish.port),
        "AGENT_ENVIRONMENT": os.environ.get("AGENT_ENVIRONMENT", "development"),
        "PYTHONUNBUFFERED": "1",
    }
    if wish.model:
        environment["AGENT_MODEL"] = wish.model
    shown = f"[{wish.host}]" if ":" in wish.host else wish.host
    address = f"http://{'127.0.0.1' if wish.host == '0.0.0.0' else shown}:{wish.port}"  # noqa: S104
    if found.track == "production":
        uv = process.find("uv")
        if uv is None:
            raise Unavailable("uv is not installed or not on PATH", "scripts/setup-env.sh")
        # The package's own environment: VIRTUAL_ENV of the caller would only be warned about.
        command: tuple[str, ...] = (
            uv,
            "run",
            "--project",
            str(found.folder),
            "python",
            "-m",
            "agent.server",
        )
        return Served(command, found.folder, {**environment, **shared.paths(root)}, address)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise Unavailable(
            f"the server needs {', '.join(missing)}, which this environment lacks",
            "install the extra `serve`: pip install 'mlws-scaffold[serve]'",
        )
    package = assembly.assemble(
        server, found.folder, state.folder(root) / "serving" / found.folder.name
    )
    paths = [str(package), str(found.folder / "src"), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # -P: the folder it runs in has an agent.py, which must not hide the package of that name.
    command = (sys.executable, "-P", "-m", "agent.server")
    return Served(command, found.folder, environment, address)


@contextlib.contextmanager
def _model_server(wish: Wish) -> Iterator[dict[str, str]]:
    if wish.model != fake_model.NAME:
        yield {}
        return
    with fake_model.running() as address:
        yield {"OLLAMA_HOST": address}


def _refuse_used(wish: Wish) -> None:
    family = socket.AF_INET6 if ":" in wish.host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((wish.host, wish.port))
        except OSError as error:
            raise UsageError(
                f"{wish.host}:{wish.port} cannot be used: {error.strerror}", "give another --port"
            ) from None


def _announce(served: Served, child: children.Child, say: Callable[[str], None]) -> None:
    """Say the address when it answers; a server that ends first has said why by itself."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and children.alive(child.identity) is not False:
        with contextlib.suppress(Unavailable):
            if http.get(f"{served.address}/livez", timeout=2).status == 200:
                say(f"serving at {served.address} (Ctrl-C ends it)")
                return
        time.sleep(0.1)
