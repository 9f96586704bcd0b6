"""Judges one wish against given facts: what is so, what is to be done, and why. Pure.

A pulled model is right when its digest is the expected one, if any is. A built one is right when
the record of this machine says so (the same Modelfile, base and result), or when what the server
shows of it is its base with the Modelfile laid over it: then it is adopted, not built again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mlws_scaffold.adapters.ollama import Held, Shown, full_name, is_cloud
from mlws_scaffold.models.modelfile import Difference, differences
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.record import Entry
from mlws_scaffold.workspace.layout import REGISTRY

State = Literal[
    "up to date",
    "adopt",
    "missing",
    "drifted",
    "Modelfile changed",
    "base moved",
    "changed outside",
    "forced",
    "unjudged",
    "not buildable",
    "cloud",
]
Action = Literal["", "adopt", "pull", "build", "copy", "judge"]
_CHANGING = ("drifted", "forced", "Modelfile changed", "base moved", "changed outside")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. `held` and `record` are by `full_name`, `locked` by key.

    bases: digests that the lock has of bases without an entry. look: what the server shows of a
    name. force: keys that are made anew whatever is so.
    """

    held: Mapping[str, Held]
    record: Mapping[str, Entry] = field(default_factory=dict)
    locked: Mapping[str, Locked] = field(default_factory=dict)
    bases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    look: Callable[[str], Shown | None] = lambda _name: None
    force: frozenset[str] = frozenset()

    def digest(self, name: str) -> str:
        """Of a name on the server (64 hex digits); empty when it is not there."""
        found = self.held.get(name)
        return found.digest if found else ""


@dataclass(frozen=True, slots=True)
class Step:
    """A wish with its verdict. No action on something that is not right means that a person has to
    decide. wanted: the digests one of which a pull has to bring.
    """

    wish: Wish
    state: State
    action: Action = ""
    reason: str = ""
    cure: str = ""
    differences: tuple[Difference, ...] = ()
    wanted: frozenset[str] = frozenset()

    @property
    def settled(self) -> bool:
        """Nothing is to be done, and nothing is wrong."""
        open_question = self.state == "not buildable" and not (
            self.wish.flaw and self.wish.flaw.is_error
        )
        return not self.action and (self.state in ("up to date", "cloud") or open_question)

    @property
    def is_drift(self) -> bool:
        """Whether server and registry differ. What is only to be recorded does not."""
        return not self.settled and self.state != "adopt"


def decide(wish: Wish, facts: Facts, origin: Step | None = None) -> Step:
    """The verdict on a wish. `origin`: that on what it is made from, where it is still open."""
    if wish.flaw is not None:
        return Step(wish, "not buildable", "", wish.flaw.text, wish.flaw.cure)
    held = facts.held.get(wish.full)
    from_cloud = origin is not None and origin.state == "cloud"
    if from_cloud or is_cloud(wish.origin or wish.name) or (held is not None and held.remote):
        reason = "runs at somebody else's: every prompt leaves the team's machines"
        return Step(wish, "cloud", "", reason, "choose a model that has weights")
    if held is None:
        return Step(wish, "missing", wish.kind, _missing(wish))
    judge = {"pull": _pulled, "build": _built, "copy": _copied}[wish.kind]
    return judge(wish, facts, origin)


def expected(wish: Wish, facts: Facts) -> frozenset[str]:
    """The digests (64 hex digits) that a name may have; none when nobody said."""
    if wish.pin:
        return frozenset([wish.pin])
    lock = facts.locked.get(wish.key)
    if wish.kind == "pull" and lock and lock.digest and lock.full == wish.full:
        return frozenset([lock.digest.removeprefix("sha256:")])
    return facts.bases.get(wish.full, frozenset()) if not wish.key else frozenset()


def drifted(wish: Wish, facts: Facts) -> Step | None:
    """The verdict on a digest that is not the expected one."""
    wanted, found = expected(wish, facts), facts.digest(wish.full)
    if not wanted or found in wanted:
        return None
    shown = " or ".join(sorted(digest[:12] for digest in wanted))
    if wish.pin:
        reason = f"the server has {found[:12]}, {REGISTRY} expects {shown}"
        cure = "bring the expected model under this name, or correct `digest`"
    else:
        reason = f"{wish.name} is no longer what the team locked: {shown}; the server has"
        reason += f" {found[:12]}"
        keys = " ".join([wish.key] if wish.key else wish.serves)
        cure = f"when the new one is meant: mlws model lock --update {keys}"
    return Step(wish, "drifted", "", reason, cure, wanted=wanted)


def _missing(wish: Wish) -> str:
    if wish.serves:
        return f"not on the server; the base of {', '.join(wish.serves)}"
    return f"agents name it so; it is {wish.origin}" if wish.kind == "copy" else "not on the server"


def _pulled(wish: Wish, facts: Facts, _origin: Step | None) -> Step:
    if wish.key in facts.force:
        return Step(wish, "forced", "pull", "asked for", wanted=expected(wish, facts))
    if (step := drifted(wish, facts)) is not None:
        return replace(step, action="pull")
    return _right(wish, facts)


def _copied(wish: Wish, facts: Facts, origin: Step | None) -> Step:
    wanted, found = facts.digest(wish.source), facts.digest(wish.full)
    is_ours = wish.full in facts.record and _is_ours(facts, wish.full)
    if is_ours and origin is not None and _will_change(origin):
        return Step(wish, "base moved", "copy", f"{wish.origin} is made anew")
    if not wanted or found == wanted:
        return _right(wish, facts)
    if is_ours:
        reason = f"{wish.origin} is {wanted[:12]} now, this is {found[:12]}"
        return Step(wish, "base moved", "copy", reason)
    reason = f"it is {found[:12]}, which is not {wish.origin} ({wanted[:12]})"
    if wish.key in facts.force:
        return Step(wish, "changed outside", "copy", reason)
    cure = f"give it that name all the same: mlws model sync {wish.key} --force; or rename the key"
    return Step(wish, "changed outside", "", reason, cure)


def _built(wish: Wish, facts: Facts, origin: Step | None) -> Step:
    entry, base = facts.record.get(wish.full), facts.digest(wish.source)
    if wish.key in facts.force:
        return Step(wish, "forced", "build", "asked for")
    is_recorded = entry is not None and not entry.pending
    if entry is None or not is_recorded or entry.digest != facts.digest(wish.full):
        return _unrecorded(wish, facts, entry)
    if wish.recipe is None or entry.fingerprint != wish.recipe.fingerprint:
        return _otherwise(wish, facts, Step(wish, "Modelfile changed", "build"))
    if origin is not None and _will_change(origin):
        return Step(wish, "base moved", "build", f"its base {wish.origin} is made anew")
    if base and entry.base_digest != base:
        reason = f"{wish.origin} is {base[:12]} now, it was built on {entry.base_digest[:12]}"
        return Step(wish, "base moved", "build", reason)
    return drifted(wish, facts) or Step(wish, "up to date")


def _unrecorded(wish: Wish, facts: Facts, entry: Entry | None) -> Step:
    """What is there was not seen to be made from here, or is no longer what was made."""
    lock, found = facts.locked.get(wish.key), facts.digest(wish.full)
    is_locked = lock is not None and lock.digest == f"sha256:{found}"
    if lock is not None and is_locked and _means(lock, wish, facts):
        return drifted(wish, facts) or Step(wish, "adopt", "adopt", "as the team locked it")
    if (entry is not None and entry.pending) or is_locked:
        return _otherwise(wish, facts, Step(wish, "Modelfile changed", "build"))
    cure = f"replace it: mlws model sync {wish.key} --force"
    return _otherwise(wish, facts, Step(wish, "changed outside", "", "", cure))


def _otherwise(wish: Wish, facts: Facts, unlike: Step) -> Step:
    """Adopted when the server shows what the Modelfile says, else the given verdict with why."""
    if wish.origin and not facts.digest(wish.source):
        if unlike.action:
            return replace(unlike, reason="")
        return Step(wish, "unjudged", "judge", f"its base {wish.origin} is not on the server")
    shown = facts.look(wish.name)
    base = facts.look(wish.origin) if wish.origin else None
    if shown is None or wish.recipe is None or (wish.origin and base is None):
        return Step(wish, "missing", "build", "not on the server")
    found = tuple(differences(wish.recipe, shown, base))
    if not found:
        reason = "it is what the Modelfile says"
        return drifted(wish, facts) or Step(wish, "adopt", "adopt", reason)
    return replace(unlike, reason=_words(found), differences=found)


def _right(wish: Wish, facts: Facts) -> Step:
    entry = facts.record.get(wish.full)
    if entry is not None and entry.pending:
        return Step(wish, "adopt", "adopt", "the last sync did not see its end")
    return Step(wish, "up to date")


def _is_ours(facts: Facts, name: str) -> bool:
    entry = facts.record[name]
    return entry.pending or entry.digest == facts.digest(name)


def _will_change(origin: Step) -> bool:
    return bool(origin.action) and origin.state in _CHANGING


def _means(lock: Locked, wish: Wish, facts: Facts) -> bool:
    """Whether what is locked is this Modelfile on this base."""
    if wish.recipe is None or lock.fingerprint != wish.recipe.fingerprint:
        return False
    same_base = full_name(lock.base or "") == full_name(wish.origin)
    base = facts.digest(wish.source)
    return same_base and (not lock.base_digest or lock.base_digest == f"sha256:{base}")


def _words(found: tuple[Difference, ...]) -> str:
    shown = [
        f"{one.field.removeprefix('parameters.')} is {_short(one.found)}, should be"
        f" {_short(one.wanted)}"
        for one in found[:3]
    ]
    more = [f"{len(found) - 3} more"] if len(found) > 3 else []
    return "; ".join([*shown, *more])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return (line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}...") or "not set"
