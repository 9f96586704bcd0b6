"""What a registry offers: models as real manifests and blobs, the same bytes at every run."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.support.fake_ollama import gotext
from tests.support.fake_ollama.names import Name, parse

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.ollama.image."


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config(**values: Any) -> bytes:
    """The config blob, fields in the order of the server's struct, empty ones left out."""
    first = {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "8.0B",
        "file_type": "Q4_K_M",
    }
    last = {"architecture": "amd64", "os": "linux"}
    extra = {key: value for key, value in values.items() if value and key not in first}
    return gotext.encode({**{key: values.get(key, first[key]) for key in first}, **extra, **last})


def manifest(config_blob: bytes, layers: list[dict[str, Any]]) -> bytes:
    described = {"mediaType": CONFIG, "digest": digest_of(config_blob), "size": len(config_blob)}
    whole = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    return gotext.encode(whole)


@dataclass(frozen=True)
class Recipe:
    """What makes a model of a library. `revision` moves the tag: other weights, other digest.

    size: bytes that the manifest declares for the weights, where they shall look large.
    """

    revision: int = 1
    template: str = "{{ .System }}\n{{ .Prompt }}"
    system: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"stop": ["<|eot_id|>"]})
    licenses: tuple[str, ...] = ("The fake licence, version 1.",)
    size: int | None = None
    remote: bool = False


@dataclass(frozen=True)
class Offer:
    manifest: bytes
    blobs: dict[str, bytes]
    weights: str

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return digest_of(self.manifest).removeprefix("sha256:")


def weights(name: str, revision: int = 1, size: int = 1000) -> bytes:
    """Bytes that look like a GGUF file by their first four."""
    seed = hashlib.sha256(f"{name} {revision}".encode()).digest()
    return (b"GGUF" + seed * (size // len(seed) + 1))[:size]


def make(name: Name, recipe: Recipe) -> Offer:
    blobs: dict[str, bytes] = {}
    layers: list[dict[str, Any]] = []

    def put(kind: str, data: bytes, size: int | None = None) -> str:
        digest = digest_of(data)
        blobs[digest] = data
        layers.append({"mediaType": LAYER + kind, "digest": digest, "size": size or len(data)})
        return digest

    if recipe.remote:
        stub = {"remote_host": "https://ollama.com:443", "remote_model": name.model}
        about = config(**stub, model_format="", model_family="", model_families=None)
        whole = {digest_of(about): about}
        return Offer(manifest(about, []), whole, "")
    # Tags of one model have weights of their own, as 8b and 70b do.
    found = put("model", weights(str(name), recipe.revision), recipe.size)
    put("template", recipe.template.encode())
    if recipe.system:
        put("system", recipe.system.encode())
    for text in recipe.licenses:
        put("license", text.encode())
    if recipe.parameters:
        put("params", gotext.encode(dict(sorted(recipe.parameters.items()))))
    about = config()
    blobs[digest_of(about)] = about
    return Offer(manifest(about, layers), blobs, found)


class Library:
    """Offers by name, compared without case. The host of a loopback registry is not looked at."""

    def __init__(self) -> None:
        self._offers: dict[tuple[str, ...], Offer] = {}
        self._lock = threading.Lock()

    def offer(self, name: str, **recipe: Any) -> Offer:
        """Offer a model, or move its tag to another one."""
        parsed = parse(name)
        is_stub = parsed.tag.lower() == "cloud" or parsed.tag.lower().endswith("-cloud")
        found = make(parsed, Recipe(**{"remote": is_stub, **recipe}))
        with self._lock:
            self._offers[self._key(parsed)] = found
        return found

    def withdraw(self, name: str) -> None:
        with self._lock:
            del self._offers[self._key(parse(name))]

    def find(self, name: Name) -> Offer | None:
        with self._lock:
            return self._offers.get(self._key(name))

    @staticmethod
    def _key(name: Name) -> tuple[str, ...]:
        is_here = name.host.startswith(("127.", "localhost", "[::1]"))
        return name.folded[1:] if is_here or name.host == "registry.ollama.ai" else name.folded
