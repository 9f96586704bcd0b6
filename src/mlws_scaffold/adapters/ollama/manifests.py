"""What a registry offers under a name, without pulling it: for plans, sizes and moved tags.

The header and the five seconds are those of Ollama's desktop application. Everything here is
optional: offline, private and foreign registries answer nothing, and nothing depends on it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.ollama import wire
from mlws_scaffold.adapters.ollama.names import is_loopback, parts
from mlws_scaffold.adapters.ollama.wire import Request, Target
from mlws_scaffold.errors import MlwsError

_KIND = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True)
class Remote:
    """A model in a registry. digest: 64 hex digits; layers: bytes by digest, config included."""

    digest: str
    layers: Mapping[str, int]


def remote_manifest(name: str, timeout: float = 5.0) -> Remote | None:
    """The manifest behind a name; None when it cannot be had, for whatever reason."""
    found = parts(name)
    if found is None:
        return None
    # A registry on this machine speaks without TLS, as the server's `insecure` pull has it.
    scheme = "http" if is_loopback(f"http://{found.host}") else "https"
    target = Target(f"{scheme}://{found.host}", name, timeout)
    path = f"/v2/{found.namespace}/{found.model}/manifests/{found.tag}"
    try:
        with wire.exchange(target, Request("GET", path, headers={"Accept": _KIND})) as answer:
            text = wire.whole(answer)
            named = answer.headers.get("ollama-content-digest", "").removeprefix("sha256:")
            layers = _layers(json.loads(text))
    except MlwsError:
        return None
    whole = re.fullmatch("[0-9a-f]{64}", named)
    return Remote(named if whole else hashlib.sha256(text).hexdigest(), layers) if layers else None


def _layers(manifest: Any) -> dict[str, int]:
    """Empty when it is no manifest."""
    if not isinstance(manifest, dict) or not isinstance(manifest.get("layers"), list):
        return {}
    found = {}
    for layer in [*manifest["layers"], manifest.get("config")]:
        if isinstance(layer, dict) and type(layer.get("size")) is int:
            found[str(layer.get("digest"))] = layer["size"]
    return found
