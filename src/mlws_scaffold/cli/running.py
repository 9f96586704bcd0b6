"""What `mlws run` does with a single run, and says about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlws_scaffold.cli import output
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.experiments.run.stages import Request
    from mlws_scaffold.workspace.config import Workspace


def asked(texts: Sequence[str]) -> dict[str, str]:
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
            [done] = scheduling.follow(request.place, [done.run_id], hear=hear)
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
