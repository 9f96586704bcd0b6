"""What `mlws run` does with what was asked, and says about it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlws_scaffold.cli import metering, output, place, reserving
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.experiments.run.stages import Request
    from mlws_scaffold.workspace.config import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `mlws run`, as they were typed. `arguments`: what stands behind --."""

    experiment: str
    sets: tuple[str, ...]
    seed: int | None
    config: str
    backend: str
    gpus: int
    asks: tuple[str, ...]
    cancel: str
    force: bool
    detach: bool
    push: bool
    sweep: str
    parallel: int | None
    skip_existing: bool
    dry_run: bool
    arguments: tuple[str, ...]


def run(asked: Asked) -> int:
    """Do what was asked; the exit code."""
    here = place.workspace()
    if asked.cancel:
        return cancel(here, asked.cancel)
    request = _request(here, asked)
    if asked.sweep:
        return _sweep(request, asked)
    if asked.parallel or asked.skip_existing:
        raise UsageError("--parallel and --skip-existing belong to --sweep FILE")
    if asked.dry_run:
        return preview(request)
    with _reserved(request, asked):
        return single(request, detach=asked.detach)


def _request(here: Workspace, asked: Asked) -> Request:
    from mlws_scaffold.experiments import find
    from mlws_scaffold.experiments.run.stages import Request

    backend = asked.backend or here.config.compute.default
    asks = pairs(asked.asks)
    if asked.gpus and backend != "local":
        asks.setdefault("gpus", str(asked.gpus))
    return Request(
        place=here,
        entry=find.experiment(here, asked.experiment, Path.cwd()),
        config=asked.config,
        sets=(*asked.sets, *(() if asked.seed is None else (f"seed={asked.seed}",))),
        arguments=asked.arguments,
        backend=backend,
        force=asked.force,
        push=asked.push,
        say=output.note,
        asks=asks,
        meter=metering.meter(here, output.note),
        account=metering.account(here, output.note),
        supervisor=metering.SUPERVISOR,
    )


def _sweep(request: Request, asked: Asked) -> int:
    from mlws_scaffold.cli.commands import run_sweep
    from mlws_scaffold.experiments.sweep.stages import Order

    here = request.backend == "local"
    if asked.detach and here:
        raise UsageError("--detach starts a single run", "start the sweep in tmux or screen")
    at_a_time = asked.parallel or int(here)
    order = Order(request, asked.sweep, at_a_time, asked.skip_existing, detach=asked.detach)
    if asked.dry_run:
        return run_sweep.preview(order)
    with _reserved(request, asked):
        return run_sweep.run(order)


def _reserved(request: Request, asked: Asked) -> AbstractContextManager[None]:
    """Hold GPUs of this machine while it runs here; a scheduler gives what it was asked for."""
    if request.backend != "local":
        return contextlib.nullcontext()
    return reserving.granted(request.place, asked.gpus, detach=asked.detach)


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """`--ask KEY=VALUE` as a mapping. Raises UsageError."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--ask: {text!r} is not KEY=VALUE", "write --ask time=4h")
        found[key] = value
    return found


def single(request: Request, *, detach: bool) -> int:
    """Run it here, or hand it over and follow it."""
    from mlws_scaffold.experiments.run import scheduling, workflow

    done = workflow.run(request, detached=detach)
    if done.state == "detached" and request.backend == "local":
        output.line(f"run {done.run_id} goes on in the background; it writes to {done.log}")
        return 0
    if done.state == "detached":
        output.line(f"run {done.run_id} is job {done.job} of {request.backend}")
        if detach:
            return 0
        try:
            [done] = scheduling.follow(
                request.place, [done.run_id], hear=hear, account=request.account
            )
        except KeyboardInterrupt:
            output.note(f"run {done.run_id} goes on; end it with mlws run --cancel {done.run_id}")
            raise
    output.line(f"run {done.run_id} {done.state} after {done.seconds:.1f} s")
    return done.status


def preview(request: Request) -> int:
    """Print what would be handed over."""
    from mlws_scaffold.experiments.run import scheduling

    if request.backend == "local":
        raise UsageError("--dry-run belongs to --sweep FILE, or to --on slurm or kubernetes")
    output.line(scheduling.planned(request).rstrip("\n"))
    return 0


def cancel(place: Workspace, run: str) -> int:
    """End a run that was handed over."""
    from mlws_scaffold.experiments.run import scheduling

    ended = scheduling.cancel(place, run)
    for run_id in ended:
        output.line(f"run {run_id} was asked to end")
    if not ended:
        output.line(f"run {run} has ended already")
    return 0


def hear(text: str) -> None:
    """Pass on what a run says, as it comes."""
    sys.stdout.write(text)
    sys.stdout.flush()
