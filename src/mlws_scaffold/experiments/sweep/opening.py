"""The run that stands for the whole sweep: made once, and found again when the sweep goes on."""

from __future__ import annotations

import dataclasses
import shlex

from mlws_scaffold.adapters import recording as store
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run import recording
from mlws_scaffold.experiments.run.stages import Created, Job, Kept
from mlws_scaffold.experiments.run.tree import keep
from mlws_scaffold.experiments.sweep.planning import COUNT, METRIC, SWEEP
from mlws_scaffold.experiments.sweep.stages import Opened, Order, Planned, Prepared
from mlws_scaffold.workspace.layout import Layout


def open_parent(planned: Planned) -> Opened:
    """Snapshot the code for all points, and make the parent run or take it up again."""
    prepared = planned.prepared
    kept = keep(prepared.base)
    if planned.parent is None:
        parent = recording.create_run(_as_parent(kept, prepared))
    else:
        parent = _taken_up(planned.parent, prepared, again=not planned.complete)
    return Opened(planned, _for_points(kept), parent)


def command(order: Order) -> str:
    """The command that asked for this sweep, and that goes on with it."""
    request = order.request
    layout: Layout = request.place.layout
    words = ["mlws", "run", layout.relative(request.entry.folder), "--sweep", order.file]
    words += [part for text in request.sets for part in ("--set", text)]
    if request.config != "config.yaml":
        words += ["--config", request.config]
    if request.backend != request.place.config.compute.default:
        words += ["--on", request.backend]
    if order.parallel > 1:
        words += ["--parallel", str(order.parallel)]
    words += ["--skip-existing"] if order.skip_existing else []
    words += ["--push"] if request.push else []
    return shlex.join([*words, "--", *request.arguments] if request.arguments else words)


def _as_parent(kept: Kept, prepared: Prepared) -> Kept:
    """Tags of a parent: it is nobody's duplicate, since it has no configuration of its own."""
    tags = {
        SWEEP: prepared.identity,
        COUNT: str(len(prepared.trials)),
        "mlws.sweep.file": prepared.file.name,
        METRIC: prepared.metric,
        "mlws.sweep.goal": prepared.goal,
        "mlws.config_hash": "",
        "mlws.seed": "",
        "mlws.command": command(prepared.order),
        "mlflow.source.name": prepared.file.name,
        "mlflow.runName": f"{prepared.file.stem}-{prepared.identity[:8]}",
    }
    request = dataclasses.replace(prepared.base.request, tags=tags)
    resolved = dataclasses.replace(prepared.base, request=request)
    return dataclasses.replace(kept, resolved=resolved)


def _for_points(kept: Kept) -> Kept:
    """The parent moved a planned experiment on, and named what is not recorded: once is enough."""
    request = kept.resolved.request
    metadata = request.entry.metadata
    if metadata.status == "planned":
        metadata = metadata.model_copy(update={"status": "in_progress"})
    entry = dataclasses.replace(request.entry, metadata=metadata)
    resolved = dataclasses.replace(kept.resolved, request=dataclasses.replace(request, entry=entry))
    return dataclasses.replace(kept, resolved=resolved)


def _taken_up(parent: Run, prepared: Prepared, *, again: bool) -> Created:
    request = prepared.base.request
    uri = request.place.config.tracking.uri
    recorder = store.connect(uri, request.place.root)
    if again:
        recorder.reopen(parent.run_id)
        recorder.tag(parent.run_id, {**recording.signs_of_life(), "mlws.lost": "false"})
    job = Job(
        run_id=parent.run_id,
        root=str(request.place.root),
        top=str(prepared.base.tree.top),
        uri=uri,
        backend=request.backend,
        folder=str(request.entry.folder),
        command=(),
    )
    return Created(job, recorder, request.say)
