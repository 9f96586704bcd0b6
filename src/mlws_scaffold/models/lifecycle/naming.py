"""Names on the production server: which ones a move gives, and how they are taken back.

`KEY:production` points at what is live; each version that ever was stays as `KEY:VERSION`. A name
is given by copying, which keeps the digest, and believed only when the server lists that digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.models import hosts
from mlws_scaffold.models.lifecycle.servers import asked
from mlws_scaffold.models.lifecycle.stages import Watch
from mlws_scaffold.models.registry import Live, Model
from mlws_scaffold.workspace import names

# Names of their own meaning: what sync builds, and the pointer.
_TAKEN = ("latest", hosts.PRODUCTION)
_UNRECORDED = "unrecorded-"


@dataclass(frozen=True, slots=True)
class Naming:
    """`name` is to hold `after`, copied from `source`; it held `before` (empty: nothing)."""

    name: str
    source: str
    before: str
    after: str

    def words(self) -> str:
        """What will be so, for people."""
        was = f" (now sha256:{self.before[:12]})" if self.before else ""
        return f"{self.name} becomes sha256:{self.after[:12]}{was}"

    def evidence(self) -> dict[str, Any]:
        return {"name": self.name, "before": self.before, "after": self.after}


def refuse_version(model: Model) -> str:
    """The version as a name can hold it. Raises UsageError for one that it cannot."""
    version = model.version
    if version is None:
        raise UsageError("the model has no version", "write one into the registry, such as v1.0.0")
    if not isinstance(version, str):
        cure = f'write it in quotes: version: "{version}"'
        raise UsageError(f"version {version} is a number, so 1.10 would be 1.1", cure)
    if problem := names.problem_with_version(version):
        raise UsageError(f"version {version!r}: {problem}", "such as v1.0.0")
    if version.casefold() in _TAKEN or version.casefold().startswith(_UNRECORDED):
        cure = "give it a version of its own, such as v1.0.0"
        raise UsageError(f"version {version!r} says nothing: it means something else", cure)
    return version


def for_promotion(
    held: Mapping[str, ollama.Held], key: str, model: Model, digest: str
) -> tuple[Naming, ...]:
    """The names that put the model with this digest (on the same server) into production.

    Raises MlwsError when a name is in the way or what is live cannot be kept.
    """
    version = refuse_version(model)
    own = Naming(hosts.kept(key, version), model.name_in_ollama(key), "", digest)
    keeping = tuple(_keeping(held, key, model))
    same = [one for one in keeping if ollama.full_name(one.name) == ollama.full_name(own.name)]
    if any(one.after != digest for one in same):
        said = f"{own.name} is what is live now, and that is another model"
        raise MlwsError(said, "give this one a new version")
    given = () if same else tuple(_put(held, own))
    return (*keeping, *given, *_pointing(held, key, own))


def for_rollback(
    held: Mapping[str, ollama.Held], key: str, model: Model, version: str, digest: str
) -> tuple[Naming, ...]:
    """The names that put a kept version with this digest back. Raises MlwsError as above."""
    kept = hosts.kept(key, version)
    found = _digest(held, kept)
    if not found:
        cure = "build it again from its commit and promote it, or name another with --to"
        raise MlwsError(f"{kept} is not on the server any more", cure)
    if found != digest:
        said = f"{kept} is sha256:{found[:12]}, in production was sha256:{digest[:12]}"
        raise MlwsError(said, "somebody gave that name to another model: name another with --to")
    pointing = tuple(_pointing(held, key, Naming(kept, "", found, digest)))
    now = _digest(held, hosts.alias(key))
    if not pointing or not now:
        return pointing
    # Going back must not wait for anything: what is there now is kept as well as it can be.
    own = hosts.kept(key, model.live.version) if model.live and _is(model.live, now) else ""
    if own and _digest(held, own) in ("", now):
        return (*_put(held, Naming(own, hosts.alias(key), "", now)), *pointing)
    return (*_aside(held, key), *pointing)


def give(host: str, names: Sequence[Naming], watch: Watch) -> None:
    """Copy one after the other, each verified by digest.

    Raises Unavailable also for a server that says it has copied and has not.
    """
    for one in names:
        watch(f"copy {one.source} -> {one.name}")
        with asked(host):
            ollama.copy(host, one.source, one.name)
        watch(f"verify {one.name}")
        found = ollama.installed(host).get(ollama.full_name(one.name), "")
        if found != one.after:
            said = f"{one.name} is sha256:{found[:12] or 'missing'} after the copy"
            raise Unavailable(f"{said}, not sha256:{one.after[:12]}", "look at the server's log")


def take_back(host: str, names: Sequence[Naming]) -> list[str]:
    """Bring the names back to what they were, the last one first; asking twice changes nothing.

    Returns remarks on names that somebody else changed meanwhile: those are left. Raises
    Unavailable when the server cannot be asked, MlwsError when what a name held is gone.
    """
    remarks: list[str] = []
    for one in reversed(names):
        now = ollama.installed(host)
        found = now.get(ollama.full_name(one.name), "")
        if found == one.before:
            continue
        if found not in ("", one.after):
            remarks.append(f"{one.name} is left as it is: it is neither the old nor the new model")
            continue
        with asked(host):
            if one.before:
                ollama.copy(host, _holding(now, one), one.name)
            else:
                ollama.delete(host, one.name)
        if ollama.installed(host).get(ollama.full_name(one.name), "") != one.before:
            raise MlwsError(f"{one.name} did not come back", "look at the server's log")
    return remarks


def _keeping(held: Mapping[str, ollama.Held], key: str, model: Model) -> Iterator[Naming]:
    """What is live stays under its own name. Raises MlwsError when it is not there to be kept."""
    alias, live = hosts.alias(key), model.live
    now = _digest(held, alias)
    if live is None:
        yield from _aside(held, key)
        return
    kept = hosts.kept(key, live.version)
    if now and not _is(live, now):
        said = f"{alias} is sha256:{now[:12]}, but {live.version} went live as {live.digest}"
        cure = f"put it back: mlws model rollback {key} --to {live.version}"
        raise MlwsError(f"{said}: it was changed outside", cure)
    if now:
        yield from _put(held, Naming(kept, alias, "", now))
    elif not _digest(held, kept):
        cure = "bring it there, or take `live` out of the registry when it is gone for good"
        raise MlwsError(f"{live.version} is live, but neither {alias} nor {kept} is there", cure)


def _aside(held: Mapping[str, ollama.Held], key: str) -> Iterator[Naming]:
    """What the alias holds and nobody recorded stays under a name that says so."""
    now = _digest(held, hosts.alias(key))
    if now:
        name = hosts.kept(key, f"{_UNRECORDED}{now[:12]}")
        yield from _put(held, Naming(name, hosts.alias(key), "", now))


def _is(live: Live, digest: str) -> bool:
    """Whether this may be what went live; a pointer that a person wrote may lack the digest."""
    return live.digest is None or live.digest.removeprefix("sha256:") == digest


def _put(held: Mapping[str, ollama.Held], wanted: Naming) -> Iterator[Naming]:
    """A name that is given once and never to anything else."""
    found = _digest(held, wanted.name)
    if found and found != wanted.after:
        said = f"{wanted.name} is another model already (sha256:{found[:12]})"
        raise MlwsError(said, "give this one a new version")
    if not found:
        yield wanted


def _pointing(held: Mapping[str, ollama.Held], key: str, kept: Naming) -> Iterator[Naming]:
    alias = hosts.alias(key)
    now = _digest(held, alias)
    if now != kept.after:
        yield Naming(alias, kept.name, now, kept.after)


def _holding(now: Mapping[str, str], one: Naming) -> str:
    name = next((name for name, digest in now.items() if digest == one.before), None)
    if name is None:
        said = f"no name on the server holds sha256:{one.before[:12]}, which {one.name} was"
        raise MlwsError(said, "build or pull it again")
    return name


def _digest(held: Mapping[str, ollama.Held], name: str) -> str:
    found = held.get(ollama.full_name(name))
    return found.digest if found else ""
