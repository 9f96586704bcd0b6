"""The lock of a production agent: what it is tested with and what its image is installed from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import MlwsError, Unavailable

LOCK = "uv.lock"
_SECONDS = 600.0
_OWN = {"UV_PROJECT_ENVIRONMENT": ".venv", "VIRTUAL_ENV": ""}


def make_if_missing(folder: Path, say: Callable[[str], None]) -> str:
    """Make `uv.lock` when there is none, and return uv's path. Raises MlwsError, Unavailable."""
    uv = _uv()
    if not (folder / LOCK).is_file():
        say(f"no {LOCK} yet: made now, commit it")
        made = process.run([uv, "lock", "--quiet"], folder, timeout=_SECONDS, env=_OWN)
        if made.status:
            raise MlwsError(f"the lock was not made: {made.said}", "look at pyproject.toml")
    return uv


def require_fresh(folder: Path) -> None:
    """Raise MlwsError when `uv.lock` is missing or stale, Unavailable when that cannot be told."""
    cure = f"uv lock --project {folder}, then commit {LOCK}"
    if not (folder / LOCK).is_file():
        raise MlwsError(f"{folder.name} has no {LOCK}: an image installs from it", cure)
    done = process.run([_uv(), "lock", "--check"], folder, timeout=_SECONDS, env=_OWN)
    if done.status and "needs to be updated" in done.errors:
        raise MlwsError(f"{LOCK} of {folder.name} is stale: pyproject.toml changed", cure)
    if done.status:
        raise Unavailable(f"uv cannot tell whether {LOCK} is right: {done.said}", cure)


def _uv() -> str:
    uv = process.find("uv")
    if uv is None:
        raise Unavailable("uv is not installed or not on PATH", "scripts/setup-env.sh")
    return uv
