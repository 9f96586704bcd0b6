"""The target `process`: HAProxy and plain processes on this machine, for tests and laptops.

Each version is a folder of its own, made from its commit, with the environment that its lock
describes. It is kept: going back starts what ran before, not what can be built today.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import stat
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mlws_scaffold.adapters import children, files, http, process
from mlws_scaffold.adapters.daemons import Daemon
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.adapters.haproxy import config
from mlws_scaffold.adapters.haproxy.config import Proxy, Server
from mlws_scaffold.adapters.haproxy.runtime import Runtime
from mlws_scaffold.agents.operations import image, smoke, stack
from mlws_scaffold.agents.targets import versions
from mlws_scaffold.agents.targets.slots import CONFIG, JOURNAL, Slots
from mlws_scaffold.agents.targets.target import Release, Site, Wish
from mlws_scaffold.agents.watching import counters
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.workspace import state

_HOST = "127.0.0.1"
_PORTS = {"production": 8080, "staging": 8180}
# With what HAProxy adds while it starts, below the 107 of Linux and the 103 of macOS.
_SOCKET_BYTES = 85
_PROXY_SECONDS = 15.0
# Longer than the drain and the shutdown of config.yaml together.
_GRACE_SECONDS = 45.0
# Environments kept on this machine besides those of what serves and served before.
_KEPT = 5
_SMOKE_SECONDS = 300.0
_INSTALL_SECONDS = 1800.0
_OWN = {"UV_PROJECT_ENVIRONMENT": ".venv", "VIRTUAL_ENV": ""}


def target(site: Site) -> Slots:
    """The target of an agent on this machine."""
    return Slots(Machine(site))


@dataclass(frozen=True, slots=True)
class Machine:
    """The house whose slots are processes."""

    site: Site

    @property
    def folder(self) -> Path:
        """Where all of this agent and environment lies, outside of the workspace."""
        return state.folder(self.site.place.root) / "deploy" / self.site.env / self.site.name

    def require(self) -> None:
        config.executable()
        if process.find("uv") is None:
            raise Unavailable("uv is not installed or not on PATH", "scripts/setup-env.sh")

    @contextlib.contextmanager
    def alone(self, *, wait: bool) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.locked(self.folder, wait=wait):
            yield

    def read(self, name: str) -> str | None:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text)

    def find(self, wish: Wish) -> Release:
        return versions.find(self.site, wish)

    def make(self, release: Release, _wish: Wish) -> Release:
        """Always from the commit, whatever the wish: there is no registry of processes."""
        home = self._home(release)
        if not (home / "made").is_file():
            self._make(release, home)
        return release

    def place(self, release: Release) -> Release:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind((_HOST, 0))
            return replace(release, port=int(probe.getsockname()[1]))

    def server(self, _slot: str, release: Release | None) -> tuple[str, int]:
        return _HOST, release.port if release else 1

    def proxy(self, servers: tuple[Server, ...]) -> Proxy:
        port = self.site.stage.port or _PORTS[self.site.env]
        return Proxy(_HOST, port, None, self._socket, servers, None)

    def run_proxy(self) -> None:
        _own_folder(self._socket.parent)
        command = (config.executable(), "-W", "-db", "-f", str(self.folder / CONFIG))
        daemon = Daemon(self.folder / "proxy")
        daemon.start(command, self.folder, os.environ)
        end = time.monotonic() + _PROXY_SECONDS
        while True:
            with contextlib.suppress(Unavailable):
                self.runtime().servers()
                return
            if not daemon.alive or time.monotonic() > end:
                raise MlwsError(f"the proxy does not start: {daemon.said()}")
            time.sleep(0.02)

    def runtime(self) -> Runtime:
        return Runtime(self._socket)

    def start(self, release: Release) -> None:
        home = self._home(release)
        if not (home / "made").is_file():
            cure = f"mlws agent deploy {self.site.name} --version {release.version}"
            raise MlwsError(f"{release.version} is not kept here any more", cure)
        command = (str(home / ".venv/bin/python"), "-m", "agent.server")
        self._daemon(release).start(command, home, self._environment(release, home))

    def alive(self, release: Release) -> bool:
        return self._daemon(release).alive

    def stop(self, release: Release) -> None:
        self._daemon(release).stop(_GRACE_SECONDS)

    def check(self, configuration: str) -> None:
        config.check(configuration)

    def ready(self, release: Release) -> bool:
        with contextlib.suppress(Unavailable):
            return http.get(f"{_address(release)}/readyz", timeout=2).status == 200
        return False

    def smoke(self, release: Release) -> str:
        site, version = self.site, release.version
        command = smoke.of_release(site.found, _address(release), version, site.variables)
        try:
            done = children.ask(command.words, command.folder, os.environ, timeout=_SMOKE_SECONDS)
        except Unavailable as error:
            return error.message
        return "" if done.status == 0 else done.said or f"it ended with {done.status}"

    def counters(self, release: Release) -> Counters | None:
        return counters.read(_address(release))

    def explain(self, release: Release) -> str:
        return self._daemon(release).said()

    @property
    def _socket(self) -> Path:
        """A path of a socket may have about 100 characters; a deep folder gets one in /tmp."""
        near = self.folder / "admin.sock"
        if len(os.fsencode(near)) <= _SOCKET_BYTES:
            return near
        key = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(f"/tmp/mlws-{os.getuid()}/{key}.sock")  # noqa: S108 - owner and mode are checked

    def _home(self, release: Release) -> Path:
        return self.folder / "releases" / f"{release.version}-{release.digest[-12:]}"

    def _daemon(self, release: Release) -> Daemon:
        return Daemon(self.folder / f"slot-{release.slot}")

    def _environment(self, release: Release, home: Path) -> dict[str, str]:
        given = dict(self.site.variables)
        keys = stack.keys(self.site.found.folder, given)
        paths = [str(home / "src"), str(home / "shared/tools/src")]
        own = {
            "AGENT_HOME": str(home),
            "AGENT_HOST": _HOST,
            "AGENT_PORT": str(release.port),
            "AGENT_MODEL": given.get("AGENT_MODEL") or release.model,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }
        if keys.is_file():
            own["AGENT_API_KEYS_FILE"] = str(keys)
        return {**given, **own}

    def _make(self, found: Release, home: Path) -> None:
        """The folder of a version: its files as the commit has them, and its environment."""
        self.site.say(f"making {self.site.name} {found.version} from {found.commit[:12]}")
        inside = self.site.place.layout.relative(self.site.found.folder)
        home.parent.mkdir(parents=True, exist_ok=True)
        with files.beside(home) as scratch:
            tarball = scratch / "tree.tar"
            git = Git(self.site.place.root)
            parts = [
                part
                for part in (inside, *image.SHARED)
                if git.ok("cat-file", "-e", f"{found.commit}:./{part}")
            ]
            git.run("archive", "--format=tar", f"--output={tarball}", found.commit, *parts)
            with tarfile.open(tarball) as archive:
                archive.extractall(scratch / "tree", filter="data")
            shutil.move(scratch / "tree" / inside, scratch / "made")
            if (scratch / "tree/shared").is_dir():
                shutil.move(scratch / "tree/shared", scratch / "made/shared")
            shutil.rmtree(home, ignore_errors=True)
            (scratch / "made").rename(home)
        uv = process.find("uv") or "uv"
        env = {**os.environ, **_OWN}
        words = (uv, "sync", "--locked", "--no-dev", "--quiet")
        done = children.ask(words, home, env, timeout=_INSTALL_SECONDS)
        if done.status:
            raise MlwsError(
                f"the environment of {found.version} does not follow from uv.lock: {done.said}",
                "uv lock, commit it, and deploy again",
            )
        files.write(home / "made", f"{found.digest}\n")
        self._forget_old()

    def _forget_old(self) -> None:
        """Keep the last versions, and all that the journal names."""
        homes = sorted((self.folder / "releases").iterdir(), key=lambda home: home.stat().st_mtime)
        journal = self.read(JOURNAL) or ""
        for home in homes[:-_KEPT]:
            digest = (home / "made").read_text("ascii").strip() if (home / "made").exists() else ""
            named = f'"digest": "{digest}"' in journal.partition('"records"')[0]
            if not (digest and named):
                shutil.rmtree(home, ignore_errors=True)


def _address(release: Release) -> str:
    return f"http://{_HOST}:{release.port}"


def _own_folder(folder: Path) -> None:
    """The folder of a socket is ours alone: who can write there could stand in for the proxy."""
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or not stat.S_ISDIR(about.st_mode):
        raise MlwsError(f"{folder} belongs to somebody else", "remove it")
