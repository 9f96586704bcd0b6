"""Experiments for the page's script: a list of keys, and an array of values for each of them.

The same keys ten thousand times would be most of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlws_scaffold.team.dashboard.words import address, clean, number, seconds

KEYS = (
    "id", "state", "owner", "goal", "tags", "branch", "metric", "best", "from", "minimize",
    "target", "delta", "baseline", "spark", "cost", "hours", "last", "activity", "stale", "lost",
    "runs", "created", "researcher", "archived", "parent", "decision", "pr", "run", "handoff",
    "folder", "hypothesis", "conclusion",
)  # fmt: skip
_MANY = 2_000
_TAGS = 12


def compact(experiments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys and the rows. Long texts are cut, shorter where there are thousands of them."""
    most = 300 if len(experiments) <= _MANY else 120
    return {"keys": KEYS, "rows": [_row(one, most) for one in experiments]}


def _row(one: Mapping[str, Any], most: int) -> list[Any]:
    get = one.get
    links = get("links") or {}
    baseline = get("baseline") or {}
    lost = get("lost_runs")
    last = seconds(get("last_activity"))
    row = [
        clean(get("experiment_id"), 80),
        clean(get("status"), 20),
        clean(get("owner"), 60),
        clean(get("goal"), most),
        [clean(tag, 40) for tag in (get("tags") or ())[:_TAGS]],
        clean(get("branch"), 120),
        clean(get("metric") or get("primary_metric"), 60),
        number(get("best_metric")),
        clean(get("best_source"), 10),
        1 if get("goal_of_metric") == "minimize" else 0,
        number(get("target")),
        number(get("delta")),
        [clean(baseline.get("experiment"), 80), number(baseline.get("value"))] if baseline else 0,
        [known for value in get("spark") or () if (known := number(value)) is not None],
        {clean(name, 8): number(value) for name, value in (get("cost") or {}).items()},
        number(get("gpu_hours")),
        None if last is None else last // 60,
        clean(get("activity_source"), 10),
        1 if get("stale") else 0,
        None if lost is None else len(lost),
        get("runs"),
        clean(get("created"), 10),
        clean(get("researcher"), 60),
        1 if get("archived") else 0,
        clean(get("parent"), 80),
        clean(get("decision"), 12),
        address(links.get("pr")) or clean(links.get("pr"), 60),
        clean(links.get("run"), 40),
        clean(links.get("handoff"), 160),
        clean(get("folder"), 160),
        clean(get("hypothesis"), most),
        clean(get("conclusion"), most),
    ]
    while row and not row[-1]:
        row.pop()
    return row
