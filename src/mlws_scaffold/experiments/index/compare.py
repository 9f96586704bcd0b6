"""Experiments side by side: where their configurations differ, what runs measured and took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index import entries, listing, replicates
from mlws_scaffold.experiments.index.listing import Detail
from mlws_scaffold.experiments.index.replicates import Cost, Spread
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace

CONFIG = "config.yaml"
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the experiments that are compared. `runs` are the ids of the runs that `metrics` and
    `commits` are of, `others` the number of its finished runs with another configuration. Without
    a `cost` the tracking store could not be read.
    """

    experiment_id: str
    folder: str
    branch: str
    tree: str
    status: str
    primary_metric: str
    runs: Sequence[str]
    others: int
    commits: Sequence[str]
    metrics: Mapping[str, Spread]
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`configuration`: each key whose values differ, with one value per side. `notes`: what could
    not be measured, and why.
    """

    sides: Sequence[Side]
    configuration: Mapping[str, Sequence[Any]]
    notes: Sequence[str]


def compare(place: Workspace, named: Iterable[str]) -> Comparison:
    """Compare experiments of any branch. Raises UsageError when one is not known."""
    notes: list[str] = []
    with entries.everywhere(place.layout) as found:
        details = [listing.detail(found, name) for name in named]
    runs: list[Run] | None = None
    try:
        runs = results.runs_of(place)
    except MlwsError as error:
        notes.append(f"metrics not measured: {error.message}")
    sides, settings = [], []
    for detail in details:
        own = None if runs is None else [run for run in runs if _is_of(run, detail)]
        compared = replicates.chosen(own or (), detail.metadata)
        sides.append(_side(detail, own, compared))
        declared = _settings(place, detail, notes)
        # What a run was started with beats what the file says now.
        logged = replicates.parameters(compared)
        settings.append({key: logged.get(key, value) for key, value in declared.items()})
    keys = sorted({key for values in settings for key in values})
    rows = {key: [values.get(key, ABSENT) for values in settings] for key in keys}
    differing = {key: row for key, row in rows.items() if any(item != row[0] for item in row)}
    return Comparison(sides, differing, notes)


def _is_of(run: Run, detail: Detail) -> bool:
    named = (detail.row["experiment_id"], detail.metadata.get("mlflow_experiment"))
    return run.tags.get("mlws.experiment_id", run.experiment) in named


def _side(detail: Detail, own: Sequence[Run] | None, compared: Sequence[Run]) -> Side:
    row = detail.row
    finished = [run for run in own or () if run.status == "FINISHED" and not run.is_sweep]
    commits = {run.tags["mlws.git.commit"] for run in compared if "mlws.git.commit" in run.tags}
    return Side(
        experiment_id=row["experiment_id"],
        folder=row["folder"],
        branch=row["branch"],
        tree=row["tree"],
        status=row["status"],
        primary_metric=(detail.metadata.get("primary_metric") or {}).get("name", ""),
        runs=[run.run_id for run in compared],
        others=sum(not run.repetition for run in finished) - len(compared),
        commits=sorted(commits),
        metrics=replicates.measured(compared),
        cost=None if own is None else replicates.cost(own),
    )


def _settings(place: Workspace, detail: Detail, notes: list[str]) -> dict[str, Any]:
    """The configuration as flat keys, from the version that the index shows."""
    tree, folder = detail.row["tree"], detail.row["folder"]
    name = f"{detail.row['branch']}:{folder}/{CONFIG}" if tree else f"{folder}/{CONFIG}"
    try:
        if tree:
            done = Git(place.root).attempt("cat-file", "blob", f"{tree}:{CONFIG}")
            if done.returncode:
                raise InvalidFile([Problem(name, "missing", "so it has no configuration")])
            content = done.stdout.encode("utf-8", "surrogateescape")
            data = documents.parse(content, name).data
        else:
            path = place.root / folder / CONFIG
            if not path.resolve().is_relative_to(place.root.resolve()):
                raise InvalidFile([Problem(name, "is a link that leads out")])
            data = documents.read(path, name).data
    except InvalidFile as error:
        notes.extend(str(problem) for problem in error.problems)
        return {}
    return dict(_flat(data, "")) if isinstance(data, dict) else {}


def _flat(data: Any, above: str) -> Iterable[tuple[str, Any]]:
    for key, value in data.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
