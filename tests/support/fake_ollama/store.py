"""The server's own disk: blobs by digest, manifests by name, parts of downloads."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.fake_ollama.library import LAYER, Offer, digest_of
from tests.support.fake_ollama.names import Name

DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}")


class DiskFull(Exception):
    """What the operating system says; the text is the server's."""


class Store:
    """Everything under one lock. With a folder, it is written through in the real layout."""

    def __init__(self, folder: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[Name, bytes] = {}
        self.modified: dict[Name, float] = {}
        self.partial: dict[str, int] = {}
        self.room: int | None = None
        self._folder = folder
        if folder is not None:
            self._load(folder)

    def known(self, name: Name) -> Name:
        """The name in the spelling of what is there: each part is compared without case."""
        found = list(name)
        with self.lock:
            if name in self.manifests:
                return name
            for existing in self.manifests:
                for place, part in enumerate(existing):
                    if part.lower() == name[place].lower():
                        found[place] = part
        return Name(*found)

    def manifest(self, name: Name) -> dict[str, Any] | None:
        with self.lock:
            data = self.manifests.get(self.known(name))
        return json.loads(data) if data is not None else None

    def digest(self, name: Name) -> str:
        with self.lock:
            return digest_of(self.manifests[self.known(name)]).removeprefix("sha256:")

    def config(self, name: Name) -> dict[str, Any]:
        manifest = self.manifest(name) or {}
        return dict(json.loads(self.blobs[manifest["config"]["digest"]]))

    def layers(self, name: Name, kind: str) -> list[bytes]:
        """The contents of a model's layers of one kind."""
        manifest = self.manifest(name) or {"layers": []}
        return [
            self.blobs[layer["digest"]]
            for layer in manifest["layers"]
            if layer["mediaType"] == LAYER + kind
        ]

    def put_blob(self, data: bytes) -> tuple[str, bool]:
        """Digest, and whether it was new. Raises DiskFull."""
        digest = digest_of(data)
        with self.lock:
            is_new = digest not in self.blobs
            if self.room is not None:
                self.room += self.partial.get(digest, 0)
            if is_new:
                self._take(len(data), f"blobs/{digest.replace(':', '-')}")
                self.blobs[digest] = data
                self._write(f"blobs/{digest.replace(':', '-')}", data)
            self.partial.pop(digest, None)
        return digest, is_new

    def note_part(self, digest: str, completed: int) -> None:
        with self.lock:
            more = completed - self.partial.get(digest, 0)
            self._take(more, f"blobs/{digest.replace(':', '-')}-partial")
            self.partial[digest] = completed
            self._write(f"parts/{digest.replace(':', '-')}", str(completed).encode())

    def put_manifest(self, name: Name, data: bytes) -> None:
        with self.lock:
            name = self.known(name)
            self.manifests[name] = data
            self.modified[name] = time.time()
            self._write("manifests/" + "/".join(name), data)

    def put(self, name: Name, offer: Offer) -> None:
        """A model as a finished pull leaves it."""
        with self.lock:
            for data in offer.blobs.values():
                self.put_blob(data)
            self.put_manifest(name, offer.manifest)

    def remove(self, name: Name) -> None:
        """A name, and the layers that no other one uses."""
        with self.lock:
            name = self.known(name)
            old = json.loads(self.manifests.pop(name))
            self.modified.pop(name)
            self._unlink("manifests/" + "/".join(name))
            self.prune(digest["digest"] for digest in [*old["layers"], old["config"]])

    def prune(self, digests: Iterator[str] | list[str]) -> None:
        with self.lock:
            used = self.used()
            for digest in list(digests):
                if digest not in used and digest in self.blobs:
                    data = self.blobs.pop(digest)
                    if self.room is not None:
                        self.room += len(data)
                    self._unlink(f"blobs/{digest.replace(':', '-')}")

    def used(self) -> set[str]:
        with self.lock:
            whole = [json.loads(data) for data in self.manifests.values()]
        return {one["digest"] for found in whole for one in [*found["layers"], found["config"]]}

    def restart(self, lose_parts: bool = True) -> None:
        """What a start throws away: blobs that nothing uses and, when they are old, parts."""
        with self.lock:
            self.prune(list(self.blobs))
            if lose_parts:
                for digest in list(self.partial):
                    del self.partial[digest]
                    self._unlink(f"parts/{digest.replace(':', '-')}")

    def _take(self, size: int, what: str) -> None:
        if self.room is not None and size > 0:
            if size > self.room:
                raise DiskFull(f"write /models/{what}: no space left on device")
            self.room -= size

    def _write(self, path: str, data: bytes) -> None:
        if self._folder is not None:
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(target.name + ".new")
            fresh.write_bytes(data)
            fresh.replace(target)

    def _unlink(self, path: str) -> None:
        if self._folder is not None:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / path).unlink()

    def _load(self, folder: Path) -> None:
        for path in folder.glob("blobs/sha256-*"):
            if not path.name.endswith(".new"):
                self.blobs[path.name.replace("-", ":", 1)] = path.read_bytes()
        for path in folder.glob("manifests/*/*/*/*"):
            if not path.name.endswith(".new"):
                name = Name(*path.relative_to(folder / "manifests").parts)
                self.manifests[name] = path.read_bytes()
                self.modified[name] = path.stat().st_mtime
        for path in folder.glob("parts/sha256-*"):
            if not path.name.endswith(".new"):
                self.partial[path.name.replace("-", ":", 1)] = int(path.read_text())
