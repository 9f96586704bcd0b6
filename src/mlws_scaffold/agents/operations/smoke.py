"""`mlws agent smoke`: the agent's own `tests/smoke/smoke.py` against what runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mlws_scaffold.adapters import children
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.operations import image, stack
from mlws_scaffold.agents.operations.docker import Command
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace

SCRIPT = "tests/smoke/smoke.py"
# `up` returns when the container runs, which is a moment before the agent answers.
_WAIT = ("--wait", "30")


def of_agent(
    place: Workspace, found: Found, key_file: Path | None, environment: Mapping[str, str]
) -> Command:
    """Ask what `up` started here, at its port, with its key, for the version that lies here."""
    keys = key_file or stack.keys(found.folder, environment)
    given = keys if keys.is_file() else None
    port = environment.get("AGENT_PUBLISHED_PORT") or "8000"
    version = image.describe(place, found).version
    more = ("--version", version, *_WAIT)
    return _command(_script(found), f"http://127.0.0.1:{port}", given, more)


def of_release(found: Found, address: str, version: str, environment: Mapping[str, str]) -> Command:
    """Ask a deployed version at its own address, with the key that lies here."""
    keys = stack.keys(found.folder, environment)
    given = keys if keys.is_file() else None
    return _command(_script(found), address, given, ("--version", version))


def of_image(found: Found, address: str, version: str, keys: Path) -> Command:
    """Ask a container that was started a moment ago, with the key that it was given."""
    return _command(_script(found), address, keys, ("--version", version, "--wait", "90"))


def of_address(script: Path, address: str, key_file: Path | None) -> Command:
    """Ask any address with the script that new agents get."""
    return _command(script, address, key_file)


def run(command: Command) -> int:
    """Run it on our own terminal; 0 when every step passed."""
    return children.wait(children.start(command.words, command.folder, os.environ)).status


def _script(found: Found) -> Path:
    script = found.folder / SCRIPT
    if not script.is_file():
        raise MlwsError(f"{found.folder.name} has no {SCRIPT}", "copier update brings it")
    return script


def _command(
    script: Path, address: str, key_file: Path | None, more: tuple[str, ...] = ()
) -> Command:
    if key_file is not None and not key_file.is_file():
        raise UsageError(f"no key file {key_file}", "its first line is an API key")
    key = ("--key-file", str(key_file.absolute())) if key_file else ()
    return Command((sys.executable, str(script), address, *key, *more), script.parent)
