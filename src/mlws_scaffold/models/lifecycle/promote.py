"""`mlws model promote`: a model one step further, or back to the start.

Gates look before anything is changed; what then stops the change takes it back.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from mlws_scaffold.adapters import files, ollama
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.models import hosts, modelfile, registry
from mlws_scaffold.models.hosts import Stage
from mlws_scaffold.models.lifecycle import (
    cards,
    cases,
    changing,
    gates,
    history,
    journal,
    moves,
    naming,
)
from mlws_scaffold.models.lifecycle.gates import production, staging
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.lifecycle.journal import Intent, Rewrite
from mlws_scaffold.models.lifecycle.stages import Context, GateResult, Outcome, Request, Tools
from mlws_scaffold.models.registry import STATUSES, Status
from mlws_scaffold.workspace import people
from mlws_scaffold.workspace.layout import REGISTRY, Layout

_STAGES: tuple[Status, ...] = ("testing", "staging", "production")


@dataclasses.dataclass(slots=True)
class Promotion:
    """A promotion on its way through the steps; each fills in what the later ones need."""

    request: Request
    tools: Tools
    context: Context | None = None
    gates: tuple[GateResult, ...] = ()
    intent: Intent | None = None
    done: tuple[str, ...] = ()

    @property
    def known(self) -> Context:
        assert self.context is not None  # noqa: S101 - the first step sets it
        return self.context

    @property
    def stopped(self) -> bool:
        return any(not gate.ok for gate in self.gates)


def resolve(promotion: Promotion) -> None:
    """The model, where it stands, who asks, and the server of the stage with what it holds."""
    request = promotion.request
    place = request.place
    loaded = registry.load(place.layout)
    model = registry.select(loaded, [request.key])[request.key]
    if request.to not in STATUSES:
        raise UsageError(f"there is no status {request.to!r}", did_you_mean(request.to, STATUSES))
    records = tuple(history.of(history.load(place.layout), request.key))
    email = Git(place.root).setting("user.email")
    actor, remark = people.acting(place.config, email, request.researcher)
    promotion.context = Context(
        request=request,
        tools=promotion.tools,
        registry=loaded,
        model=model,
        records=records,
        actor=actor,
        old=moves.standing(model, records),
        new=cast(Status, request.to),
        now=history.instant(records, datetime.now(UTC)),
        remarks=(remark,) if remark else (),
    )


def judge_move(promotion: Promotion) -> None:
    """Only along the table, and only what can be built and named."""
    context = promotion.known
    moves.refuse_illegal(context.old, context.new)
    if context.new not in _STAGES:
        return
    naming.refuse_version(context.model)
    if context.model.source == "custom" and not context.model.modelfile:
        cure = f"name its `modelfile` in {REGISTRY}"
        raise MlwsError(f"{context.key} has no Modelfile, so nobody could build it again", cure)


def look(promotion: Promotion) -> None:
    """What the server of the stage holds, and what the Modelfile asks for."""
    context = promotion.known
    if context.new not in _STAGES:
        return
    stage = cast(Stage, context.new)
    host = hosts.stage_host(context.place, stage, context.request.environment)
    recipe = None
    if context.model.modelfile and context.model.source == "custom":
        recipe = modelfile.build(context.layout, Path(context.model.modelfile))
    promotion.context = dataclasses.replace(
        context,
        host=host,
        held=ollama.held(host),
        recipe=recipe,
        remarks=(*context.remarks, *hosts.remarks(context.place, stage)),
    )


def run_gates(promotion: Promotion) -> None:
    """Each gate in its turn; what was found so far stays known when one cannot judge."""
    for result in gates.ask(promotion.known):
        promotion.gates = (*promotion.gates, result)


def prepare(promotion: Promotion) -> None:
    """Everything that will be changed, worked out to the byte before the first change."""
    context = promotion.known
    names: tuple[naming.Naming, ...] = ()
    if context.new == "production":
        names = naming.for_promotion(context.held, context.key, context.model, context.digest)
    rewrites = [registry_with(context.layout, context.key, _changes(context))]
    if context.new == "staging" and (card := _card(context)):
        rewrites.append(card)
    record = Record(
        at=context.now,
        actor=context.actor,
        model=context.key,
        action="promote",
        version=moves.version_of(context.model),
        came_from=context.old,
        to=context.new,
        digest=f"sha256:{context.digest}" if context.host else "",
        commit=Git(context.place.root).commit_of("HEAD") or "",
        gates=tuple(gate.record() for gate in promotion.gates),
        reason=context.request.reason,
    )
    branch = journal.branch(context.place.root)
    promotion.intent = Intent(context.key, context.host, names, tuple(rewrites), record, branch)
    promotion.done = (
        *(one.words() for one in names),
        *(f"{one.path} written" for one in rewrites),
    )


def carry_out(promotion: Promotion) -> None:
    """Backup, pointer, files, history; whole or not at all."""
    assert promotion.intent is not None  # noqa: S101 - the step before sets it
    changing.carry_out(promotion.known.place, promotion.intent, promotion.request.watch)


Step = Callable[[Promotion], None]
STEPS: tuple[Step, ...] = (resolve, judge_move, look, run_gates, prepare, carry_out)


def promote(request: Request, tools: Tools) -> Outcome:
    """Promote a model. Raises UsageError or MlwsError for what was asked wrongly.

    The outcome tells which gates were asked and what stopped it: then nothing is changed.
    """
    promotion = Promotion(request, tools)
    if request.dry:
        return _through(promotion, STEPS[:-1], [changing.pending(request.place)])
    with journal.alone(request.place.root, request.watch):
        for remark in changing.recover(request.place):
            request.watch(remark)
        return _through(promotion, STEPS, [])


def _through(promotion: Promotion, steps: tuple[Step, ...], remarks: list[str]) -> Outcome:
    for step in steps[:2]:
        step(promotion)
    error: MlwsError | None = None
    try:
        for step in steps[2:]:
            step(promotion)
            if promotion.stopped:
                break
    except MlwsError as stopped:
        error = stopped
    context = promotion.known
    return Outcome(
        key=context.key,
        version=moves.version_of(context.model),
        old=context.old,
        new=context.new,
        host=context.host,
        gates=promotion.gates,
        done=promotion.done if error is None else (),
        error=error,
        remarks=tuple(remark for remark in (*remarks, *context.remarks) if remark),
        dry=promotion.request.dry,
    )


def registry_with(layout: Layout, key: str, changes: Mapping[str, object]) -> Rewrite:
    """The registry as it will be. Raises MlwsError when it cannot take the changes."""
    before = layout.registry.read_bytes().decode("utf-8")
    with tempfile.TemporaryDirectory(prefix="mlws-registry-") as scratch:
        copy = Layout(Path(scratch))
        copy.registry.parent.mkdir(parents=True)
        files.write(copy.registry, before)
        registry.update(copy, key, changes)
        return Rewrite(REGISTRY, before, copy.registry.read_bytes().decode("utf-8"))


def _changes(context: Context) -> dict[str, object]:
    changes: dict[str, object] = {"status": context.new}
    if context.model.updated:
        changes["updated"] = context.now.date()
    if context.new == "production":
        changes["live"] = {
            "version": context.version,
            "digest": f"sha256:{context.digest}",
            "since": history.second(context.now),
            "modelfile_commit": production.modelfile_commit(context),
        }
    return changes


def _card(context: Context) -> Rewrite | None:
    report = context.tools.benchmark(context.layout, context.key, context.version)
    figures: Mapping[str, Any] = staging.figures(context, report) if report else {}
    facts = cards.Facts(
        key=context.key,
        model=context.model,
        digest=context.digest,
        cases=cases.load(context.layout, context.key),
        figures=staging.words(figures),
    )
    old = cards.read(context.layout, context.key)
    new = cards.write(facts, old)
    return Rewrite(cards.name_of(context.key), old, new) if new != old else None
