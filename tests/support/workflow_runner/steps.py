"""Runs the steps of one job, one after the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.workflow_runner import actions
from tests.support.workflow_runner.actions import Site
from tests.support.workflow_runner.expressions import Scope, condition, fill, shown
from tests.support.workflow_runner.records import Leg, Step

STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory"}
# As GitHub starts `shell: bash`.
_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job runs and with which environment, which its steps may add to."""

    key: str
    site: Site
    folder: Path
    environment: dict[str, str]
    defaults: Mapping[str, Any]


def run(listed: list[dict[str, Any]], contexts: dict[str, Any], place: Place) -> Leg:
    """Run all steps. After a failure only those run whose `if:` says so."""
    leg, ok = Leg("success"), True
    for number, step in enumerate(listed, 1):
        assert set(step) <= STEP_KEYS, f"{place.key}/{number}: {set(step) - STEP_KEYS}"
        assert ("run" in step) != ("uses" in step), f"{place.key}/{number}"
        name = step.get("name") or step.get("uses") or step["run"].splitlines()[0]
        done = Step(f"{place.key}/{number}", name, "run" in step, "skipped")
        scope = Scope(contexts, ok, place.site.workspace)
        outputs: dict[str, str] = {}
        if condition(step.get("if"), scope):
            done, outputs = _one(step, scope, place, done)
            ok = ok and done.result == "success"
        leg.steps.append(done)
        if "id" in step:
            contexts["steps"][step["id"]] = {"outputs": outputs, "outcome": done.result}
    leg.result = "success" if ok else "failure"
    summary = place.folder / "summary.md"
    leg.summary = summary.read_text() if summary.exists() else ""
    return leg


def _one(
    step: dict[str, Any], scope: Scope, place: Place, done: Step
) -> tuple[Step, dict[str, str]]:
    if "uses" in step:
        try:
            outputs = actions.use(step["uses"], fill(step.get("with") or {}, scope), place.site)
        except actions.Failed as error:
            return replace(done, result="failure", output=str(error)), {}
        return replace(done, result="success"), outputs
    assert "${{" not in step["run"], f"{done.key}: an expression inside of run"
    assert (step.get("shell") or place.defaults.get("shell")) == "bash", done.key
    given = fill(step.get("env") or {}, scope)
    return _script(step, {key: shown(value) for key, value in given.items()}, place, done)


def _script(
    step: dict[str, Any], given: dict[str, str], place: Place, done: Step
) -> tuple[Step, dict[str, str]]:
    number = done.key.rpartition("/")[2]
    script = place.folder / f"step-{number}.sh"
    script.write_text(step["run"])
    files = {
        name: place.folder / f"{name.lower()}-{number}"
        for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")
    }
    for path in files.values():
        path.touch()
    named = {key: str(path) for key, path in files.items()}
    named["GITHUB_STEP_SUMMARY"] = str(place.folder / "summary.md")
    folder = place.site.workspace / (step.get("working-directory") or ".")
    ended = subprocess.run(
        [*_BASH, str(script)],
        cwd=folder,
        env={**place.environment, **given, **named},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=_SECONDS,
    )
    place.environment.update(_pairs(files["GITHUB_ENV"].read_text()))
    for line in files["GITHUB_PATH"].read_text().splitlines():
        place.environment["PATH"] = f"{line}{os.pathsep}{place.environment['PATH']}"
    result = "failure" if ended.returncode else "success"
    outputs = _pairs(files["GITHUB_OUTPUT"].read_text())
    return replace(done, result=result, output=ended.stdout), outputs


def _pairs(text: str) -> dict[str, str]:
    """What was written to GITHUB_OUTPUT or GITHUB_ENV: NAME=VALUE, or NAME<<END … END."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        head, sign, value = line.partition("=")
        if "<<" in head or not sign:
            name, _, end = line.partition("<<")
            assert end, f"no NAME=VALUE: {line!r}"
            block = []
            for inner in lines:
                if inner == end:
                    break
                block.append(inner)
            found[name] = "\n".join(block)
        elif head:
            found[head] = value
    return found
