"""Which runs of an experiment are compared, what they measured, and what all of them took."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.experiments.results import Run

_CONSTANTS = {"True": True, "False": False, "None": None}
_SEEDS = ("seed", "random_seed", "random_state")


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over several runs, mostly one run a seed."""

    mean: float
    least: float
    most: float
    runs: int

    def __str__(self) -> str:
        if self.runs == 1:
            return f"{self.mean:.4g}"
        return f"{self.mean:.4g} ({self.least:.4g} to {self.most:.4g}, {self.runs} runs)"


@dataclass(frozen=True, slots=True)
class Cost:
    """What all runs took that ended, failed ones and repetitions included. Seconds are those from
    start to end as the tracking store has them; GPU-seconds only of runs that had them measured.
    """

    runs: int
    seconds: float
    seconds_a_run: Spread | None
    gpu_seconds: float | None
    gpu_runs: int


def chosen(runs: Iterable[Run], metadata: Mapping[str, Any]) -> list[Run]:
    """The finished runs of one configuration, code and data: they differ in their seeds.

    Of several such groups the one of the run in `results`, else the best by the primary metric,
    else the newest. `runs` come newest first.
    """
    groups: dict[Hashable, list[Run]] = defaultdict(list)
    for run in runs:
        if run.status == "FINISHED" and not run.is_sweep and not run.repetition:
            groups[_same(run)].append(run)
    wanted = (metadata.get("results") or {}).get("run_id")
    for group in groups.values():
        if any(run.run_id == wanted for run in group):
            return group
    primary = metadata.get("primary_metric") or {}
    sign = -1.0 if primary.get("goal") == "minimize" else 1.0

    def quality(group: list[Run]) -> float:
        values = _finite(run.metrics.get(primary.get("name", "")) for run in group)
        return sign * statistics.fmean(values) if values else -math.inf

    return max(groups.values(), key=quality, default=[])


def measured(runs: Sequence[Run]) -> dict[str, Spread]:
    """Each metric with its spread; what is no finite number is left out."""
    names = sorted({name for run in runs for name in run.metrics})
    values = {name: _finite(run.metrics.get(name) for run in runs) for name in names}
    return {name: spread(found) for name, found in values.items() if found}


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), min(values), max(values), len(values))


def cost(runs: Iterable[Run]) -> Cost:
    """Of all ended runs of an experiment; the run that stands for a sweep did nothing itself."""
    ended = [run for run in runs if run.end is not None and not run.is_sweep]
    seconds = [max((run.end - run.start).total_seconds(), 0.0) for run in ended if run.end]
    gpu = _finite(_number(run.tags.get("mlws.gpu_seconds", "")) for run in ended)
    return Cost(
        runs=len(ended),
        seconds=math.fsum(seconds),
        seconds_a_run=spread(seconds) if seconds else None,
        gpu_seconds=math.fsum(gpu) if gpu else None,
        gpu_runs=len(gpu),
    )


def parameters(runs: Sequence[Run]) -> dict[str, Any]:
    """The parameters that all of the runs logged alike, as YAML would read them."""
    if not runs:
        return {}
    first, *others = (run.params for run in runs)
    alike = {name: text for name, text in first.items() if all(o.get(name) == text for o in others)}
    return {name: _plain(text) for name, text in alike.items()}


def _same(run: Run) -> Hashable:
    """Equal for runs that differ in nothing but their seed."""
    if "mlws.config_hash" in run.tags:
        data = [item for item in run.tags.items() if item[0].startswith("mlws.data.")]
        named = (run.tags["mlws.config_hash"], run.tags.get("mlws.code_hash"))
        return (*named, *sorted(data))
    return tuple(sorted(item for item in run.params.items() if item[0] not in _SEEDS))


def _plain(text: str) -> Any:
    """MLflow keeps the text that Python prints."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
