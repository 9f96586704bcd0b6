"""Where data lies on this machine: by its hash, in `[data] storage` or an ignored folder."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.adapters import transfers
from mlws_scaffold.experiments.spec import DataSource
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import DATASETS


def store(place: Workspace) -> Path:
    """Where data lies: `[data] storage`, else the ignored folder of the workspace."""
    return place.root / (place.config.data.storage or DATASETS)


def path_of(place: Workspace, source: DataSource) -> Path:
    """Where the data of a declaration lies on this machine, once it was pulled.

    A path without a scheme counts from the root of the workspace and is used in place.
    """
    if (path := transfers.inside(place.root, source.uri)) is not None:
        return path
    if source.sha256 is None:
        return store(place) / "unpinned" / transfers.file_name(source.uri)
    return kept(place, source.sha256, source.uri)


def kept(place: Workspace, sha256: str, uri: str) -> Path:
    """Where content of this hash lies."""
    return store(place) / sha256[:16] / transfers.file_name(uri)


def folder(path: Path) -> None:
    """Make a folder of the store. Raises Unavailable."""
    transfers.make_folder(path, "[data] storage")
