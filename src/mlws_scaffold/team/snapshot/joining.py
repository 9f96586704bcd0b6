"""What one section knows of another: the pull request and the handoff of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def link(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Fill the links of experiments from the pull requests and the knowledge that were found.

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
    for row in sections.get("experiments", {"data": []})["data"]:
        links = row["links"]
        branch = (links["branch"] or "").removeprefix("origin/")
        links["pr"] = links["pr"] or pulls.get(branch)
        links["handoff"] = handoffs.get(row["folder"])
