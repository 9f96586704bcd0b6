"""The declaration of data: measured from a path or an address."""

from __future__ import annotations

import re
from pathlib import Path

from mlws_scaffold.adapters import digests, downloads, files, transfers
from mlws_scaffold.adapters.digests import Digest
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.data import storage
from mlws_scaffold.experiments.data.transfer import Watch
from mlws_scaffold.experiments.spec import DataSource
from mlws_scaffold.workspace.config import Workspace


def measure(place: Workspace, name: str, what: str, uri: str, watch: Watch) -> DataSource:
    """The declaration of a local path or of an address, which is fetched for it.

    Raises UsageError when there is no such path, or when nobody else could get at it.
    """
    if re.match(r"https?://", what):
        if uri:
            raise UsageError("--uri is for a path: an address is its own uri")
        return _measure_address(place, name, what, watch)
    path = transfers.local(what) if what.startswith("file:") else Path(what).absolute()
    if not path.exists():
        raise UsageError(f"there is no {path}")
    digest = digests.of(path)
    if uri:
        if not uri.startswith("file:") and (why := downloads.refusal(uri)):
            raise UsageError(f"{uri} {why}")
        return _source(name, uri, digest)
    root = place.root.resolve()
    if path.resolve().is_relative_to(root) and not path.resolve().is_relative_to(
        storage.store(place).resolve()
    ):
        return _source(name, path.resolve().relative_to(root).as_posix(), digest)
    if place.config.data.storage:
        path = _keep(place, path, digest)
    return _source(name, path.resolve().as_uri(), digest)


def _measure_address(place: Workspace, name: str, url: str, watch: Watch) -> DataSource:
    home = storage.store(place)
    storage.folder(home)
    with files.beside(home / "incoming") as scratch:
        part = scratch / "part"
        downloads.fetch(downloads.Wish(url, part), lambda done, total: watch(name, done, total))
        digest = digests.of(part)
        target = storage.kept(place, digest.sha256, url)
        storage.folder(target.parent)
        with files.locked(target.parent):
            transfers.name(part, target)
    return _source(name, url, digest)


def _keep(place: Workspace, path: Path, digest: Digest) -> Path:
    """Copy into the shared storage, where everybody finds it by its hash."""
    target = storage.kept(place, digest.sha256, path.as_uri())
    storage.folder(target.parent)
    transfers.keep(path, digest, target)
    return target


def _source(name: str, uri: str, digest: Digest) -> DataSource:
    return DataSource(name=name, uri=uri, sha256=digest.sha256, size=digest.size, licence=None)
