"""Whether what is to be pulled fits on the server's disk; Ollama itself finds out when it is full.

It can be told where the server's folder of models lies on this machine and the registry says how
large a model is. Everything else is unknown, which stops nothing.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlws_scaffold.adapters.ollama import Held, Remote
from mlws_scaffold.adapters.ollama.names import parts

Ask = Callable[[str], Remote | None]
# Blobs are written beside their parts, and other things grow as well.
_MARGIN = 500_000_000
_SERVICE = Path("/usr/share/ollama/.ollama/models")


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder of models, and the bytes that pulls may take there."""

    folder: Path
    free: int


@dataclass(frozen=True, slots=True)
class Room:
    """lacking: per name, why it does not fit. note: what could not be told."""

    lacking: Mapping[str, str]
    note: str = ""


def survey(names: Iterable[str], disk: Disk | None, ask: Ask) -> Room:
    """Which of the names, pulled one after the other, find no room."""
    if disk is None:
        return Room({}, "free space was not checked: the server's folder of models is not known")
    folder, free, lacking, unknown = disk.folder, disk.free, dict[str, str](), list[str]()
    counted: set[str] = set()
    for name in names:
        found = ask(name) if not unknown else None
        if found is None:
            unknown.append(name)
            continue
        missing = {digest: size for digest, size in found.layers.items() if digest not in counted}
        size = sum(_lacking(folder, digest, size) for digest, size in missing.items())
        if size > free:
            left = max(0, free)
            lacking[name] = f"needs {_shown(size)}, and {_shown(left)} are free in {folder}"
            continue
        free -= size
        counted |= missing.keys()
    note = f"free space was not checked for {', '.join(unknown)}: no size is known"
    return Room(lacking, note if unknown else "")


def disk_of(host: str, environment: Mapping[str, str], held: Mapping[str, Held]) -> Disk | None:
    """The disk of a server on this machine, where its folder is proven to be that server's.

    What listens here may be a tunnel, or run in a container: a manifest must be the same.
    """
    if (urlsplit(host).hostname or "") not in ("localhost", "127.0.0.1", "::1"):
        return None
    named = environment.get("OLLAMA_MODELS", "").strip()
    places = [Path(named)] if named else [Path.home() / ".ollama/models", _SERVICE]
    folder = next((place for place in places if _belongs(place, held)), None)
    return None if folder is None else Disk(folder, shutil.disk_usage(folder).free - _MARGIN)


def _lacking(folder: Path, digest: str, size: int) -> int:
    """Bytes of a layer that are not on the disk; a download that was cut off has left a part."""
    blob = folder / "blobs" / digest.replace(":", "-")
    if blob.exists():
        return 0
    try:
        # The part has its full length from the start: what counts is what was written.
        return max(0, size - blob.with_name(f"{blob.name}-partial").stat().st_blocks * 512)
    except OSError:
        return size


def _belongs(place: Path, held: Mapping[str, Held]) -> bool:
    try:
        if not (place / "blobs").is_dir():
            return False
        if not held:
            return not any((place / "manifests").glob("*/*/*/*"))
        return any(_same(place, model) for model in held.values())
    except OSError:
        return False


def _same(place: Path, model: Held) -> bool:
    found = parts(model.name)
    if found is None:
        return False
    path = place / "manifests" / found.host / found.namespace / found.model / found.tag
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == model.digest
    except OSError:
        return False


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
