"""Runs a workflow: jobs in the order of `needs`, each in a checkout of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.installation import DROPPED
from tests.support.workflow_runner import steps
from tests.support.workflow_runner.actions import Site
from tests.support.workflow_runner.expressions import Known, Scope, condition, fill, shown
from tests.support.workflow_runner.records import Event, Job, Leg, Ran
from tests.support.workflow_runner.steps import Place

WORKFLOW_KEYS = {"name", "on", "permissions", "concurrency", "defaults", "env", "jobs"}
JOB_KEYS = {
    *("name", "needs", "if", "strategy", "runs-on", "timeout-minutes", "permissions", "outputs"),
    *("env", "environment", "concurrency", "steps", "defaults"),
}


def load(path: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    data = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in data.items()}


@dataclass(slots=True)
class Runner:
    """GitHub, as far as the workflows see it. `tools` lies first on PATH; `log` holds all calls."""

    origin: Path
    tools: Path
    scratch: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    repository: str = "acme/demo"
    token: str = "the-token-of-the-run"
    only: frozenset[str] = frozenset()
    number: int = 0

    @property
    def log(self) -> Path:
        return self.scratch / "calls.jsonl"

    def run(self, path: Path, event: Event) -> Ran:
        """Run the workflow for an event that it listens to; `only` leaves out all other jobs."""
        typed = load(path)
        assert set(typed) <= WORKFLOW_KEYS, set(typed) - WORKFLOW_KEYS
        assert _listens(typed["on"], event), f"{path.name} does not listen to {event.name}"
        assert typed["permissions"] == {}, f"{path.name} gives all jobs a permission"
        self.number += 1
        whole = _Whole(path, typed, event, self.scratch / f"run-{self.number}", {})
        for name in _ordered(typed["jobs"]):
            whole.jobs[name] = self._job(whole, name)
        return Ran(path.stem, whole.jobs)

    def _job(self, whole: _Whole, name: str) -> Job:
        job = whole.data["jobs"][name]
        assert set(job) <= JOB_KEYS, f"{name}: unknown {set(job) - JOB_KEYS}"
        needs = _listed(job.get("needs"))
        ok = all(whole.jobs[one].result == "success" for one in needs)
        scope = Scope(self._contexts(whole, needs), ok, self.scratch)
        if not condition(job.get("if"), scope):
            return Job("skipped")
        if self.only and name not in self.only:
            return Job("left out", [Leg("left out", matrix=m) for m in _matrix(job, scope)])
        legs = [self._leg(whole, name, matrix) for matrix in _matrix(job, scope)]
        failed = any(leg.result != "success" for leg in legs)
        return Job("failure" if failed else "success", legs)

    def _leg(self, whole: _Whole, name: str, matrix: Mapping[str, Any]) -> Leg:
        job = whole.data["jobs"][name]
        folder = whole.folder / "-".join([name, *map(str, matrix.values())])
        contexts = self._contexts(whole, _listed(job.get("needs")))
        contexts |= {"matrix": Known(matrix), "steps": Known(), "env": Known()}
        labels = _listed(fill(job["runs-on"], Scope(contexts, True, folder)))
        house = folder if "ubuntu-latest" in labels else self.scratch / "hosts" / labels[0]
        workspace, home, temp = house / "work", house / "home", folder / "temp"
        shutil.rmtree(workspace, ignore_errors=True)
        for made in (workspace, home, temp):
            made.mkdir(parents=True, exist_ok=made == home)
        contexts["github"]["workspace"] = str(workspace)
        contexts["runner"] = Known(temp=str(temp), os="Linux")
        scope = Scope(contexts, True, workspace)
        artifacts = whole.folder / "artifacts"
        allowed = job.get("permissions") or {}
        place = Place(
            key=f"{whole.path.stem}/{name}",
            site=Site(self.origin, workspace, artifacts, self.log, whole.event, allowed),
            folder=folder,
            environment=self._environment(whole, workspace, home, temp, house != folder),
            defaults=whole.data.get("defaults", {}).get("run", {}),
        )
        for level in (whole.data.get("env") or {}, job.get("env") or {}):
            given = {key: shown(value) for key, value in fill(level, scope).items()}
            contexts["env"].update(given)
            place.environment.update(given)
        leg = steps.run(job["steps"], contexts, place)
        leg.matrix = dict(matrix)
        if leg.result == "success":
            outputs = fill(job.get("outputs") or {}, Scope(contexts, True, place.site.workspace))
            leg.outputs = {key: shown(value) for key, value in outputs.items()}
        return leg

    def _contexts(self, whole: _Whole, needs: list[str]) -> dict[str, Any]:
        event = whole.event
        kind = "tag" if event.ref.startswith("refs/tags/") else "branch"
        github = Known(
            event_name=event.name,
            event={"repository": {"default_branch": "main", "private": False}, **event.payload},
            ref=event.ref,
            ref_name=event.ref.split("/", 2)[2],
            ref_type=kind,
            sha=event.commit,
            workflow=whole.data["name"],
            actor="ann",
            token=self.token,
            repository=self.repository,
            run_id="77",
        )
        known = {
            one: {"result": whole.jobs[one].result, "outputs": dict(whole.jobs[one].outputs)}
            for one in needs
        }
        return {
            "github": github,
            "needs": Known(known),
            "vars": dict(whole.event.variables),
            "secrets": dict(whole.event.secrets),
            "runner": Known(temp="", os="Linux"),
        }

    def _environment(
        self, whole: _Whole, workspace: Path, home: Path, temp: Path, own_runner: bool
    ) -> dict[str, str]:
        """What a runner gives every step: nothing of this test's own virtual environment."""
        dropped = {*DROPPED, "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}
        kept = {key: value for key, value in os.environ.items() if key not in dropped}
        own = str(Path(sys.executable).parent)
        parts = [part for part in kept["PATH"].split(os.pathsep) if part != own]
        event = whole.event
        return {
            **kept,
            "PATH": os.pathsep.join([str(self.tools), *parts]),
            "HOME": str(home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ann",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_REF": event.ref,
            "GITHUB_REF_NAME": event.ref.split("/", 2)[2],
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_RUN_ID": "77",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": event.commit,
            "GITHUB_WORKFLOW": whole.data["name"],
            "GITHUB_WORKFLOW_REF": f"{self.repository}/.github/workflows/{whole.path.name}"
            f"@{event.ref}",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_ENVIRONMENT": "self-hosted" if own_runner else "github-hosted",
            "RUNNER_TEMP": str(temp),
            "STUB_LOG": str(self.log),
            "STUB_STATE": str(self.scratch),
            **self.extra,
        }


@dataclass(frozen=True, slots=True)
class _Whole:
    path: Path
    data: dict[str, Any]
    event: Event
    folder: Path
    jobs: dict[str, Job]


def _listens(events: Any, event: Event) -> bool:
    if event.name not in events:
        return False
    filters = events[event.name] if isinstance(events, dict) else None
    if not isinstance(filters, dict):
        return True
    assert set(filters) <= {"branches", "tags", "types"}, filters
    if "types" in filters and event.payload.get("action") not in filters["types"]:
        return False
    if not {"branches", "tags"} & set(filters):
        return True
    kind = "tags" if event.ref.startswith("refs/tags/") else "branches"
    name = event.ref.split("/", 2)[2]
    return any(Path(name).match(pattern) for pattern in filters.get(kind, ()))


def _ordered(jobs: Mapping[str, Any]) -> Iterator[str]:
    done: set[str] = set()
    while len(done) < len(jobs):
        free = [n for n in jobs if n not in done and set(_listed(jobs[n].get("needs"))) <= done]
        assert free, f"needs go in a circle or name no job: {set(jobs) - done}"
        yield from free
        done.update(free)


def _matrix(job: Mapping[str, Any], scope: Scope) -> list[dict[str, Any]]:
    strategy = job.get("strategy") or {}
    assert set(strategy) <= {"fail-fast", "max-parallel", "matrix"}, strategy
    axes = fill(strategy.get("matrix") or {}, scope)
    assert not {"include", "exclude"} & set(axes), "the runner knows no include and exclude"
    assert all(isinstance(values, list) and values for values in axes.values()), axes
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
