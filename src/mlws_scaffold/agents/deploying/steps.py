"""The steps of a deployment, forwards and back: the same for every target.

The name of a step is in the journal before it acts, and each may be repeated at any point.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from mlws_scaffold.agents.deploying import ledger, watch
from mlws_scaffold.agents.deploying.work import Refused, Work, now, wait
from mlws_scaffold.agents.targets.target import Release
from mlws_scaffold.agents.watching.thresholds import Thresholds
from mlws_scaffold.errors import MlwsError

_READY_SECONDS = 120.0
# Longer than the longest answer (timeouts.total of config.yaml).
_DRAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, for people, and the act."""

    name: str
    about: str
    act: Callable[[Work], None]


def run(work: Work, steps: tuple[Step, ...]) -> None:
    """Do the steps from the one that the journal names; the first when it names none of them."""
    names = [step.name for step in steps]
    name = work.begun.step
    for step in steps[names.index(name) if name in names else 0 :]:
        work.keep(step=step.name)
        step.act(work)


def revive(work: Work) -> None:
    """What should serve serves: after a restart of the machine nothing may be running."""
    begun = work.journal.begun
    if begun is not None and begun.committed:
        work.target.open(work.journal.shares(100))
        if not work.target.alive(begun.release):
            work.target.start(begun.release)
            _await_ready(work, begun.release)
        return
    # All of it only with the commit: until then the stable version stands in for one that is gone.
    shared = begun is not None and begun.step == "stages" and begun.stage < len(begun.stages)
    at = begun.percent if begun is not None and shared else 0
    work.target.open(work.journal.shares(at))
    _stable_runs(work)
    if begun is None:
        work.target.share(work.journal.shares(0))  # returns when the proxy finds it ready, too


def _backup(work: Work) -> None:
    work.target.backup(work.begun.id)


def _open(work: Work) -> None:
    """The proxy and what is stable run, as they should anyway: a restart may have ended them."""
    work.target.open(work.journal.shares(0))
    _stable_runs(work)


def _start(work: Work) -> None:
    release = work.begun.release
    work.site.say(f"starting {work.site.name} {release.version}")
    work.target.start(release)
    _await_ready(work, release)


def _smoke(work: Work) -> None:
    if problem := work.target.smoke(work.begun.release):
        raise Refused(f"smoke: {problem}")


def _stages(work: Work) -> None:
    """Each stage gives the new version its share and ends with a verdict on what it did with it."""
    if not work.target.shifts:
        if refused := work.target.follow(work.begun.release, work.begun.limit):
            raise Refused(refused)
        return
    while work.begun.stage < len(work.begun.stages):
        begun = work.begun
        if begun.mark is None:
            work.keep(mark=work.target.mark(), began=time.time())
        if not work.target.alive(begun.release):
            raise Refused(
                f"{begun.release.version} does not run any more: {_last(work, begun.release)}"
            )
        percent = work.begun.percent
        work.site.say(f"{percent} % of the requests go to {begun.release.version}")
        work.target.share(work.journal.shares(percent))
        measured = watch.stage(work)
        work.keep(stage=begun.stage + 1, mark=None, measured=(*begun.measured, measured))


def _commit(work: Work) -> None:
    work.keep(committed=True)
    work.target.share(work.journal.shares(100))


def _drain_older(work: Work) -> None:
    if work.journal.stable is not None:
        _drain(work, work.journal.stable)


def _close_older(work: Work) -> None:
    if work.journal.stable is not None:
        work.target.stop(work.journal.stable)


def _finish(work: Work) -> None:
    """In one write: what came is stable, what was stable is kept to go back to."""
    begun, before = work.begun, work.journal
    record = ledger.record(work, "done", begun.reason)
    after = dataclasses.replace(
        before,
        stable=begun.release,
        since=now(),
        previous=before.stable,
        begun=None,
        records=ledger.added(before.records, record),
    )
    work.put(after)


FORWARD: tuple[Step, ...] = (
    Step("backup", "keep journal and proxy configuration", _backup),
    Step("open", "the proxy and the stable version run", _open),
    Step("start", "start the new version beside it, wait until it is ready", _start),
    Step("smoke", "ask the new version directly", _smoke),
    Step("stages", "give it its share step by step, watch, judge", _stages),
    Step("commit", "all new requests to the new version", _commit),
    Step("drain", "let the old version end its answers", _drain_older),
    Step("close", "stop the old version, keep it to go back to", _close_older),
    Step("finish", "record", _finish),
)


def _restore(work: Work) -> None:
    """What is stable runs and is ready: after a commit it may have been stopped."""
    work.target.open(work.journal.shares(100 if work.begun.committed else 0))
    _stable_runs(work)


def _back(work: Work) -> None:
    work.target.share(work.journal.shares(0))


def _drain_newer(work: Work) -> None:
    if work.target.alive(work.begun.release):
        _drain(work, work.begun.release, watch.rules(work.site, work.begun.limit))


def _close_newer(work: Work) -> None:
    work.target.stop(work.begun.release)


def _record_abort(work: Work) -> None:
    record = ledger.record(work, "aborted", work.begun.abort)
    records = ledger.added(work.journal.records, record)
    work.put(dataclasses.replace(work.journal, begun=None, records=records))


BACKWARD: tuple[Step, ...] = (
    Step("restore", "the stable version runs", _restore),
    Step("back", "all new requests to the stable version", _back),
    Step("drain-new", "let the new version end its answers", _drain_newer),
    Step("close-new", "stop the new version", _close_newer),
    Step("record", "record", _record_abort),
)


def _stable_runs(work: Work) -> None:
    stable = work.journal.stable
    if stable is None or work.target.alive(stable):
        return
    work.site.say(f"starting {work.site.name} {stable.version}, which should be running")
    work.target.start(stable)
    _await_ready(work, stable)


def _await_ready(work: Work, release: Release) -> None:
    """Wait for `/readyz`. Raises Refused when the release ends before, or is too slow."""

    def ready() -> bool:
        if work.target.ready(release):
            return True
        if not work.target.alive(release):
            raise Refused(f"{release.version} ended while it started: {_last(work, release)}")
        return False

    begun = work.journal.begun
    seconds = min(_READY_SECONDS, begun.limit if begun else _READY_SECONDS)
    if not wait(ready, seconds):
        said = f"{release.version} is not ready after {seconds:.0f} s: {_last(work, release)}"
        raise Refused(said)


def _drain(work: Work, release: Release, rules: Thresholds | None = None) -> None:
    """Let it end its answers. By the rules, one that hangs is not waited for."""
    before, since = -1, time.monotonic()

    def over() -> bool:
        nonlocal before, since
        busy, now = work.target.busy(release), time.monotonic()
        if busy != before:
            before, since = busy, now
        hangs = rules and busy >= rules.stuck_requests and now - since >= rules.stuck_seconds
        return not busy or bool(hangs)

    if not wait(over, _DRAIN_SECONDS) or before:
        waited = f"{time.monotonic() - since:.0f} s without an end"
        work.site.say(f"{release.version} has {before} unfinished answers, {waited}: it is ended")


def _last(work: Work, release: Release) -> str:
    try:
        return work.target.explain(release) or "it said nothing"
    except MlwsError as error:
        return error.message
