"""Puts two together that do not know each other: runs, and the ledger of what they use."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlws_scaffold.experiments.backends import Used
    from mlws_scaffold.experiments.results import Run
    from mlws_scaffold.experiments.run.stages import Account, Launched, Meter
    from mlws_scaffold.gpus.ledger.holding import Grant
    from mlws_scaffold.workspace.config import Workspace

SUPERVISOR = "mlws_scaffold.cli.metering"


def meter(place: Workspace, say: Callable[[str], None]) -> Meter:
    """What measures a run of this workspace while its process lives."""

    def measure(launched: Launched) -> AbstractContextManager[Callable[[str], None]]:
        from mlws_scaffold.gpus.ledger import sampling
        from mlws_scaffold.gpus.ledger.book import Subject

        job = launched.created.job
        labels = job.labels
        subject = Subject(
            run_id=job.run_id,
            experiment=labels.get("experiment", ""),
            researcher=labels.get("researcher", ""),
            actor=labels.get("actor", "human"),
            backend=job.backend,
        )
        return sampling.measured(place, subject, _grant(place, launched), say)

    return measure


def account(place: Workspace, say: Callable[[str], None]) -> Account:
    """What enters into the ledger that which a scheduler alone knows of."""

    def enter(run: Run, used: Used, word: str) -> None:
        from mlws_scaffold.errors import MlwsError
        from mlws_scaffold.gpus.ledger import sampling
        from mlws_scaffold.gpus.ledger.book import Segment, Subject

        tags = run.tags
        subject = Subject(
            run_id=run.run_id,
            experiment=tags.get("mlws.experiment_id", run.experiment),
            researcher=tags.get("mlws.researcher", ""),
            actor=tags.get("mlws.actor", "human"),
            backend=tags.get("mlws.backend", ""),
        )
        segments = [
            Segment(
                run_id=run.run_id,
                gpu=f"{tags['mlws.scheduler_job']}/{number}",
                model=used.model,
                host="",
                source=subject.backend,
                began=used.began,
                ended=used.ended,
            )
            for number in range(used.gpus)
        ]
        try:
            sampling.enter_known(place, subject, segments, (used.ended, word))
        except MlwsError as error:
            say(f"the usage of run {run.run_id} is not in the ledger: {error.message}")

    return enter


def _grant(place: Workspace, launched: Launched) -> Grant:
    from mlws_scaffold.experiments.backends import slurm
    from mlws_scaffold.gpus.ledger.holding import Grant

    job = launched.created.job
    scheduled = slurm.own_job() if job.backend == "slurm" else ""
    indices = os.environ.get("SLURM_JOB_GPUS", "") if scheduled else ""
    return Grant(
        host=socket.gethostname(),
        source="slurm" if scheduled else "nvml",
        visible=job.environment.get("CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES")),
        count=slurm.gpus_of(scheduled) if scheduled else None,
        indices=tuple(word for word in indices.split(",") if word),
        pid=launched.child.process.pid,
        static=place.config.gpus.static,
    )


def main(path: Path) -> int:
    """Execute a run that was handed over, and measure it."""
    from mlws_scaffold.experiments.run import supervise
    from mlws_scaffold.experiments.run.stages import Job
    from mlws_scaffold.workspace import config

    job = Job.parse(path.read_text(encoding="utf-8"))
    place = config.load(Path(job.root))
    return supervise.main(path, meter(place, supervise.say))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
