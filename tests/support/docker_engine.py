"""A Docker engine of our own, and stand-ins for the two images that no registry serves here.

The stand-ins are made from Debian's packages and from uv's wheel; what the Dockerfile does with
them is real. The engine has no bridge, so everything runs on the host's loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import CACHE

PYTHON = "python:3.13-slim-bookworm"
UV = "ghcr.io/astral-sh/uv:0.12.5"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NEEDED = ("dockerd", "docker", "debootstrap")


@dataclass(frozen=True, slots=True)
class Engine:
    """`docker` against this engine alone."""

    socket: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes any `docker` talk to this engine, by the builder that every engine has."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}

    def run(self, *command: str, folder: Path | None = None, status: int | None = 0) -> str:
        """Output of `docker COMMAND`; `status` None accepts any end."""
        done = subprocess.run(
            ["docker", *command], cwd=folder, env={**os.environ, **self.environment},
            text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900,
        )  # fmt: skip
        if status is not None:
            assert done.returncode == status, f"docker {' '.join(command)}:\n{done.stdout}"
        return done.stdout.strip()


@contextlib.contextmanager
def running() -> Iterator[Engine]:
    """Start an engine that has the stand-ins; skips the test where a part is missing."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("a Docker engine of our own needs root")
    folder = Path(tempfile.mkdtemp(prefix="mlws-docker-"))
    command = [
        "dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec",
        "--pidfile", folder / "pid", "-H", f"unix://{folder}/sock",
        "--iptables=false", "--ip6tables=false", "--bridge=none",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    engine = Engine(folder / "sock")
    try:
        _wait(engine, process, folder / "log")
        _put(engine, UV, _uv(folder))
        _put(engine, PYTHON, _python())
        yield engine
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(engine: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while "Server Version" not in engine.run("info", status=None):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.skip(f"no Docker engine starts here: {log.read_text()[-300:]}")
        time.sleep(0.5)


def _put(engine: Engine, name: str, tarball: Path) -> None:
    # A build behind a proxy with its own certificate; a rendered Dockerfile knows nothing of it.
    changes = [f"ENV {variable}={CERTIFICATES}" for variable in ("SSL_CERT_FILE", "PIP_CERT")]
    changes.append('CMD ["python3"]')
    words = [word for change in changes for word in ("--change", change)]
    engine.run("import", *words, str(tarball), name)


def _uv(folder: Path) -> Path:
    """An image of one file, as the public one is."""
    tarball = folder / "uv.tar"
    binary = Path(sys.executable).with_name("uv")
    subprocess.run(["tar", "-cf", tarball, "-C", binary.parent, "uv"], check=True)
    return tarball


def _python() -> Path:
    """Debian with Python 3.13, kept in the cache: making it takes minutes."""
    tarball = CACHE / "mlws-tests/python-3.13.tar"
    if tarball.is_file():
        return tarball
    tarball.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mlws-base-") as name:
        root = Path(name) / "root"
        include = "python3,python3-venv,ca-certificates"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={include}", "trixie", root],
            check=True, stdout=subprocess.DEVNULL, timeout=1200,
        )  # fmt: skip
        (root / "usr/bin/python").symlink_to("python3")
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()
        if CERTIFICATES.is_file():
            shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        made = tarball.with_suffix(".new")
        subprocess.run(["tar", "-cf", made, "-C", root, "."], check=True)
        made.rename(tarball)
    return tarball
