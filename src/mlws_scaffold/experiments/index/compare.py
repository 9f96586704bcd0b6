"""Experiments side by side: what their configurations differ in, and what their runs measured."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.index.listing import Detail
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace

CONFIG = "config.yaml"
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric over the finished runs of one experiment, mostly one run a seed."""

    mean: float
    least: float
    most: float
    runs: int

    def __str__(self) -> str:
        if self.runs == 1:
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} ({self.least:.4g} to {self.most:.4g}, {self.runs} runs)"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the experiments that are compared."""

    experiment_id: str
    folder: str
    branch: str
    tree: str
    status: str
    commits: Sequence[str]
    metrics: Mapping[str, Spread]


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
    runs: list[Run] = []
    try:
        runs = results.runs_of(place)
    except MlwsError as error:
        notes.append(f"metrics not measured: {error.message}")
    settings = [_settings(place, detail, notes) for detail in details]
    sides = [_side(detail, runs) for detail in details]
    keys = sorted({key for values in settings for key in values})
    rows = {key: [values.get(key, ABSENT) for values in settings] for key in keys}
    differing = {key: row for key, row in rows.items() if any(item != row[0] for item in row)}
    return Comparison(sides, differing, notes)


def _side(detail: Detail, runs: Iterable[Run]) -> Side:
    row = detail.row
    own = [
        run
        for run in runs
        if run.status == "FINISHED"
        and run.tags.get("mlws.experiment_id", run.experiment)
        in (row["experiment_id"], detail.metadata.get("mlflow_experiment"))
    ]
    values: dict[str, list[float]] = defaultdict(list)
    for run in own:
        for name, value in run.metrics.items():
            values[name].append(value)
    metrics = {
        name: Spread(statistics.fmean(items), min(items), max(items), len(items))
        for name, items in sorted(values.items())
    }
    commits = sorted({run.tags["mlws.git.commit"] for run in own if "mlws.git.commit" in run.tags})
    return Side(
        row["experiment_id"],
        row["folder"],
        row["branch"],
        row["tree"],
        row["status"],
        commits,
        metrics,
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
