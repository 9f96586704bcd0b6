"""Brings what the targets recorded into `deployments.jsonl`, for people and for git."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import texts
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.deploying import ledger
from mlws_scaffold.agents.targets.target import Site
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem

_MOST_BYTES = 100_000_000


def mirror(site: Site, folder: Path) -> int:
    """Add the records of all files of that name below `folder` that are missing.

    Returns how many lines were added. Raises MlwsError when there is no such file, InvalidFile for
    a line that is no record of this agent: nothing is then written.
    """
    found = sorted(folder.rglob(ledger.NAME))
    if not found:
        raise MlwsError(f"no {ledger.NAME} below {folder}", "the deploying jobs keep it")
    # Each job kept the whole file, so that most records come more than once.
    records = {one["id"]: one for path in found for one in _records(path, site.found)}
    return ledger.mirror(site, sorted(records.values(), key=lambda one: str(one["at"])))


def _records(path: Path, agent: Found) -> list[Mapping[str, Any]]:
    records, problems = [], []
    for number, line in enumerate((texts.read(path, str(path), _MOST_BYTES) or "").split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as error:
            data, said = None, f"is no JSON: {error}"
        else:
            said = f"is no record of {agent.folder.name}"
        known = isinstance(data, dict) and isinstance(data.get("id"), str) and "at" in data
        if not known or data.get("agent") != agent.agent.name:
            problems.append(Problem(str(path), said, "take what the job kept", "", number, 1))
            continue
        records.append(data)
    if problems:
        raise InvalidFile(problems)
    return records
