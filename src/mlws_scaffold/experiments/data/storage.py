"""Where data lies on this machine: by its hash, in `[data] storage` or an ignored folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
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
    if (path := inside(place, source.uri)) is not None:
        return path
    if source.sha256 is None:
        return store(place) / "unpinned" / _file_name(source.uri)
    return kept(place, source.sha256, source.uri)


def kept(place: Workspace, sha256: str, uri: str) -> Path:
    return store(place) / sha256[:16] / _file_name(uri)


def _file_name(uri: str) -> str:
    """The last part of an address, as a name that every file system takes."""
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    last = unquote(path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[:100] or "data"


def local(uri: str) -> Path:
    """The path behind a `file:` address. Raises UsageError when it lies on another machine."""
    match = re.fullmatch(r"file:(?://(?:localhost)?)?(/[^?#]*)", uri, re.IGNORECASE)
    path = unquote(match[1]) if match else ""
    if not path or path.startswith("//") or "\0" in path:
        raise UsageError(f"{uri} names no place here", "write file:///absolute/path")
    return Path(path)


def inside(place: Workspace, uri: str) -> Path | None:
    """The path that a uri without a scheme names below the root; None for any other uri."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri):
        return None
    path = place.root / uri
    if "\0" in uri or not path.resolve().is_relative_to(place.root.resolve()):
        raise UsageError(f"{uri} leads out of the workspace", "write file:///absolute/path")
    return path


def copy(origin: Path, part: Path) -> None:
    remove(part)
    try:
        if origin.is_dir():
            shutil.copytree(origin, part)
        else:
            shutil.copyfile(origin, part)
    except (OSError, shutil.Error) as error:
        remove(part)
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MlwsError(f"{origin} was not copied: {said}", "free space, or mend rights") from None


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be made: {error.strerror}", "mount it, or correct [data] storage"
        ) from error
