"""`mlws agent deploy` and `rollback`: begin, go on, take back; one way through for all targets."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlws_scaffold.agents.deploying import gates, ledger, steps
from mlws_scaffold.agents.deploying import journal as journals
from mlws_scaffold.agents.deploying.gates import Gate
from mlws_scaffold.agents.deploying.journal import Begun, Journal, Kind
from mlws_scaffold.agents.deploying.work import Refused, Ways, Work, now
from mlws_scaffold.agents.targets.target import Release, Site, Target, Wish
from mlws_scaffold.errors import MlwsError, UsageError


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. stages: shares of the new version in percent; limit: seconds for each."""

    wish: Wish
    stages: tuple[int, ...]
    limit: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done: nothing is changed by finding out, but a version may be fetched."""

    release: Release
    gates: tuple[Gate, ...]
    stages: tuple[int, ...]
    steps: tuple[steps.Step, ...]
    manifests: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended (done, aborted, nothing), what serves now, and the record."""

    result: str
    reason: str
    stable: Release | None
    record: Mapping[str, object] | None = None


def order(site: Site, wish: Wish, asked: str, reason: str) -> Order:
    """An order with `--steps` as typed, else `[deploy] steps`, and in staging none.

    Raises UsageError unless they are shares in percent that rise from 1 to at most 100.
    """
    deploy = site.place.config.deploy
    if site.env == "staging" and not asked:
        # Nobody asks there, so no share could be judged: its smoke test is what it is for.
        return Order(wish, (), deploy.stage_limit_seconds, reason)
    try:
        shares = tuple(int(word) for word in asked.split(",")) if asked else deploy.steps
    except ValueError:
        shares = ()
    falls = any(one >= other for one, other in itertools.pairwise(shares))
    if not shares or shares[0] < 1 or shares[-1] > 100 or falls:
        said = f"steps {asked or shares!r} do not rise from 1 to 100 percent"
        raise UsageError(said, "such as --steps 10,50,100")
    return Order(wish, shares, deploy.stage_limit_seconds, reason)


def plan(site: Site, target: Target, ways: Ways, order: Order) -> Plan:
    """What `deploy` would do with the same order."""
    target.require()
    release, judged = examine(site, target, ways, order.wish)
    _refuse_steps(site, target, order)
    stable = journals.parse(target.read()).stable
    stages = order.stages if stable else ()
    return Plan(release, tuple(judged), stages, steps.FORWARD, target.preview(release))


def examine(site: Site, target: Target, ways: Ways, wish: Wish) -> tuple[Release, list[Gate]]:
    """The release that a wish means, and its gates. Raises MlwsError where there is no release."""
    release = target.find(wish)
    live = ways.live(release.model)
    judged = gates.judge(site, release, live)
    return dataclasses.replace(release, model_digest=live.digest if live else ""), judged


def deploy(site: Site, target: Target, ways: Ways, order: Order) -> Outcome:
    """Bring a version to its users, or leave everything as it was and say why."""
    target.require()
    with _alone(site, target):
        work = _idle(site, target, ways)
        _refuse_steps(site, target, order)
        release, judged = examine(site, target, ways, order.wish)
        gates.require(judged)
        release = target.make(release, order.wish)
        stable = work.journal.stable
        if stable and (stable.version, stable.commit) == (release.version, release.commit):
            raise UsageError(f"{site.name} {release.version} serves already", "deploy another one")
        said = {gate.name: gate.said for gate in judged}
        _begin(work, "deploy", release, order, said)
        return _forward(work)


def rollback(site: Site, target: Target, ways: Ways, to: str = "", reason: str = "") -> Outcome:
    """Bring back the version before, or the one named, as it was: neither git nor a gate is asked.

    Raises UsageError when the target does not know it.
    """
    target.require()
    with _alone(site, target):
        work = _idle(site, target, ways)
        release = _before(work.journal, site, to.removeprefix("v"))
        order = Order(Wish(), (), site.place.config.deploy.stage_limit_seconds, reason)
        _begin(work, "rollback", release, order, {})
        return _forward(work)


def before(site: Site, target: Target, to: str = "") -> Release:
    """The release that `rollback` would bring back. Raises UsageError when there is none."""
    return _before(journals.parse(target.read()), site, to.removeprefix("v"))


def resume(site: Site, target: Target, ways: Ways) -> Outcome:
    """Go on where a killed deployer was, forwards or back; while another works, wait for its end.

    With nothing to go on with, what should serve is started when it does not run.
    """
    target.require()
    with _alone(site, target, wait=True):
        work = Work(site, target, ways, journals.parse(target.read()))
        if work.journal.begun is None:
            if work.journal.stable is not None:
                steps.revive(work)
            _mirror(work)
            return Outcome("nothing", "nothing was under way", work.journal.stable)
        begun = work.begun
        site.say(
            f"{begun.kind} of {begun.release.version}: going on at {begun.step or 'its start'}"
        )
        if begun.abort:
            return _backward(work, begun.abort)
        steps.revive(work)
        return _forward(work)


def abort(site: Site, target: Target, ways: Ways, reason: str) -> Outcome:
    """Take back what is under way. Raises UsageError when nothing is: that would be a rollback."""
    target.require()
    with _alone(site, target):
        work = Work(site, target, ways, journals.parse(target.read()))
        if work.journal.begun is None:
            cure = f"mlws agent rollback {site.name} goes back to the version before"
            raise UsageError(f"nothing is being deployed of {site.name} in {site.env}", cure)
        return _backward(work, work.begun.abort or reason)


def _refuse_steps(site: Site, target: Target, order: Order) -> None:
    if not target.shifts and order.stages not in ((), site.place.config.deploy.steps):
        cure = "[deploy] steps of mlws.toml and deploy/kubernetes/base/rollout.yaml have them"
        raise UsageError("--steps is not for Kubernetes: its Rollout has steps of its own", cure)


def _begin(work: Work, kind: Kind, release: Release, order: Order, said: Mapping[str, str]) -> None:
    stable = work.journal.stable
    begun = Begun(
        id=f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:8]}",
        kind=kind,
        at=now(),
        by=work.ways.actor,
        reason=order.reason,
        started=time.time(),
        release=work.target.put(release, stable),
        # Without anybody beside it nothing can be compared, and nobody can stand in.
        stages=order.stages if stable else (),
        limit=order.limit,
        gates=said,
    )
    work.put(dataclasses.replace(work.journal, begun=begun))


def _forward(work: Work) -> Outcome:
    """Go on to the end. What fails before the commit takes itself back; Ctrl-C does too."""
    try:
        steps.run(work, steps.FORWARD)
    except Refused as refused:
        if refused.numbers:
            work.keep(measured=(*work.begun.measured, refused.numbers))
        return _backward(work, refused.message)
    except MlwsError as error:
        if work.begun.committed:
            raise
        return _backward(work, error.message)
    except KeyboardInterrupt:
        if not work.begun.committed:
            work.site.say("interrupted: taking it back")
            _backward(work, "interrupted")
        raise
    return _ended(work)


def _backward(work: Work, reason: str) -> Outcome:
    work.site.say(f"taking back {work.begun.release.version}: {reason}")
    if not work.begun.abort:
        work.keep(abort=reason, step="")
    steps.run(work, steps.BACKWARD)
    return _ended(work)


def _ended(work: Work) -> Outcome:
    _mirror(work)
    record = work.journal.records[-1]
    return Outcome(str(record["result"]), str(record["reason"]), work.journal.stable, record)


def _mirror(work: Work) -> None:
    """The deployment is done, whatever becomes of the file that mirrors it."""
    try:
        ledger.mirror(work.site, work.journal.records)
    except MlwsError as error:
        work.site.say(f"{ledger.NAME} was not brought up to date: {error.message}")


def _idle(site: Site, target: Target, ways: Ways) -> Work:
    work = Work(site, target, ways, journals.parse(target.read()))
    if (begun := work.journal.begun) is not None:
        how = "--resume goes on, --abort takes it back"
        raise MlwsError(
            f"the {begun.kind} of {site.name} {begun.release.version} was interrupted at"
            f" {begun.step or 'its beginning'}",
            f"mlws agent deploy {site.name} --env {site.env}: {how}",
        )
    return work


def _before(journal: Journal, site: Site, to: str) -> Release:
    """The release to go back to: the one before, or that of a record."""
    if not to:
        if journal.previous is None:
            raise UsageError(f"{site.name} has no version to go back to in {site.env}")
        return journal.previous
    if journal.stable and journal.stable.version == to:
        raise UsageError(f"{site.name} {to} serves already")
    if journal.previous and journal.previous.version == to:
        return journal.previous
    for record in reversed(journal.records):
        if record["version"] == to and record["result"] == "done":
            return ledger.release(record)
    served = {str(one["version"]) for one in journal.records if one["result"] == "done"}
    cure = f"known: {', '.join(sorted(served)) or 'none'}"
    raise UsageError(f"{site.name} {to} never served in {site.env}", cure)


@contextlib.contextmanager
def _alone(site: Site, target: Target, *, wait: bool = False) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(target.alone(wait=False))
        except BlockingIOError:
            if not wait:
                raise MlwsError(
                    f"another deployment of {site.name} to {site.env} is running",
                    f"mlws agent status {site.name} shows it; wait for its end, or end it",
                ) from None
            site.say("a deployment is running: waiting for its end, to go on if it is killed")
            stack.enter_context(target.alone(wait=True))
        yield
