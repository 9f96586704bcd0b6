"""What is written to the store around a run: before it starts, while it lives, at its end."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from mlws_scaffold.adapters import children, recording, snapshots
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.experiments.life import lifecycle
from mlws_scaffold.experiments.run.resolving import SCRIPT, activation
from mlws_scaffold.experiments.run.stages import Created, Job, Kept, Resolved
from mlws_scaffold.workspace import people

# Heartbeats are one small write each; a run is not believed for longer than LATE.
BEAT_SECONDS = 60.0
LATE_SECONDS = 600.0


def create_run(kept: Kept) -> Created:
    """Make the run, pin its commit, record what is known and move a planned experiment on."""
    resolved = kept.resolved
    request = resolved.request
    place, metadata = request.place, request.entry.metadata
    for path, reason in kept.left_out.items():
        request.say(f"note: not recorded: {path}: {reason}")
    uri = place.config.tracking.uri
    recorder = recording.connect(uri, place.root)
    experiment = recorder.experiment(metadata.mlflow_experiment or metadata.experiment_id)
    run_id = recorder.create(experiment, tags_of(kept))
    try:
        _pin(kept, run_id)
        _keep_files(recorder, run_id, kept)
        if metadata.status == "planned":
            lifecycle.move(place, request.entry, "in_progress", {})
            request.say(f"{metadata.experiment_id}: planned -> in_progress")
    except (MlwsError, KeyboardInterrupt):
        recorder.end(run_id, "FAILED")
        raise
    job = Job(
        run_id=run_id,
        root=str(place.root),
        top=str(resolved.tree.top),
        uri=uri,
        backend=request.backend,
        folder=str(request.entry.folder),
        command=(resolved.surroundings.interpreter, *resolved.command[1:]),
        environment={
            **environment(recorder, run_id, experiment),
            **activation(resolved.surroundings),
        },
        labels={
            "experiment": metadata.experiment_id,
            "researcher": metadata.researcher,
            "actor": os.environ.get("MLWS_ACTOR", "human"),
        },
    )
    return Created(job, recorder, request.say, request.meter, request)


def environment(recorder: recording.Recorder, run_id: str, experiment: str) -> dict[str, str]:
    """What MLflow in the child needs to continue this run in this store."""
    return {
        "MLFLOW_TRACKING_URI": recorder.uri,
        "MLFLOW_RUN_ID": run_id,
        "MLFLOW_EXPERIMENT_ID": experiment,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def tags_of(kept: Kept) -> dict[str, str]:
    """Every tag that is known before the start."""
    resolved, tree = kept.resolved, kept.resolved.tree
    place, metadata = resolved.request.place, resolved.request.entry.metadata
    email = Git(tree.top).setting("user.email")
    tags = {
        "mlws.experiment_id": metadata.experiment_id,
        "mlws.researcher": metadata.researcher,
        "mlws.folder": place.layout.relative(resolved.request.entry.folder),
        "mlws.git.commit": tree.head or kept.commit,
        "mlws.git.branch": tree.branch,
        "mlws.git.dirty": str(tree.dirty).lower(),
        "mlws.git.snapshot": kept.commit,
        "mlws.config_hash": resolved.config_hash,
        "mlws.code_hash": resolved.code_hash,
        **{f"mlws.data.{name}.sha256": value for name, value in resolved.data.items()},
        "mlws.lock_sha256": resolved.surroundings.lock_sha256,
        "mlws.dependencies": resolved.surroundings.dependencies,
        "mlws.seed": resolved.seed,
        "mlws.command": shlex.join(resolved.command),
        "mlws.backend": resolved.request.backend,
        "mlws.actor": os.environ.get("MLWS_ACTOR", "human"),
        **signs_of_life(),
        "mlflow.user": people.by_email(place.config, email) or getpass.getuser(),
        "mlflow.source.name": SCRIPT,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": tree.head or kept.commit,
    }
    return {key: value for key, value in {**tags, **resolved.request.tags}.items() if value}


def signs_of_life(child: str = "") -> dict[str, str]:
    """Who watches a run, where, and when it was last seen."""
    return {
        "mlws.host": socket.gethostname(),
        "mlws.job_id": f"{child or children.identity(os.getpid())}",
        "mlws.watcher": children.identity(os.getpid()),
        "mlws.heartbeat": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@contextmanager
def heartbeat(created: Created, child: str = "") -> Iterator[None]:
    """Say every minute that the run lives, from a thread; a store that is away is asked again.

    `child` is the identity of the run's process; without one it is ours.
    """
    over = threading.Event()
    recorder, run_id = created.recorder, created.job.run_id

    def beat() -> None:
        signs = signs_of_life(child)
        while True:
            try:
                recorder.tag(run_id, signs)
            except Unavailable:
                signs = signs_of_life(child)
            else:
                signs = {"mlws.heartbeat": ""}
            if over.wait(BEAT_SECONDS):
                return
            signs["mlws.heartbeat"] = datetime.now(UTC).isoformat(timespec="seconds")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)


def _pin(kept: Kept, run_id: str) -> None:
    git = Git(kept.resolved.tree.top)
    snapshots.pin(git, run_id, kept.commit)
    if kept.resolved.request.push:
        snapshots.push(git, run_id)


def _keep_files(recorder: recording.Recorder, run_id: str, kept: Kept) -> None:
    resolved = kept.resolved
    config = yaml.safe_dump(dict(resolved.surroundings.config), sort_keys=False, allow_unicode=True)
    texts = {
        "config.resolved.yaml": config,
        "environment.txt": "".join(f"{line}\n" for line in resolved.surroundings.packages),
        "system.json": json.dumps(_system(kept, resolved), indent=2) + "\n",
    }
    if kept.patch:
        texts["diff.patch"] = kept.patch
    with tempfile.TemporaryDirectory(prefix="mlws-run-") as scratch:
        for name, text in texts.items():
            (Path(scratch) / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        recorder.files(run_id, Path(scratch), "mlws")


def _system(kept: Kept, resolved: Resolved) -> Mapping[str, Any]:
    return {
        **resolved.surroundings.system,
        "host": socket.gethostname(),
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "dependencies": resolved.surroundings.dependencies,
        "command": list(resolved.command),
        "untracked": list(resolved.tree.untracked),
        "left_out": dict(kept.left_out),
    }
