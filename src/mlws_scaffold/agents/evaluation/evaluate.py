"""`mlws agent eval`: ask, judge, compare with the baseline, and keep what was found."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.agents import evidence
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import (
    baseline,
    cases,
    judging,
    places,
    recordings,
    report,
    sources,
    tracked,
)
from mlws_scaffold.agents.evaluation.baseline import Baseline
from mlws_scaffold.agents.evaluation.cases import Cases
from mlws_scaffold.agents.evaluation.judging import Ask
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.agents.evaluation.report import Evaluation
from mlws_scaffold.agents.evaluation.sources import Served
from mlws_scaffold.agents.serving import fake_model
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace

OWN = "baseline"  # the word for the agent's own baseline


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. model: empty means agent.yaml's. live: None means what is possible."""

    model: str = ""
    live: bool | None = None
    record: bool = False
    against: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An evaluation and what it wrote: paths, or in `why` the reason for no evidence."""

    evaluation: Evaluation
    compared_with: str
    recorded: bool
    written: tuple[Path, ...]
    why: str

    @property
    def ok(self) -> bool:
        """With a baseline: nothing is worse. When one is recorded: always. Else: all cases hold."""
        if self.compared_with:
            return not any(one.verdict == "worse" for one in self.evaluation.compared)
        return self.recorded or all(one.holds for one in self.evaluation.tried)


def evaluate(
    place: Workspace, found: Found, served: Served, wish: Wish, say: Callable[[str], None]
) -> Outcome:
    """Evaluate an agent as the wish says; `say` is told each case when it is judged.

    Raises Unavailable when it cannot be judged (nothing is written then), UsageError, InvalidFile
    for wrong cases, MlwsError when a baseline cannot be recorded of a folder with changes.
    """
    known = cases.load(place.layout, found)
    before = _before(place, found, wish.against)
    folder = places.folder(found)
    own = [folder / name for name in places.WRITTEN]
    commit, why = evidence.commit_of(place, found, own)
    if wish.record and why:
        raise MlwsError(f"no baseline is recorded: {why}", "commit the agent first")
    is_live = _is_live(served, wish)
    if not is_live and wish.live is None:
        say(f"no model server answers at {served.host}: recorded answers are judged")
    with _source(found, known, served, wish, is_live) as (model, ask):
        if before:
            baseline.comparable(before, model)
        tried = []
        for one in judging.run(known, ask):
            tried.append(one)
            say(f"{one.case.id}: {one.passed} of {one.case.runs} pass")
    compared = tuple(baseline.compare(before, known, tried))
    evaluation = Evaluation(found.agent.name, model, is_live, tuple(tried), compared)
    if not why and evidence.commit_of(place, found, own)[0] != commit:
        why = "the agent changed while it was evaluated"
        if wish.record:
            raise MlwsError(f"no baseline is recorded: {why}", "evaluate it again")
    written = []
    if is_live and _replaces(found, model):
        written.append(recordings.save(found, model, tried))
    worse = any(one.verdict == "worse" for one in compared)
    record = wish.record and not worse
    if record:
        path = folder / places.BASELINE
        baseline.write(path, found.agent.name, commit, model, tried)
        written.append(path)
        if said := tracked.log(place, evaluation, commit):
            say(said)
    if not why:
        written += report.keep(place, found, commit, evaluation)
    return Outcome(evaluation, wish.against, record, tuple(written), why)


def _before(place: Workspace, found: Found, against: str) -> Baseline | None:
    if not against:
        return None
    path = places.folder(found) / places.BASELINE if against == OWN else Path(against)
    old = baseline.read(path, place.layout.relative(path.absolute()))
    if old.agent != found.agent.name:
        raise UsageError(f"{against} is a baseline of {old.agent}", "name one of this agent")
    return old


def _is_live(served: Served, wish: Wish) -> bool:
    """Whether to ask now: as asked for, else when somebody can be asked."""
    if wish.live is False and wish.record:
        raise UsageError("a baseline is of answers given now, not of recorded ones", "use --live")
    if wish.live is not None:
        return wish.live
    if wish.record or wish.model == fake_model.NAME:
        return True
    return sources.answers(served.host)


@contextlib.contextmanager
def _source(
    found: Found, known: Cases, served: Served, wish: Wish, is_live: bool
) -> Iterator[tuple[Model, Ask]]:
    model = wish.model or found.agent.model
    if is_live:
        with sources.live(served, found, model) as source:
            yield source
    else:
        yield sources.recorded(found, known, model)


def _replaces(found: Found, model: Model) -> bool:
    """Whether these answers take the place of those kept: an echo never replaces a model's."""
    if not model.fake:
        return model.name == found.agent.model
    kept = recordings.load(found)
    return kept is None or kept.model.fake
