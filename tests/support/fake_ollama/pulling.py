"""`/api/pull`: the manifest, layer after layer, verified, written."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.fake_ollama.library import Library, Offer
from tests.support.fake_ollama.names import Name
from tests.support.fake_ollama.store import DiskFull, Store

Line = dict[str, Any]
# Shares of a layer that are told; the server may fall back when a part has to be fetched again.
STEPS = (0.0, 0.4, 0.3, 1.0)


class Refusal(Exception):
    """An error of the server: its words, and the status where it is the first thing said."""

    def __init__(self, words: str, status: int = 500) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


class Downloads:
    """One download for each digest, however many pulls wait for it."""

    def __init__(self, store: Store, library: Library) -> None:
        self._store = store
        self.library = library
        self._lock = threading.Lock()
        self._owners: set[str] = set()
        self.fetched: dict[str, int] = {}
        """How often each digest was begun to be fetched: a resumed or shared one counts once."""
        self.steps = STEPS
        self.pause: Callable[[], None] = lambda: None
        """Called after each line; raises when the client is gone."""

    def pull(self, name: Name, fault: str = "") -> Iterator[Line]:
        yield {"status": "pulling manifest"}
        offer = self.library.find(name)
        if offer is None:
            raise Refusal("pull model manifest: file does not exist")
        old = self._store.manifest(name)
        manifest = json.loads(offer.manifest)
        for layer in [*manifest["layers"], manifest["config"]]:
            yield from self._layer(layer["digest"], layer["size"], offer)
        yield {"status": "verifying sha256 digest"}
        if fault == "damaged":
            digest = manifest["layers"][0]["digest"]
            self._store.prune([digest])
            words = f"want {digest}, got {digest[:-4]}0000"
            raise Refusal(f"digest mismatch, file must be downloaded again: {words}")
        yield {"status": "writing manifest"}
        if fault != "unlisted":
            self._store.put_manifest(name, offer.manifest)
        if old is not None and old != manifest:
            yield {"status": "removing unused layers"}
            self._store.prune([one["digest"] for one in [*old["layers"], old["config"]]])
        yield {"status": "success"}

    def _layer(self, digest: str, size: int, offer: Offer) -> Iterator[Line]:
        line = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": size}
        if digest in self._store.blobs:
            yield {**line, "completed": size}
            return
        while digest not in self._store.blobs:
            if self._owns(digest):
                try:
                    yield from self._fetch(line, digest, size, offer)
                finally:
                    with self._lock:
                        self._owners.discard(digest)
            else:
                yield _told(line, self._store.partial.get(digest, 0))
                self.pause()

    def _owns(self, digest: str) -> bool:
        with self._lock:
            if digest in self._owners:
                return False
            self._owners.add(digest)
            return True

    def _fetch(self, line: Line, digest: str, size: int, offer: Offer) -> Iterator[Line]:
        have = self._store.partial.get(digest, 0)
        if not have:
            self.fetched[digest] = self.fetched.get(digest, 0) + 1
        best = have
        for share in self.steps:
            completed = int(size * share)
            if have and completed <= have and completed != size:
                continue
            if completed > best:
                try:
                    self._store.note_part(digest, completed)
                except DiskFull as error:
                    raise Refusal(str(error)) from None
                best = completed
            yield _told(line, completed)
            self.pause()
        self._store.put_blob(offer.blobs[digest])


def _told(line: Line, completed: int) -> Line:
    """`completed` is left out while it is 0."""
    return {**line, "completed": completed} if completed else dict(line)
