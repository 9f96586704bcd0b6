"""The second step: was exactly this run before?"""

from __future__ import annotations

from collections.abc import Iterable

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.experiments.run.stages import Resolved


def check_duplicates(resolved: Resolved) -> Resolved:
    """Raises MlwsError that shows the earlier run, unless --force or another seed was given."""
    if resolved.request.force:
        return resolved
    earlier = [run for run in matching(resolved) if run.tags.get("mlws.seed", "") == resolved.seed]
    if earlier:
        raise MlwsError(
            f"this was run before: {shown(earlier[-1], resolved)}",
            "change the configuration, give another --seed, or repeat it with --force",
        )
    return resolved


def matching(resolved: Resolved) -> list[Run]:
    """Finished and running runs of the same configuration, code and data, newest first."""
    tags = {"mlws.config_hash": resolved.config_hash, "mlws.code_hash": resolved.code_hash}
    return among(results.with_tags(resolved.request.place, tags), resolved)


def among(runs: Iterable[Run], resolved: Resolved) -> list[Run]:
    """Those of the runs that `matching` means, whatever their seed, in the same order."""
    tags = {"mlws.config_hash": resolved.config_hash, "mlws.code_hash": resolved.code_hash}
    data = {f"mlws.data.{name}.sha256": value for name, value in resolved.data.items()}
    return [
        run
        for run in runs
        if run.status in ("FINISHED", "RUNNING")
        and tags == {key: run.tags.get(key) for key in tags}
        and data == {key: value for key, value in run.tags.items() if key.startswith("mlws.data.")}
    ]


def shown(run: Run, resolved: Resolved) -> str:
    """An earlier run in one line: which, whose, when, and what it gave."""
    metadata = resolved.request.entry.metadata
    identifier = run.tags.get("mlws.experiment_id", "")
    here = identifier == metadata.experiment_id
    owner = metadata.responsible if here else run.tags.get("mlws.researcher", "nobody known")
    said = f"run {run.run_id} of {identifier} by {owner} on {run.start:%Y-%m-%d %H:%M} UTC"
    name = metadata.primary_metric.name if metadata.primary_metric else ""
    if run.status == "RUNNING":
        return f"{said}, still running"
    if name in run.metrics:
        return f"{said}, {name} {run.metrics[name]:.6g}"
    values = ", ".join(f"{key} {value:.6g}" for key, value in sorted(run.metrics.items())[:3])
    return f"{said}, {values or 'without metrics'}"
