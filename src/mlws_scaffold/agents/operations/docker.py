"""The `docker` command: is it there, does its engine answer, and running it in the open."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.adapters import children, process
from mlws_scaffold.errors import Unavailable

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, where, and what is added to the environment."""

    words: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The command as a person would type it."""
        added = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*added, shlex.join(self.words)])


def require(folder: Path, *, compose: bool) -> None:
    """Raise Unavailable unless docker, its engine and (`compose`) its plugin answer."""
    docker = process.find("docker")
    if docker is None:
        raise Unavailable(
            "docker is not installed or not on PATH",
            "install Docker Engine or Docker Desktop; without containers: mlws agent serve NAME",
        )
    if compose and process.run([docker, "compose", "version"], folder, timeout=_SECONDS).status:
        raise Unavailable(
            "docker has no compose plugin",
            "install version 2.20 or newer of it (package docker-compose-plugin, or docker-compose"
            " in Debian)",
        )
    asked = [docker, "version", "--format", "{{.Server.Version}}"]
    answer = process.run(asked, folder, timeout=_SECONDS)
    if answer.status or not answer.output.strip():
        raise Unavailable(
            f"the Docker engine does not answer: {answer.said}",
            "start it (systemctl start docker, or Docker Desktop), or correct DOCKER_HOST; who may"
            " not use it needs the group docker",
        )


def run(command: Command) -> int:
    """Run the command on our own terminal; returns its exit status, 130 after Ctrl-C."""
    env = {**os.environ, **command.environment}
    departed = children.wait(children.start(command.words, command.folder, env))
    return 130 if departed.interrupted else departed.status
