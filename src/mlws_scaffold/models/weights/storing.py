"""Adding weights: into the team's storage first, and only when they are whole there, into git."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlws_scaffold.adapters import buckets, digests, files, transfers
from mlws_scaffold.adapters.digests import Digest
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.models import registry
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.models.weights.manifest import Manifest, Weights
from mlws_scaffold.workspace import names, people
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import CHECKPOINTS, CONFIG
from mlws_scaffold.workspace.trained import Find, Trained

Watch = Callable[[str, int, int], None]
"""Called with the name of the model, the bytes done and the total."""

Keep = Callable[[transfers.Watch], None]

_IN_GIT = ("lfs", "dvc")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for: `origin` is a run or a path; an empty version is the registry's."""

    key: str
    origin: str
    version: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What is described now, and by which file. Not `new`: it was described already."""

    weights: Weights
    path: Path
    new: bool


def add(place: Workspace, wish: Wish, find: Find, watch: Watch, *, dry: bool = False) -> Added:
    """Keep the weights, then describe them in `models/checkpoints/NAME/<version>.yaml`.

    `find` says what the origin is. Killed at any point, it leaves no description of what is not
    whole in the storage; run again, it goes on. Raises UsageError, Unavailable, and MlwsError when
    the version is described as something else.
    """
    version = _version(place, wish)
    folder = place.root / CHECKPOINTS / wish.key
    with _turn(folder) as scratch:
        origin = find(wish.origin, scratch)
        digest = digests.of(origin.path)
        uri, keep = _home(place, wish.key, version, origin.path, digest)
        known = _known(place, wish.key, version, digest)
        weights = known or Weights(
            wish.key,
            version,
            _describe(place, wish, origin, digest, uri),
            manifest.file_of(place.layout, wish.key, version, uri),
        )
        path = place.layout.checkpoint(wish.key, version)
        if not dry:
            keep(lambda done, total: watch(wish.key, done, total))
            if known is None:
                manifest.write(place.layout, weights)
    return Added(weights, path, known is None)


def stored(place: Workspace, weights: Weights) -> Path | None:
    """Where this machine's `[models] storage` has it: it may be mounted elsewhere than for others.

    None when no storage is set, or when it is no folder of this machine.
    """
    home = _storage(place)
    if home is None:
        return None
    found = weights.manifest
    name = transfers.file_name(found.uri)
    return home / weights.key / _kept(weights.version, found.sha256) / name


def _version(place: Workspace, wish: Wish) -> str:
    if problem := names.problem_with_name(wish.key, dots=True):
        raise UsageError(f"{wish.key!r} is no name for a model: {problem}")
    entry = registry.load(place.layout).models.get(wish.key)
    known = str(entry.version) if entry and entry.version is not None else ""
    version = wish.version or known
    if not version or (version == "latest" and not wish.version):
        raise UsageError(
            f"models/registry.yaml names no version of {wish.key}", "name one: --version v1.0.0"
        )
    if problem := names.problem_with_version(version):
        raise UsageError(f"the version {version!r}: {problem}")
    return version


def _known(place: Workspace, key: str, version: str, digest: Digest) -> Weights | None:
    if not place.layout.checkpoint(key, version).exists():
        return None
    known = manifest.load(place.layout, key, version)
    if known.manifest.sha256 != digest.sha256:
        raise MlwsError(
            f"{key} {version} is described as other weights (sha256 {known.manifest.sha256}), "
            f"these have {digest.sha256}",
            "a version stands for one content: choose another --version",
        )
    return known


def _home(
    place: Workspace, key: str, version: str, origin: Path, digest: Digest
) -> tuple[str, Keep]:
    """How others find it where it is kept, and what brings it there.

    Raises UsageError when no place is set.
    """
    name = transfers.file_name(origin.absolute().as_posix())
    named = place.config.models.storage
    if buckets.is_bucket(named):
        uri = "/".join((named.rstrip("/"), key, _kept(version, digest.sha256), name))
        return uri, lambda watch: buckets.put(origin, uri, watch)
    storage = _storage(place)
    if storage is not None:
        target = storage / key / _kept(version, digest.sha256) / name
    elif place.config.data.answer in _IN_GIT:
        # Git LFS and DVC keep what lies in the work tree.
        target = place.layout.checkpoint(key, version).with_suffix("") / name
    else:
        raise UsageError(
            f"[models] storage in {CONFIG} is not set, so nobody else would get the weights",
            'name a folder that the team reaches: storage = "/mnt/models"',
        )

    def keep(watch: transfers.Watch) -> None:
        with _folder(target.parent):
            transfers.keep(origin, digest, target, watch)

    root, real = place.root.resolve(), target.resolve()
    inside = real.is_relative_to(root)
    return (real.relative_to(root).as_posix() if inside else real.as_uri()), keep


def _storage(place: Workspace) -> Path | None:
    """The folder of `[models] storage`; None without one."""
    named = place.config.models.storage
    return place.root / named if named and not buckets.is_bucket(named) else None


def _kept(version: str, sha256: str) -> str:
    """A folder that people can read and that two branches never share for different weights."""
    return f"{version}-{sha256[:12]}"


def _describe(place: Workspace, wish: Wish, origin: Trained, digest: Digest, uri: str) -> Manifest:
    email = Git(place.root).setting("user.email")
    return Manifest(
        uri=uri,
        sha256=digest.sha256,
        size=digest.size,
        run=origin.run or None,
        experiment=origin.experiment or None,
        commit=origin.commit or None,
        licence=wish.licence or None,
        by=people.by_email(place.config, email) or email or None,
        at=datetime.now(UTC).replace(microsecond=0),
    )


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder that is gone again when nothing came into it."""
    transfers.make_folder(path, "[models] storage, or its rights")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.rmdir()


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[Path]:
    """One at a time for a model on this machine; yields a folder for what is fetched first."""
    with _folder(folder), files.locked(folder):
        scratch = folder / ".incoming"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
