"""A recorded run once more: its commit, its environment, its command; then the metrics compared."""

from __future__ import annotations

import dataclasses
import math
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.adapters import process, snapshots, tracking
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.experiments import results, spec
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import executing, resolving
from mlws_scaffold.experiments.run.recording import create_run
from mlws_scaffold.experiments.run.resolving import resolve
from mlws_scaffold.experiments.run.stages import Meter, Request, unmetered
from mlws_scaffold.experiments.run.tree import keep
from mlws_scaffold.workspace import config, state
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import METADATA

Verdict = Literal["equal", "within tolerance", "different"]
_CLOCKS = ("seconds", "duration", "time", "per_sec", "latency", "throughput", "memory")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, recorded and now. None where a run has none of that name."""

    name: str
    recorded: float | None
    now: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came out. `status` is the exit code of the repeated command."""

    original: Run
    run_id: str
    status: int
    metrics: tuple[Metric, ...]
    left_aside: tuple[str, ...]  # metrics that measure the machine

    @property
    def verdict(self) -> Verdict:
        found = {metric.verdict for metric in self.metrics}
        if self.status or not found or "different" in found:
            return "different"
        return "within tolerance" if "within tolerance" in found else "equal"


def reproduce(
    place: Workspace,
    text: str,
    *,
    here: bool,
    tolerance: float,
    say: Callable[[str], None],
    meter: Meter = unmetered,
) -> Reproduction:
    """Repeat the run whose id begins with `text`.

    `here`: in the environment that is installed, even when the run was made with another lock.
    Raises UsageError, MlwsError when its commit is gone, Unavailable.
    """
    original = find(place, text)
    if original.is_sweep:
        best = original.tags.get("mlws.sweep.best_run", "RUN")
        raise UsageError(
            f"{original.run_id} is a sweep", f"repeat one of its points: mlws reproduce {best}"
        )
    git = Git(Git(place.root).toplevel() or place.root)
    commit = _commit(git, original)
    tree = state.folder(place.root) / "worktrees" / f"reproduce-{original.run_id[:8]}-{os.getpid()}"
    inside = place.root.resolve().relative_to(git.folder.resolve())
    with snapshots.worktree(git, commit, tree):
        request = _request(place, original, tree / inside, here=here, say=say)
        created = create_run(keep(resolve(request)))
        job = dataclasses.replace(
            created.job,
            environment={**created.job.environment, **executing.own_tools(tree / inside)},
        )
        created = dataclasses.replace(created, job=job, meter=meter)
        outcome = executing.finish(executing.watch(executing.launch(created)))
    again = find(place, outcome.run_id)
    metrics, aside = compare(original.metrics, again.metrics, tolerance)
    return Reproduction(original, outcome.run_id, outcome.status, metrics, aside)


def find(place: Workspace, text: str) -> Run:
    """The recorded run whose id begins with `text`. Raises UsageError."""
    run = results.run_named(place, text)
    if not run.recorded:
        raise UsageError(
            f"run {run.run_id} was not made by mlws run: nobody knows its code",
            "repeat it by hand, recorded: mlws run",
        )
    return run


def compare(
    recorded: Mapping[str, float], now: Mapping[str, float], tolerance: float
) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """Every metric of either run; `tolerance` is relative. Those of the machine are left aside."""
    names = sorted({*recorded, *now})
    aside = tuple(
        name
        for name in names
        if name.startswith("system/") or any(word in name.lower() for word in _CLOCKS)
    )
    metrics = [
        Metric(name, old := recorded.get(name), new := now.get(name), _verdict(old, new, tolerance))
        for name in names
        if name not in aside
    ]
    return tuple(metrics), aside


def _verdict(old: float | None, new: float | None, tolerance: float) -> Verdict:
    if old is None or new is None:
        return "different"
    if old == new or (math.isnan(old) and math.isnan(new)):
        return "equal"
    return "within tolerance" if math.isclose(old, new, rel_tol=tolerance) else "different"


def _commit(git: Git, run: Run) -> str:
    """The commit with the run's code: pinned here or at origin, else still reachable."""
    found = snapshots.pinned(git, run.run_id)
    found = found or git.commit_of(run.tags.get("mlws.git.snapshot", "missing"))
    if found is None:
        host = run.tags.get("mlws.host", "the machine it ran on")
        raise MlwsError(
            f"the commit of run {run.run_id} is neither here nor at origin",
            f"in the clone on {host}: git push origin {snapshots.REFS}/{run.run_id}",
        )
    return found


def _request(
    place: Workspace, run: Run, root: Path, *, here: bool, say: Callable[[str], None]
) -> Request:
    """The recorded command as a request in the work tree, with the store of this workspace."""
    there = config.load(root)
    uri = tracking.address(place.config.tracking.uri, place.root)
    settings = dataclasses.replace(
        there.config, tracking=dataclasses.replace(there.config.tracking, uri=uri)
    )
    folder = root / run.tags["mlws.folder"]
    metadata = spec.load(folder / METADATA, f"{run.tags['mlws.folder']}/{METADATA}")
    # Its life goes on in the person's tree, not in this one.
    metadata = metadata.model_copy(update={"status": "in_progress"})
    configuration, sets, arguments = _parse(run.tags["mlws.command"])
    return Request(
        place=dataclasses.replace(there, config=settings),
        entry=entries.Entry(folder, metadata),
        config=configuration,
        sets=sets,
        arguments=arguments,
        interpreter=_environment(place, run, root, here=here, say=say),
        tags={
            "mlws.reproduces": run.run_id,
            "mlws.git.dirty": run.tags.get("mlws.git.dirty", ""),
            "mlws.git.branch": run.tags.get("mlws.git.branch", ""),
            "mlws.git.commit": run.tags.get("mlws.git.commit", ""),
        },
        say=say,
    )


def _parse(command: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The parts of a recorded command line: configuration, sets, further arguments."""
    words = shlex.split(command)[2:]
    configuration, sets = "config.yaml", []
    if words[:1] == ["--config"]:
        configuration, words = words[1], words[2:]
    while words[:1] == ["--set"]:
        sets.append(words[1])
        words = words[2:]
    return configuration, tuple(sets), tuple(words)


def _environment(
    place: Workspace, run: Run, root: Path, *, here: bool, say: Callable[[str], None]
) -> str:
    """Python of the run's locked environment: the one that is here, or one made beside the tree."""
    folder = Path(run.tags["mlws.folder"])
    isolated = run.tags.get("mlws.dependencies") == "isolated"
    inside = folder if isolated else Path()
    lock = run.tags.get("mlws.lock_sha256", "")
    same = not lock or lock == resolving.sha256(place.root / inside / "uv.lock")
    if not same and here:
        say("note: --here: the environment is not the one that the run was made with")
    absent = isolated and not (place.root / folder / resolving.OWN_PYTHON).exists()
    if here or (same and not absent):
        return resolving.interpreter(place.root, place.root / folder)
    why = "has an environment of its own" if same else "was made with another lock"
    say(f"the run {why}: its environment is installed")
    # Another environment than the run's own would otherwise be synced instead.
    names = {"UV_PROJECT_ENVIRONMENT": ".venv", "VIRTUAL_ENV": ""}
    command = ["uv", "sync", "--frozen", "--quiet"]
    done = process.run(command, root / inside, timeout=3600, env=names)
    if done.status:
        raise Unavailable(f"uv sync failed: {done.said}", "or reproduce it with --here")
    return str(root / inside / ".venv/bin/python")
