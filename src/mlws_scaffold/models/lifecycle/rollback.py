"""`mlws model rollback`: a version that was in production before, back. No gate stands before it,
only that the kept copy is the very model that was live."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.models import hosts, registry
from mlws_scaffold.models.lifecycle import changing, history, journal, moves, naming
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.lifecycle.journal import Intent
from mlws_scaffold.models.lifecycle.promote import registry_with
from mlws_scaffold.models.lifecycle.stages import GateResult, Outcome, Watch
from mlws_scaffold.models.registry import Model
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.config import Workspace


@dataclass(frozen=True, slots=True)
class Return:
    """Who wants which model back at which version (empty: the one before), and why."""

    place: Workspace
    environment: Mapping[str, str]
    key: str
    version: str = ""
    reason: str = ""
    researcher: str = ""
    dry: bool = False
    watch: Watch = lambda _: None


@dataclass(frozen=True, slots=True)
class _Found:
    """What a return leads to: the record by which the version was live."""

    model: Model
    records: tuple[Record, ...]
    target: Record
    live: str
    actor: str
    remark: str


def rollback(request: Return) -> Outcome:
    """Point `KEY:production` at a kept version. Raises UsageError or MlwsError when there is none.

    The outcome tells what stopped it; then nothing is changed.
    """
    if request.dry:
        return _back(request, [changing.pending(request.place)])
    with journal.alone(request.place.root, request.watch):
        for remark in changing.recover(request.place):
            request.watch(remark)
        return _back(request, [])


def _back(request: Return, remarks: list[str]) -> Outcome:
    found = _find(request)
    host = hosts.stage_host(request.place, "production", request.environment)
    outcome = Outcome(
        key=request.key,
        version=found.target.version,
        old=found.live,
        new=found.target.version,
        host=host,
        remarks=tuple(
            remark
            for remark in (*remarks, found.remark, *hosts.remarks(request.place, "production"))
            if remark
        ),
        dry=request.dry,
    )
    try:
        gate, names = _kept_copy(request, found, host)
        intent = _intent(request, found, host, (gate, names))
        if not request.dry:
            changing.carry_out(request.place, intent, request.watch)
    except MlwsError as error:
        return dataclasses.replace(outcome, error=error)
    done = (*(one.words() for one in names), *(f"{one.path} written" for one in intent.files))
    return dataclasses.replace(outcome, gates=(gate,), done=done)


def _find(request: Return) -> _Found:
    key, place = request.key, request.place
    model = registry.select(registry.load(place.layout), [key])[key]
    records = tuple(history.of(history.load(place.layout), key))
    live = model.live.version if model.live else ""
    if request.version:
        target = history.placed(records, request.version)
        if target is None:
            known = sorted({one.version for one in records if one.moves_pointer})
            cure = f"there were: {', '.join(known)}" if known else "none ever was"
            raise UsageError(f"{key} {request.version} was never in production", cure)
    else:
        target = history.before(records, live)
        if target is None:
            said = f"nothing was in production before {live}" if live else "nothing ever was"
            raise MlwsError(f"{key}: {said}", f"mlws model history {key}")
    email = Git(place.root).setting("user.email")
    actor, remark = people.acting(place.config, email, request.researcher)
    return _Found(model, records, target, live, actor, remark)


def _kept_copy(
    request: Return, found: _Found, host: str
) -> tuple[GateResult, tuple[naming.Naming, ...]]:
    """The names to give, and the proof that the kept copy is what was live."""
    request.watch("gate: kept copy")
    began = time.monotonic()
    version, digest = found.target.version, found.target.digest.removeprefix("sha256:")
    held = ollama.held(host)
    names = naming.for_rollback(held, request.key, found.model, version, digest)
    if not names and version == found.live:
        raise MlwsError(f"{request.key} {version} is in production already")
    name = hosts.kept(request.key, version)
    evidence = {"host": host, "name": name, "digest": f"sha256:{digest}"}
    said = (f"{name} on {host} is sha256:{digest[:12]}, as it was live",)
    seconds = time.monotonic() - began
    return GateResult("kept copy", "pass", seconds, evidence, said), names


def _intent(
    request: Return,
    found: _Found,
    host: str,
    proof: tuple[GateResult, tuple[naming.Naming, ...]],
) -> Intent:
    gate, names = proof
    now = history.instant(found.records, datetime.now(UTC))
    root = request.place.root
    changes = {**_status(found), "live": _live(found, now)}
    if found.model.updated:
        changes["updated"] = now.date()
    record = Record(
        at=now,
        actor=found.actor,
        model=request.key,
        action="rollback",
        version=found.target.version,
        came_from=found.live,
        to=found.target.version,
        digest=found.target.digest,
        commit=Git(root).commit_of("HEAD") or "",
        gates=(gate.record(),),
        reason=request.reason,
    )
    rewrite = registry_with(request.place.layout, request.key, changes)
    return Intent(request.key, host, names, (rewrite,), record, journal.branch(root))


def _live(found: _Found, now: datetime) -> dict[str, object]:
    promoted = history.promoted(found.records, found.target.version)
    commit = promoted.gate("commit").get("modelfile_commit") if promoted else None
    return {
        "version": found.target.version,
        "digest": found.target.digest,
        "since": history.second(now),
        "modelfile_commit": commit,
    }


def _status(found: _Found) -> dict[str, object]:
    """A version that is taken out of production has passed staging; one that is back is live."""
    version, status = moves.version_of(found.model), moves.standing(found.model, found.records)
    if version == found.target.version and status == "staging":
        return {"status": "production"}
    if version != found.target.version and status == "production":
        return {"status": "staging"}
    return {}
