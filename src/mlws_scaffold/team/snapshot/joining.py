"""What one section knows of another: an experiment's pull request, its handoff, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlws_scaffold.team.snapshot.costs import EVER


def link(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Fill what experiments have in the pull requests, the knowledge and the costs.

    A branch with one open pull request gives it to its experiments, where metadata names none.
    """
    pulls = {
        row["branch"]: row["url"] or f"#{row['number']}"
        for row in sections.get("reviews", {"data": []})["data"]
        if row["state"] == "open"
    }
    handoffs = {
        row["path"].rpartition("/")[0]: row["path"]
        for row in sections.get("knowledge", {"data": []})["data"]
        if row["kind"] == "handoff"
    }
    costs = sections.get("costs")
    spent = costs["data"].pop(EVER, {}) if costs else {}
    for row in sections.get("experiments", {"data": []})["data"]:
        links = row["links"]
        branch = (links["branch"] or "").removeprefix("origin/")
        links["pr"] = links["pr"] or pulls.get(branch)
        links["handoff"] = handoffs.get(row["folder"])
        if costs and costs["ok"]:
            row["gpu_hours"], row["cost"] = spent.get(row["experiment_id"], (0.0, {}))
