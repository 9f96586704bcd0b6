"""The first step: what exactly will run, with which interpreter, configuration, code and data."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import children
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.experiments import backends
from mlws_scaffold.experiments.life import lifecycle
from mlws_scaffold.experiments.run import fingerprint, tree
from mlws_scaffold.experiments.run.stages import Request, Resolved, Surroundings
from mlws_scaffold.experiments.spec import CLOSED, DataSource
from mlws_scaffold.workspace import secrets

_PROBE = Path(__file__).with_name("probe.py")
SCRIPT = "train.py"
OWN_PYTHON = ".venv/bin/python"


def resolve(request: Request) -> Resolved:
    """Raises UsageError, InvalidFile for an experiment that may not start, Unavailable."""
    backends.check(request.backend)
    _may_start(request)
    folder, place = request.entry.folder, request.place
    if not (folder / SCRIPT).is_file():
        raise UsageError(f"{place.layout.relative(folder)} has no {SCRIPT} to run")
    command = _command(request)
    [surroundings] = look_around(request, [()])
    found = tree.look(place.root, folder, place.config.checks.max_file_mb)
    return Resolved(
        request=request,
        surroundings=surroundings,
        tree=found,
        command=command,
        seed=fingerprint.seed_in(surroundings.config),
        config_hash=fingerprint.of_config(surroundings.config, request.arguments),
        code_hash=tree.code_hash(found, place.root / "shared"),
        data={source.name: _version(source) for source in request.entry.metadata.data},
    )


def vary(resolved: Resolved, variants: Sequence[tuple[str, ...]]) -> list[Resolved]:
    """The same with further --set values each; code and data are not looked at again.

    Raises UsageError, Unavailable.
    """
    request = resolved.request
    requests = [replace(request, sets=(*request.sets, *variant)) for variant in variants]
    return [
        replace(
            resolved,
            request=varied,
            surroundings=found,
            command=_command(varied),
            seed=fingerprint.seed_in(found.config),
            config_hash=fingerprint.of_config(found.config, varied.arguments),
        )
        for varied, found in zip(requests, look_around(request, variants), strict=True)
    ]


def is_isolated(folder: Path) -> bool:
    """Whether the experiment has dependencies and a lock of its own."""
    return (folder / "pyproject.toml").is_file()


def interpreter(root: Path, folder: Path) -> str:
    """Python of the experiment's own environment, else of the workspace's, else ours."""
    if is_isolated(folder):
        own = folder / OWN_PYTHON
        if not own.exists():
            raise Unavailable(
                f"{folder.name} has an environment of its own, which is not made yet",
                f"uv sync --project {shlex.quote(str(folder))}",
            )
        return str(own)
    shared = root / (os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv") / "bin/python"
    return str(shared) if shared.exists() else sys.executable


def activation(surroundings: Surroundings) -> dict[str, str]:
    """What activating the experiment's own environment would set; nothing for the shared one."""
    if surroundings.dependencies != "isolated":
        return {}
    tools = Path(surroundings.interpreter).parent
    path = os.environ.get("PATH", os.defpath)
    return {"VIRTUAL_ENV": str(tools.parent), "PATH": f"{tools}{os.pathsep}{path}"}


def look_around(request: Request, variants: Sequence[tuple[str, ...]]) -> list[Surroundings]:
    """Ask the interpreter that will run the experiment, once for all `variants` of further --set
    values. Raises UsageError, Unavailable.
    """
    root, folder, config = request.place.root, request.entry.folder, request.config
    sets = [[*request.sets, *variant] for variant in variants]
    dependencies = "isolated" if is_isolated(folder) else "root"
    python = request.interpreter or interpreter(root, folder)
    named = folder / config
    if not named.is_file() and config != "config.yaml":
        raise UsageError(f"--config: no {config} in {folder.name}")
    path = str(named) if named.is_file() else ""
    if any(sets) and not path:
        raise UsageError("--set changes config.yaml, and there is none")
    answer = _ask([python, "-P", str(_PROBE), str(root), path], folder, json.dumps(sets))
    if missing := answer.get("missing"):
        where = f" --project {shlex.quote(str(folder))}" if dependencies == "isolated" else ""
        raise Unavailable(f"{python} has no {missing}", f"install the environment: uv sync{where}")
    if wrong := answer.get("error"):
        raise UsageError(str(wrong))
    lock = (folder if dependencies == "isolated" else root) / "uv.lock"
    facts = ("python", "implementation", "platform", "executable")
    found = Surroundings(
        interpreter=python,
        config={},
        packages=tuple(answer["packages"]),
        system={name: str(answer[name]) for name in facts},
        dependencies=dependencies,
        lock_sha256=sha256(lock),
    )
    return [replace(found, config=values) for values in answer["configs"]]


def sha256(path: Path) -> str:
    """Hash of a file, or the empty string when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _ask(command: list[str], folder: Path, words: str) -> Mapping[str, Any]:
    # Without PYTHONPATH: the environment and the workspace are what a run depends on.
    env = {**os.environ, "PYTHONPATH": ""}
    done = children.ask(command, folder, env, timeout=120, words=words)
    if done.status:
        last = (done.errors.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"{command[0]} cannot read the configuration: {last}", "uv sync")
    try:
        answer: Mapping[str, Any] = json.loads(done.output)
    except ValueError:
        raise Unavailable(f"{command[0]} answers with something else", "uv sync") from None
    return answer


def _may_start(request: Request) -> None:
    metadata = request.entry.metadata
    if metadata.status == lifecycle.ARCHIVED:
        cure = f"mlws experiment unarchive {metadata.experiment_id}"
        raise MlwsError(f"{metadata.experiment_id} is archived", cure)
    if metadata.status == "planned":
        # Judged before anything is made; written when the run exists.
        lifecycle.move(request.place, request.entry, "in_progress", {}, dry=True)
    elif metadata.status in (*CLOSED, "blocked"):
        request.say(f"note: {metadata.experiment_id} is {metadata.status}")


def _command(request: Request) -> tuple[str, ...]:
    for argument in request.arguments:
        if argument.partition("=")[0] in ("--set", "--config"):
            raise UsageError(f"{argument} is recorded as well: write it in front of --")
    config = (
        ("--config", request.config) if (request.entry.folder / request.config).is_file() else ()
    )
    sets = [part for value in request.sets for part in ("--set", value)]
    command = ("python", SCRIPT, *config, *sets, *request.arguments)
    if secrets.holds_secret("\n".join(command)):
        raise UsageError(
            "an argument looks like a secret, and the command line is recorded",
            "pass it in the environment",
        )
    if len(shlex.join(command)) > 5000:
        raise UsageError("the command line is longer than 5000 characters", "write a --config file")
    return command


def _version(source: DataSource) -> str:
    return source.sha256 or "unknown"
