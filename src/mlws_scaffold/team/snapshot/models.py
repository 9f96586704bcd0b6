"""Models: the registry of the work tree, and every move that was recorded.

An object {entries, history}. entries: a list of {key, source, version, status, live ({version,
digest, since} or null), owners, base_model, performance, drift, drift_why}. `drift`: what differs
from what was promoted, as text, empty when nothing does, null with `drift_why` where it is not
known. history: the lines of models/history.jsonl, oldest first, each gate with name and result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models import registry
from mlws_scaffold.models.lifecycle import history
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.registry import Model
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "models"
SOURCE = "models/registry.yaml and models/history.jsonl of the work tree; git for drift"
EMPTY: Mapping[str, list[object]] = {"entries": [], "history": []}


def collect(place: Workspace, _period: Period) -> Section:
    """All entries and all records. Raises InvalidFile for a broken registry."""
    notes: list[str] = []
    records: Sequence[Record] = ()
    try:
        records = history.load(place.layout)
    except InvalidFile as error:
        notes.append(f"history not measured: {error.problems[0]}")
    git = Git(place.root)
    entries = [
        {
            "key": key,
            "source": model.source,
            "version": None if model.version is None else str(model.version),
            "status": model.status,
            "live": model.live.model_dump(mode="json", exclude={"modelfile_commit"})
            if model.live
            else None,
            "owners": list(model.owners),
            "base_model": model.base_model or model.model_name,
            "performance": model.performance.model_dump(mode="json", exclude_none=True)
            if model.performance
            else {},
            **_drift(git, model),
        }
        for key, model in registry.load(place.layout).models.items()
    ]
    return Section(NAME, SOURCE, {"entries": entries, "history": _lines(records)}, notes=notes)


def _lines(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The records; the evidence of gates stays in the file."""
    return [
        {
            **record.model_dump(mode="json", by_alias=True, exclude={"gates"}),
            "at": history.second(record.at),
            "gates": [{"name": gate.name, "result": gate.result} for gate in record.gates],
        }
        for record in records
    ]


def _drift(git: Git, model: Model) -> dict[str, str | None]:
    """Whether the Modelfile is still the one of what is in production."""
    if model.live is None:
        return {"drift": None, "drift_why": "not in production"}
    commit = model.live.modelfile_commit
    if not model.modelfile or not commit:
        return {"drift": None, "drift_why": "only a server can tell: mlws model plan --check"}
    done = git.attempt("diff", "--quiet", commit, "--", model.modelfile)
    if done.returncode == 0:
        return {"drift": "", "drift_why": ""}
    if done.returncode == 1:
        said = f"{model.modelfile} changed since {commit[:8]}, which is in production"
        return {"drift": said, "drift_why": ""}
    return {"drift": None, "drift_why": f"the commit {commit[:8]} is not known here"}
