"""`deployments.jsonl`: who deployed what, when, on what evidence, and how it ended.

The target's journal holds the records first; this file mirrors them for people and for git.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.agents.targets.target import Release, Site
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.workspace.layout import DEPLOYMENTS

if TYPE_CHECKING:
    from mlws_scaffold.agents.deploying.work import Work

_MOST_BYTES = 100_000_000
# The target keeps the last of them; the file keeps all.
_MOST_KEPT = 200

NAME = DEPLOYMENTS
Record = Mapping[str, Any]


def record(work: Work, result: str, reason: str) -> dict[str, Any]:
    """The record of the deployment that ends now."""
    begun, site, stable = work.begun, work.site, work.journal.stable
    return {
        "id": begun.id,
        "agent": site.name,
        "environment": site.env,
        "action": begun.kind,
        "at": begun.at,
        "seconds": round(time.time() - begun.started, 1),
        "by": begun.by,
        "version": begun.release.version,
        "from": stable.version if stable else "",
        "commit": begun.release.commit,
        "digest": begun.release.digest,
        "model": begun.release.model,
        "model_digest": begun.release.model_digest,
        "gates": dict(begun.gates),
        "steps": list(begun.measured),
        "result": result,
        "reason": reason,
    }


def release(record: Record) -> Release:
    """The release that a record is about, without its place."""
    known = ("version", "commit", "digest", "model", "model_digest")
    version, commit, digest, model, model_digest = (str(record[name]) for name in known)
    return Release(version, commit, digest, model, model_digest)


def added(records: tuple[Record, ...], new: Record) -> tuple[Record, ...]:
    """The records that a target keeps, with one more."""
    return (*records, new)[-_MOST_KEPT:]


def path(site: Site) -> Path:
    """The file of an agent."""
    return site.found.folder / NAME


def mirror(site: Site, records: Iterable[Record]) -> int:
    """Add to the file what it lacks; returns how many lines that were."""
    place = path(site)
    with files.locked(place.parent):
        before = texts.read(place, NAME, _MOST_BYTES) or ""
        known = {one.get("id") for one in load(site)}
        new = [one for one in records if one.get("id") not in known]
        if new:
            lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in new)
            files.write(place, before + ("\n" if before and before[-1] != "\n" else "") + lines)
    return len(new)


def load(site: Site) -> list[Record]:
    """The records of the file, oldest first. Raises InvalidFile with each line that is none."""
    found: list[Record] = []
    problems = []
    name = site.place.layout.relative(path(site))
    for number, line in enumerate((texts.read(path(site), name, _MOST_BYTES) or "").split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            if not isinstance(data, dict) or not isinstance(data.get("id"), str):
                raise ValueError("no object with an id")
            found.append(data)
        except ValueError as error:
            cure = "take conflict marks out, or bring back the line that git has"
            problems.append(Problem(name, f"is no record: {error}", cure, "", number, 1))
    if problems:
        raise InvalidFile(problems)
    return sorted(found, key=lambda one: str(one.get("at", "")))
