"""`/api/tags`, `/api/show`, `/api/ps`: what the server tells of what it holds."""

from __future__ import annotations

import json
import random
import re
import time
from datetime import UTC, datetime
from typing import Any

from tests.support.fake_ollama import gotext
from tests.support.fake_ollama.names import Name
from tests.support.fake_ollama.store import Store


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def listed(store: Store) -> list[dict[str, Any]]:
    """Newest first, as the server sorts."""
    with store.lock:
        names = sorted(store.manifests, key=lambda name: -store.modified[name])
        return [_entry(store, name) for name in names]


def _entry(store: Store, name: Name) -> dict[str, Any]:
    manifest, about = store.manifest(name) or {}, store.config(name)
    stub = {key: about[key] for key in ("remote_model", "remote_host") if about.get(key)}
    sizes = [layer["size"] for layer in [*manifest["layers"], manifest["config"]]]
    return {
        "name": str(name),
        "model": str(name),
        **stub,
        "modified_at": moment(store.modified[name]),
        "size": sum(sizes),
        "digest": store.digest(name),
        "details": details(store, name),
        "capabilities": ["completion"],
    }


def details(store: Store, name: Name) -> dict[str, Any]:
    about = store.config(name)
    return {
        "parent_model": _parent(store, name),
        "format": about["model_format"],
        "family": about["model_family"],
        "families": about["model_families"] or None,
        "parameter_size": about["model_type"],
        "quantization_level": about["file_type"],
    }


def _parent(store: Store, name: Name) -> str:
    for layer in (store.manifest(name) or {"layers": []})["layers"]:
        if layer["mediaType"].endswith(".model"):
            return str(layer.get("from", ""))
    return ""


def parameters(store: Store, name: Name) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for data in store.layers(name, "params"):
        found = json.loads(data, parse_int=float)
    return found


def text_of(store: Store, name: Name, kind: str) -> str:
    found = store.layers(name, kind)
    return found[-1].decode() if found else ""


def messages(store: Store, name: Name) -> list[dict[str, str]]:
    found = text_of(store, name, "messages")
    return list(json.loads(found)) if found else []


def shown(store: Store, name: Name, shuffle: random.Random) -> dict[str, Any]:
    """What `show` answers. Go's maps have no order: parameters come in another one every time.

    Renderer and parser are in the text of the Modelfile only, as in the versions up to 0.33.
    """
    about = store.config(name)
    pairs = list(parameters(store, name).items())
    shuffle.shuffle(pairs)
    each = [
        (key, one)
        for key, value in pairs
        for one in (value if isinstance(value, list) else [value])
    ]
    licenses = [data.decode() for data in store.layers(name, "license")]
    data = {
        "license": "\n".join(licenses),
        "modelfile": _modelfile(store, name, each),
        "parameters": "\n".join(f"{key:<30} {gotext.sharp(one)}" for key, one in each),
        "template": text_of(store, name, "template"),
        "system": text_of(store, name, "system"),
        "details": details(store, name),
        "messages": messages(store, name),
        "requires": about.get("requires", ""),
        "remote_host": about.get("remote_host", ""),
        "remote_model": about.get("remote_model", ""),
    }
    always = {
        "model_info": {"general.architecture": about["model_family"]},
        "capabilities": ["completion"],
        "modified_at": moment(store.modified[store.known(name)]),
    }
    return {**{key: value for key, value in data.items() if value}, **always}


def _modelfile(store: Store, name: Name, each: list[tuple[str, Any]]) -> str:
    """With the server's quoting, which not every parser reads back."""
    about = store.config(name)
    blobs: dict[str, list[str]] = {"model": [], "adapter": [], "draft": []}
    for layer in (store.manifest(name) or {"layers": []})["layers"]:
        kind = layer["mediaType"].rpartition(".")[2]
        if kind in blobs:
            blobs[kind].append("/models/blobs/" + layer["digest"].replace(":", "-"))
    lines = [f"FROM {path}" for path in blobs["model"][:1] or [""]]
    lines += [f"ADAPTER {path}" for path in blobs["adapter"]]
    lines += [f"DRAFT {path}" for path in blobs["draft"]]
    lines += [f"FROM {path}" for path in blobs["model"][1:]]
    for word in ("template", "system"):
        if text := text_of(store, name, word):
            lines.append(f"{word.upper()} {gotext.argument(text)}")
    for word in ("renderer", "parser"):
        if about.get(word):
            lines.append(f"{word.upper()} {gotext.argument(about[word])}")
    lines += [f"PARAMETER {key} {gotext.argument(gotext.bare(one))}" for key, one in each]
    lines += [f"LICENSE {gotext.argument(data.decode())}" for data in store.layers(name, "license")]
    lines += [
        f"MESSAGE {one['role']} {gotext.argument(one['content'])}" for one in messages(store, name)
    ]
    head = (
        '# Modelfile generated by "ollama show"\n'
        "# To build a new Modelfile based on this, replace FROM with:\n"
        f"# FROM {name}\n\n"
    )
    return head + "\n".join(lines) + "\n"


def keep(value: object) -> float:
    """Seconds of `keep_alive`: a number, or Go's form of a duration. Five minutes by default."""
    if isinstance(value, int | float):
        return float(value)
    match = re.fullmatch(r"(-?\d+)(ms|s|m|h)", str(value))
    return int(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 300.0


def in_memory(store: Store, loaded: dict[Name, dict[str, Any]]) -> list[dict[str, Any]]:
    """What `ps` answers, the longest kept first."""
    now = time.time()
    rows = [
        {
            "name": str(name),
            "model": str(name),
            "size": state["size"],
            "digest": store.digest(name),
            "details": details(store, name),
            "expires_at": moment(state["until"]),
            "size_vram": state["vram"],
            "context_length": state["context"],
        }
        for name, state in loaded.items()
        if state["until"] > now
    ]
    return sorted(rows, key=lambda row: row["expires_at"], reverse=True)
