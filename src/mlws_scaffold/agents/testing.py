"""`mlws agent test`: everything that must hold before an agent is shown to others, as one table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, process
from mlws_scaffold.agents import lock, shared
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError, did_you_mean

_MOST_SECONDS = 1800.0
# Another environment than the agent's own would otherwise be synced and used.
_OWN = {"UV_PROJECT_ENVIRONMENT": ".venv", "VIRTUAL_ENV": ""}

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what it is for; the command runs in the agent's folder."""

    name: str
    command: Command


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a step ended. `output` is all it printed."""

    name: str
    ok: bool
    seconds: float
    output: str


# In the order in which a person wants to know: cheap ones first.
PRODUCTION: tuple[Step, ...] = (
    Step("lint", ("ruff", "check", ".")),
    Step("format", ("ruff", "format", "--check", ".")),
    Step("types", ("mypy",)),
    Step("security", ("bandit", "-q", "-c", "pyproject.toml", "-r", "src")),
    Step("configuration", ("python", "-m", "agent.server", "--check")),
    Step("tests", ("pytest", "-q", "tests/unit", "tests/wire", "--cov")),
    Step("contract", ("pytest", "-q", "tests/contract")),
    Step("behaviour", ("pytest", "-q", "tests/behaviour")),
)
PROTOTYPE: tuple[Step, ...] = (
    Step("lint", ("ruff", "check", ".")),
    Step("format", ("ruff", "format", "--check", ".")),
    Step("tests", ("pytest", "-q", ".")),
)


def steps(found: Found, only: tuple[str, ...] = ()) -> list[Step]:
    """The steps of an agent's track, or those named. Raises UsageError on an unknown name.

    Tests of a kind that the agent does not have are left out of the command, or the step is.
    """
    known = PRODUCTION if found.track == "production" else PROTOTYPE
    names = [step.name for step in known]
    for name in only:
        if name not in names:
            raise UsageError(f"there is no step {name!r}", did_you_mean(name, names))
    chosen = [_present(found.folder, step) for step in known if not only or step.name in only]
    return [step for step in chosen if step is not None]


def run(
    root: Path, found: Found, asked: list[Step], say: Callable[[str], None]
) -> Iterator[Verdict]:
    """Run the steps one after the other, each to its end; yields each verdict when it is known.

    A production agent is tested in its own environment, whose lock is made when it is missing, with
    the workspace's `shared_tools` found by path as in its image. Raises Unavailable when a tool is
    missing: nothing is then known about the agent.
    """
    if found.track == "production":
        prefix = _own_environment(found.folder, say)
        environment: Mapping[str, str] = {**_OWN, **shared.paths(root)}
    else:
        prefix = (sys.executable, "-m")
        paths = [str(found.folder / "src"), os.environ.get("PYTHONPATH", "")]
        environment = {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    env = {**os.environ, **environment, "AGENT_ENVIRONMENT": "development"}
    for step in asked:
        began = time.monotonic()
        done = children.ask((*prefix, *step.command), found.folder, env, timeout=_MOST_SECONDS)
        output = f"{done.output}{done.errors}".strip()
        if f"No module named {step.command[0]}" in output and done.status:
            raise Unavailable(f"{step.command[0]} is not installed here", "uv sync")
        yield Verdict(step.name, done.status == 0, time.monotonic() - began, output)


def _own_environment(folder: Path, say: Callable[[str], None]) -> Command:
    uv = lock.make_if_missing(folder, say)
    synced = process.run([uv, "sync", "--locked", "--quiet"], folder, timeout=1800, env=_OWN)
    if synced.status:
        cure = "after a change of pyproject.toml: uv lock; without a network there is no cure"
        raise MlwsError(f"the environment does not follow from uv.lock: {synced.said}", cure)
    return (uv, "run", "--no-sync")


def _present(folder: Path, step: Step) -> Step | None:
    """The step without the test folders that are not there; None when none is left."""
    named = [word for word in step.command if word.startswith("tests/")]
    missing = [word for word in named if not (folder / word).is_dir()]
    if named and len(missing) == len(named):
        return None
    return Step(step.name, tuple(word for word in step.command if word not in missing))
