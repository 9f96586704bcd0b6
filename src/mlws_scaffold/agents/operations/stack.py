"""`mlws agent up` and `down`: the agent's compose files, and what they need before they start."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.agents import lock
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.operations import docker, image, monitoring
from mlws_scaffold.agents.operations.docker import Command
from mlws_scaffold.agents.operations.image import Image
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Workspace

KEYS = ".env.keys"
_OWN = "compose.override.yaml"
# The user that the Dockerfile names.
_USER = 65532


@dataclass(frozen=True, slots=True)
class Wish:
    """What is started besides the agent and its Ollama on the CPU."""

    gpu: bool = False
    monitoring: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `up` does: an image, files written below the agent's folder, and commands.

    `private` names those files that hold secrets; `start` holds the commands in their order.
    """

    image: Image
    written: Mapping[str, str]
    private: tuple[str, ...]
    start: tuple[Command, ...]


def plan(place: Workspace, found: Found, wish: Wish, environment: Mapping[str, str]) -> Plan:
    """What `up` will do. Raises MlwsError for a lock, a key or a receiver that is not right."""
    image.production(found)
    lock.require_fresh(found.folder)
    _require_keys(found.folder, environment)
    made = image.describe(place, found)
    added = {"AGENT_IMAGE": made.tag}
    written: dict[str, str] = {}
    if wish.monitoring:
        written[monitoring.SLO] = monitoring.slo(found.agent)
        told = monitoring.receivers(place.config.alerts, environment)
        if told is not None:
            written[monitoring.RECEIVERS] = told
            added["ALERTMANAGER_CONFIG"] = f"./{monitoring.RECEIVERS}"
            added["ALERTMANAGER_USER"] = f"{os.getuid()}:{os.getgid()}"
    new = {name: text for name, text in written.items() if _differs(found.folder / name, text)}
    # The image was just built here; compose would build it from another context.
    compose = _compose(found, wish)
    start = [(*compose, "up", "--detach", "--no-build", "--remove-orphans")]
    if new:  # a running container still sees the file that was replaced
        start.append((*compose, "restart", "prometheus", "alertmanager"))
    commands = tuple(Command(words, found.folder, added) for words in start)
    return Plan(made, new, (monitoring.RECEIVERS,), commands)


def up(place: Workspace, found: Found, plan: Plan, more: tuple[str, ...] = ()) -> int:
    """Build the image, write the files, start; returns the exit status of what failed, or 0."""
    docker.require(found.folder, compose=True)
    if status := build(place, found, plan.image, more):
        return status
    for name, text in plan.written.items():
        if name in plan.private:
            (found.folder / name).touch(mode=0o600)
        files.write(found.folder / name, text)
    return next((status for command in plan.start if (status := docker.run(command))), 0)


def build(place: Workspace, found: Found, made: Image, more: tuple[str, ...] = ()) -> int:
    """Build the image; returns docker's exit status. Raises Unavailable without an engine."""
    docker.require(found.folder, compose=False)
    with image.context(place, found, made) as folder:
        return docker.run(image.command(made, folder, more))


def stop(found: Found) -> Command:
    """The command that stops and removes the agent's containers; volumes stay."""
    image.production(found)
    words = (*_compose(found, Wish(monitoring=True)), "down", "--remove-orphans")
    return Command(words, found.folder)


def down(found: Found, command: Command) -> int:
    """Stop; returns docker's exit status. Raises Unavailable without engine or plugin."""
    docker.require(found.folder, compose=True)
    return docker.run(command)


def warn(found: Found, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Say what may go wrong but need not: engines differ in whose rights count."""
    path = keys(found.folder, environment)
    if sys.platform == "linux" and path.is_file():
        about = path.stat()
        if about.st_uid != _USER and not about.st_mode & 0o004:
            say(f"{path} may not be readable for user {_USER} of the image: chmod 644 {path}")


def _compose(found: Found, wish: Wish) -> tuple[str, ...]:
    names = ["compose.yaml", *(["compose.gpu.yaml"] if wish.gpu else [])]
    if (found.folder / _OWN).is_file():
        names.append(_OWN)  # docker itself leaves it out as soon as one file is named
    for name in names:
        if not (found.folder / name).is_file():
            cure = (
                "copier update brings it" if name != "compose.yaml" else "mlws-new agent makes it"
            )
            raise MlwsError(f"{found.folder.name} has no {name}", cure)
    chosen = [word for name in names for word in ("--file", name)]
    profile = ("--profile", "monitoring") if wish.monitoring else ()
    return ("docker", "compose", "--project-name", found.folder.name, *chosen, *profile)


def keys(folder: Path, environment: Mapping[str, str]) -> Path:
    """The file with the API keys that compose mounts."""
    return folder / (environment.get("API_KEYS_FILE") or KEYS)


def _require_keys(folder: Path, environment: Mapping[str, str]) -> None:
    path = keys(folder, environment)
    try:
        held = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        held = ""
    if not held:
        make = f"head -c 32 /dev/urandom | base64 > {shlex.quote(str(path))}"
        raise MlwsError(f"{path} holds no API key: the agent would not start", make)


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") != text
    except (OSError, UnicodeDecodeError):
        return True
