"""What the page of one experiment shows besides its row: configuration and curves.

A section `details` of the snapshot: {repository, experiments, over_time (see `weeks`)}.
`repository`: the address of the team's repository on the web, or empty. `experiments`: for the
newest ones that have them, by experiment_id, {configuration (text), source, configuration_why,
curves: [[name, [[step, value], …]], …], why}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import metric_history
from mlws_scaffold.adapters import mlflow as stores
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.team.dashboard import weeks
from mlws_scaffold.team.dashboard.words import block, clean, number
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "details"
SOURCE = "config.yaml in git; metrics of the best run in the tracking store"

_CONFIG = "config.yaml"
_MOST = 200
# Each curve of a server is a request of its own.
_MOST_ASKED = 20
_MOST_BYTES = 4_000
_POINTS = 100
_HOST = re.compile(
    r"(?:git@|ssh://(?:[^@/]+@)?|https?://(?:[^@/]+@)?)([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?/?"
)


def collect(place: Workspace, period: Period, experiments: Sequence[Mapping[str, Any]]) -> Section:
    """The details of the experiments that were active last. What fails alone says why."""
    newest = experiments[:_MOST]
    found: dict[str, dict[str, Any]] = {str(one["experiment_id"]): {} for one in newest}
    notes: list[str] = []
    try:
        _configurations(place, newest, found)
    except (MlwsError, OSError) as error:
        notes.append(f"configurations not measured: {error}")
    try:
        _curves(place, newest, found)
    except MlwsError as error:
        notes.append(f"curves not measured: {error.message}")
        for one in found.values():
            one["why"] = f"not measured: {clean(error.message)}"
    kept = {key: one for key, one in found.items() if one}
    data = {"repository": repository(place.root), "experiments": kept, "over_time": {}}
    try:
        data["over_time"] = weeks.collect(place, period)
    except MlwsError as error:
        notes.append(f"cost over time not measured: {error.message}")
    return Section(NAME, SOURCE, data, notes=notes)


def repository(root: Path) -> str:
    """The web address of `origin`, when that is a server's; without user and password."""
    done = Git(root).attempt("remote", "get-url", "origin")
    match = _HOST.fullmatch(done.stdout.strip()) if done.returncode == 0 else None
    return f"https://{match[1]}/{match[2]}" if match else ""


def _configurations(
    place: Workspace, newest: Sequence[Mapping[str, Any]], found: dict[str, dict[str, Any]]
) -> None:
    committed = [one for one in newest if one.get("tree")]
    with Git(place.root).objects() as objects:
        names = [f"{one['tree']}:{_CONFIG}" for one in committed]
        for one, read in zip(committed, objects.read(names, _MOST_BYTES), strict=True):
            content = None if read is None or read.content is None else read.content
            source = f"{_CONFIG} on {clean(one.get('branch'), 120)}"
            why = f"{_CONFIG} is longer than {_MOST_BYTES} bytes" if read else f"no {_CONFIG}"
            _put(found[str(one["experiment_id"])], content, source, why)
    for one in newest:
        if not one.get("tree"):
            path = place.root / str(one["folder"]) / _CONFIG
            content = path.read_bytes()[: _MOST_BYTES + 1] if path.is_file() else None
            fits = content is not None and len(content) <= _MOST_BYTES
            why = f"no {_CONFIG} of at most {_MOST_BYTES} bytes"
            source = f"{_CONFIG} of the work tree, not committed"
            _put(found[str(one["experiment_id"])], content if fits else None, source, why)


def _put(one: dict[str, Any], content: bytes | None, source: str, why: str) -> None:
    if content is None:
        one["configuration_why"] = why
        return
    one |= {"configuration": block(content.decode("utf-8", "replace")), "source": source}


def _curves(
    place: Workspace, newest: Sequence[Mapping[str, Any]], found: dict[str, dict[str, Any]]
) -> None:
    """The primary metric of the best run, step by step; a single step is no curve."""
    uri, root = place.config.tracking.uri, place.root
    most = _MOST if stores.sqlite_file(uri, root) else _MOST_ASKED
    measured = [
        one
        for one in newest
        if one.get("best_source") == "mlflow" and one.get("run_id") and one.get("metric")
    ]
    for one in measured[:most]:
        run, metric = str(one["run_id"]), str(one["metric"])
        points = metric_history.of(uri, root, [run], [metric])[run, metric]
        kept = [[step, value] for step, raw in points if (value := number(raw)) is not None]
        if len(kept) > 1:
            name = f"{clean(metric, 60)} of run {run[:8]}, by step"
            every = -(-len(kept) // _POINTS)
            found[str(one["experiment_id"])]["curves"] = [[name, kept[::every]]]
