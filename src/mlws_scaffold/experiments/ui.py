"""MLflow's own page over the workspace's tracking store."""

from __future__ import annotations

import contextlib
import importlib.metadata
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from mlws_scaffold.adapters import children, mlflow, tracking
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace.config import Workspace

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SECONDS_BETWEEN_LOOKS = 0.5


def serve(place: Workspace, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C or SIGTERM; for a store on a server, say where its page is.

    Raises UsageError for a port that is taken, Unavailable without a store or without MLflow's
    server, MlwsError when that ends by itself.
    """
    uri, root = place.config.tracking.uri, place.root
    found = mlflow.look(uri, root)
    if found.state not in ("ready", "unknown"):
        raise Unavailable(f"the tracking store cannot be read: {found.detail}", "mlws setup")
    if uri.startswith(("http://", "https://")):
        say(f"the store is a server, and its page is {uri}")
        return
    _require_server(tracking.address(uri, root))
    _require_port(host, port)
    if host not in _LOOPBACK:
        say("note: whoever reaches this port can read, change and delete every run;")
        say("  names of this machine that are asked for must stand in MLFLOW_SERVER_ALLOWED_HOSTS")
    say("starting MLflow's page; this takes up to a minute")
    env = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Seven processes that only evaluations and scorers need.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    child = children.start(_command(place, host, port), root, env, leads=True)
    departed = _watch(child, _url(host, port), say)
    if not departed.interrupted:
        raise MlwsError(f"MLflow's page ended with status {departed.status}", "read what it said")


def _watch(child: children.Child, url: str, say: Callable[[str], None]) -> children.Departed:
    """Wait for the end, and say when the page is there."""
    over = threading.Event()

    def announce() -> None:
        while not over.wait(_SECONDS_BETWEEN_LOOKS):
            if mlflow.look(url, Path()).state == "ready":
                say(f"MLflow's page: {url} (Ctrl-C ends it)")
                return

    thread = threading.Thread(target=announce, daemon=True)
    thread.start()
    try:
        return children.wait(child)
    finally:
        over.set()


def _url(host: str, port: int) -> str:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _command(place: Workspace, host: str, port: int) -> list[str]:
    # Files are not passed through the server: an experiment made on the page would else be one
    # that scripts without the server cannot write to.
    files = (place.root / "mlartifacts").as_uri()
    uri = tracking.address(place.config.tracking.uri, place.root)
    return [
        sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port),
        "--workers", "1", "--backend-store-uri", uri, "--no-serve-artifacts",
        "--default-artifact-root", files, "--uvicorn-opts", "--log-level=warning",
    ]  # fmt: skip


def _require_server(uri: str) -> None:
    try:
        importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(
            "MLflow's page is not installed here: mlflow-skinny has none",
            'uv add --group dev "mlws-scaffold[ui]", or without installing: '
            f'uvx --from "mlflow{_version()}" mlflow ui --backend-store-uri {uri}',
        ) from None


def _version() -> str:
    """The version that reads this store without migrating it."""
    try:
        return f"=={importlib.metadata.version('mlflow-skinny')}"
    except importlib.metadata.PackageNotFoundError:
        return ">=3.13,<4"


def _require_port(host: str, port: int) -> None:
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be used: {error.strerror}", f"another: --port {port + 1}"
            ) from None
