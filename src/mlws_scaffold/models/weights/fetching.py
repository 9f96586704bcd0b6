"""Weights on this machine: fetched by their hash, and compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.adapters import digests, transfers
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.models import registry
from mlws_scaffold.models.weights import manifest, storing
from mlws_scaffold.models.weights.manifest import Weights
from mlws_scaffold.models.weights.storing import Watch
from mlws_scaffold.workspace.config import Workspace

State = Literal["there", "pulled", "ok", "differs", "missing", "failed"]

# What git keeps itself, or what a tool beside it keeps, is fetched by that tool.
_HOW = {"lfs": "git lfs pull", "dvc": "dvc pull", "manifest": "restore it, or ask who added it"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one version. `found` is the sha256 of what lies at `path`, if it differs.

    failed: `why` says what stood in the way.
    """

    weights: Weights
    state: State
    path: Path
    found: str = ""
    why: MlwsError | None = None

    @property
    def exit_code(self) -> int:
        if self.why is not None:
            return self.why.exit_code
        return {"differs": 1, "missing": 4}.get(self.state, 0)


def wanted(place: Workspace, key: str, version: str) -> Weights:
    """The version to pull: the named one, else the registry's, else the only one.

    Raises UsageError when that is none, InvalidFile for a broken description.
    """
    manifest.select(place.layout, [key])  # refuses a name that has none
    known = manifest.versions(place.layout, key)
    entry = registry.load(place.layout).models.get(key)
    current = str(entry.version) if entry else ""
    chosen = version or (current if current in known else "")
    if not chosen and len(known) == 1:
        chosen = known[0]
    if chosen not in known:
        raise UsageError(
            f"no weights are described for {key} {chosen or current}",
            f"name a version with --version: {', '.join(known)}",
        )
    return manifest.load(place.layout, key, chosen)


def pull(place: Workspace, weights: Weights, watch: Watch) -> Finding:
    """Fetch what is missing or spoilt; what comes with another hash is never used.

    A broken transfer goes on with the next command. Raises UsageError, MlwsError, Unavailable.
    """
    found, path = weights.manifest, weights.path
    if path.exists() and digests.of(path).sha256 == found.sha256:
        return Finding(weights, "there", path)
    origin = _origin(place, weights)
    transfers.make_folder(path.parent, "its rights")
    wish = transfers.Wish(origin, found.sha256, found.size, objects=True)
    new = transfers.bring(wish, path, lambda done, total: watch(weights.key, done, total))
    return Finding(weights, "pulled" if new else "there", path)


def verify(place: Workspace, wanted: Iterable[Weights]) -> Iterator[Finding]:
    """Hash again what lies here; for what was never pulled, what lies in the storage."""
    for weights in wanted:
        try:
            yield _verify(place, weights)
        except MlwsError as error:
            yield Finding(weights, "failed", weights.path, why=error)


def ensure(place: Workspace, paths: Iterable[Path], watch: Watch) -> Iterator[Finding]:
    """Pull what a Modelfile's FROM and ADAPTER name and this machine does not have yet.

    Paths that no description covers are left alone. Raises as `pull` does.
    """
    found = (manifest.of_file(place.layout, path) for path in paths)
    chosen = {weights.path: weights for weights in found if weights is not None}
    for weights in chosen.values():
        yield pull(place, weights, watch)


def _verify(place: Workspace, weights: Weights) -> Finding:
    path = weights.path
    if not path.exists():
        path = _reachable(place, weights) or path
    if not path.exists():
        return Finding(weights, "missing", path)
    sha256 = digests.of(path).sha256
    if sha256 != weights.manifest.sha256:
        return Finding(weights, "differs", path, sha256)
    return Finding(weights, "ok", path)


def _origin(place: Workspace, weights: Weights) -> str:
    """The address to fetch from: this machine's storage where it has it, else the described one."""
    uri = manifest.address(weights.manifest.uri)
    if transfers.inside(place.root, uri) is not None:
        state = "is not what was described" if weights.path.exists() else "is not there"
        raise Unavailable(f"{uri} {state}", _HOW[place.config.data.answer])
    kept = storing.stored(place, weights)
    return kept.resolve().as_uri() if kept is not None and kept.exists() else uri


def _reachable(place: Workspace, weights: Weights) -> Path | None:
    """Where a machine that never pulled can read the weights; None where only a download could."""
    if transfers.inside(place.root, manifest.address(weights.manifest.uri)) is not None:
        return None
    uri = _origin(place, weights)
    return transfers.local(uri) if uri.startswith("file:") else None
