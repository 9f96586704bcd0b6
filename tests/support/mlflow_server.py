"""A real `mlflow server` with the flags of compose.tracking.yaml, in an environment of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support import installation, postgresql
from tests.support.rendering import ROOT, render

# Five times what a start takes under load on a small machine.
SECONDS_TO_START = 300


def environment(folder: Path) -> Path:
    """The commands of this checkout with the extras `ui` and `postgres`: half a gigabyte."""
    made = folder / "environment"
    installation.run([installation.UV, "venv", "-q", made], folder)
    wanted = ["--constraint", ROOT / "constraints.txt", "--editable", f"{ROOT}[ui,postgres]"]
    installation.run([installation.UV, "pip", "install", "-q", "--python", made, *wanted], folder)
    return made / "bin"


@contextlib.contextmanager
def running(commands: Path, folder: Path) -> Iterator[str]:
    """Start it over PostgreSQL where that is installed, else over SQLite; its address."""
    with contextlib.ExitStack() as stack:
        store = f"sqlite:///{folder}/server.db"
        if postgresql.programs() is not None:
            place = Path(tempfile.mkdtemp(prefix="mlws-mlflow-"))
            stack.callback(shutil.rmtree, place)
            store = stack.enter_context(postgresql.running(place))
            store = store.replace("postgresql://", "postgresql+psycopg://")
        port = free_port()
        service = yaml.safe_load(_compose(folder))["services"]["mlflow"]
        given = {"--host": "127.0.0.1", "--port": str(port), "--workers": "1"}
        given["--artifacts-destination"] = str(folder / "artifacts")
        flags = [_flag(part, given) for part in service["command"][1:]]
        env = {**os.environ, **service["environment"], "MLFLOW_BACKEND_STORE_URI": store}
        log = stack.enter_context((folder / "server.log").open("wb"))
        process = subprocess.Popen(
            [commands / "mlflow", *flags], cwd=folder, env=env, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        stack.callback(_end, process)
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process, folder / "server.log")
        yield url


def _compose(folder: Path) -> str:
    text = (render("workspace", {}, folder / "rendered") / "compose.tracking.yaml").read_text()
    return re.sub(r"\$\{(\w+)(:-([^}]*))?[^}]*\}", r"\3", text)


def _flag(part: str, given: dict[str, str]) -> str:
    name, equal, _ = part.partition("=")
    return f"{name}={given[name]}" if equal and name in given else part


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers."""
    end = time.monotonic() + SECONDS_TO_START
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Line:
    """A cable to a server that can be cut: `address` stands for the server's."""

    address: str
    server: tuple[str, int]
    listener: socket.socket
    connections: list[socket.socket]

    def cut(self) -> None:
        """The server is gone, for who is connected and for who comes."""
        # Closing alone does not wake the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        port = int(self.address.rpartition(":")[2])
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self.server)
                self.connections += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def line(server: str) -> Iterator[Line]:
    """A line to the server of this address."""
    host, _, port = server.removeprefix("http://").partition(":")
    made = Line(f"http://127.0.0.1:{free_port()}", (host, int(port)), socket.socket(), [])
    made.listener.close()
    made.mend()
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.cut()
