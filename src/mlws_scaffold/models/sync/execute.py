"""Makes a server hold what the registry asks for, and removes what it asks for no longer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlws_scaffold.adapters import files, ollama
from mlws_scaffold.adapters.ollama import Progress
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.progress import Watch
from mlws_scaffold.models.sync import (
    building,
    lockfile,
    locking,
    plan,
    prune,
    pulling,
    record,
    report,
)
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.report import Report, Result
from mlws_scaffold.models.sync.room import Ask
from mlws_scaffold.models.sync.server import PATIENT, Patience, Server
from mlws_scaffold.models.sync.work import Work
from mlws_scaffold.workspace.config import Workspace

_RIGHT = ("up to date", "adopted", "pulled", "built")


@dataclass(frozen=True, slots=True)
class Options:
    """keys: entries to sync, all when empty. force: make them anew, also what was changed outside.

    accept: write models.lock. remote: what a registry offers under a name; environment: where
    OLLAMA_MODELS may be.
    """

    keys: tuple[str, ...] = ()
    force: bool = False
    accept: bool = True
    patience: Patience = PATIENT
    remote: Ask = ollama.remote_manifest
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


def sync(place: Workspace, host: str, watch: Watch, options: Options | None = None) -> Report:
    """Pull, build and copy what is missing or differs; what fails does not stop the rest.

    Interrupted at any point, the next sync goes on. Two at a time take turns for each server.
    Raises UsageError, InvalidFile; Unavailable when the server cannot be asked at all.
    """
    options = options or Options()
    server = Server(host, options.patience, watch)
    with record.locked(host, lambda: _wait(watch)):
        asked = plan.demand(place, options.keys, force=options.force)
        work = Work(place, server, asked, ollama.held(host, options.patience.answer))
        try:
            results, notes = _carried_out(work, options)
        finally:
            server.stopping.set()
        changed = options.accept and _accept(work, results)
        rest = prune.leftovers(asked.registry, asked.wishes, work.facts)
        return Report(host, results, notes, changed, rest, prune.doubt(asked.wishes))


def remove(
    place: Workspace,
    host: str,
    names: Iterable[str],
    patience: Patience = PATIENT,
) -> tuple[Result, ...]:
    """Remove leftovers from the server; a name that is none (any more) stays.

    Raises Unavailable when the server cannot be asked at all.
    """
    server = Server(host, patience, lambda _key, _progress: None)
    with record.locked(host, lambda: None):
        asked = plan.demand(place)
        work = Work(place, server, asked, ollama.held(host, patience.answer))
        known = prune.leftovers(asked.registry, asked.wishes, work.facts)
        found = {one.name for one in known} if not prune.doubt(asked.wishes) else set[str]()
        return tuple(
            _removed(work, name)
            if name in found
            else Result("", name, "skipped", False, "it is asked for, or was changed", "look again")
            for name in names
        )


def _carried_out(work: Work, options: Options) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    steps = work.steps()
    survey = pulling.surveyor(work, dict(options.environment), options.remote)
    # Many at once on a fresh machine. What they are built on may still change: then they are built.
    adopted = {step.wish.full: step for step in steps if step.action == "adopt"}
    work.adopt([step.wish for step in adopted.values()])
    pulled = pulling.pull(work, steps, options.remote, survey)
    before, results = dict(pulled.results), []
    for step in steps:
        wish = step.wish
        result = before.get(wish.full)
        if result is None or result.key != wish.key or wish.kind != "pull":
            result = _next(work, wish, before)
        if result.state == "up to date" and wish.full in adopted:
            result = report.done(wish, "adopted", adopted[wish.full].reason)
        before.setdefault(wish.full, result)
        results.append(result)
    return tuple(results), pulled.notes


def _next(work: Work, wish: Wish, before: Mapping[str, Result]) -> Result:
    if wish.kind == "pull" and (other := before.get(wish.full)) is not None and not other.ok:
        return Result(wish.key, wish.name, other.state, False, other.detail, other.cure)
    return building.make(work, wish, before)


def _accept(work: Work, results: Iterable[Result]) -> bool:
    # A second name may be right while the model itself is not what was locked.
    right = {one.key for one in results if one.ok and one.state in _RIGHT and not one.is_alias}
    chosen = [wish for wish in work.asked.chosen if wish.key in right]
    found = locking.found(work.asked, work.facts, chosen)
    layout = work.place.layout
    with files.locked(layout.registry.parent):
        before = lockfile.read(layout)
        if work.asked.is_whole:
            before = {key: one for key, one in before.items() if key in work.asked.registry.models}
        after = lockfile.accept(before, found)
        return bool(after or before) and lockfile.write(layout, after)


def _removed(work: Work, name: str) -> Result:
    server = work.server
    try:
        server.persist(name, lambda: _delete(server, name))
        if name in server.held():
            return Result("", name, "failed", False, "the server lists it still", "look at its log")
    except MlwsError as error:
        return Result("", name, "failed", False, error.message, error.cure)
    work.record.drop({name})
    return Result("", name, "removed", True)


def _delete(server: Server, name: str) -> None:
    try:
        ollama.delete(server.host, name, server.patience.answer)
    except ollama.ServerError as error:
        if error.status != 404:
            raise


def _wait(watch: Watch) -> None:
    watch("", Progress("another sync works on this server: waiting for its end"))
