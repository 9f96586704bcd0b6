"""What a server is and holds: version, models, what is loaded.

Over `wire`, not the client: its list drops `remote_host`, its `ps` in older versions the context
length, and a command that only looks need not wait for its import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters.ollama import failures, wire
from mlws_scaffold.adapters.ollama.names import full_name, is_cloud
from mlws_scaffold.adapters.ollama.wire import CONNECT, Request, Target


@dataclass(frozen=True, slots=True)
class Held:
    """A model on the server. digest: 64 hex digits, of its manifest; size: bytes of all layers."""

    name: str
    digest: str
    size: int
    remote: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; sizes in bytes, context in tokens (0: an older server does not say)."""

    name: str
    digest: str
    size: int
    size_vram: int
    context_length: int

    @property
    def gpu_share(self) -> float | None:
        """Part of it that lies in the memory of GPUs, 0 to 1; None when nothing is told."""
        return min(1.0, self.size_vram / self.size) if self.size > 0 else None


def version(host: str, timeout: float = CONNECT) -> str:
    """Version of the server. Raises Unavailable when none answers as Ollama does."""
    found = _get(host, "/api/version", timeout).get("version")
    if not isinstance(found, str) or not found:
        raise failures.not_ollama(host, "its answer names no version")
    return found


def held(host: str, timeout: float = 30.0) -> dict[str, Held]:
    """Models on the server by `full_name`. Raises Unavailable."""
    found = {}
    for model in _models(host, "/api/tags", timeout):
        name = full_name(model["name"])
        remote = is_cloud(name) or bool(model.get("remote_host") or model.get("remote_model"))
        found[name] = Held(name, _digest(model), _number(model, "size"), remote)
    return found


def installed(host: str, timeout: float = 30.0) -> dict[str, str]:
    """Models on the server: `full_name` -> digest (64 hex digits). Raises Unavailable."""
    return {name: model.digest for name, model in held(host, timeout).items()}


def loaded(host: str, timeout: float = 30.0) -> list[Loaded]:
    """Models that the server has in memory now. Raises Unavailable."""
    return [
        Loaded(
            full_name(model["name"]),
            _digest(model),
            _number(model, "size"),
            _number(model, "size_vram"),
            _number(model, "context_length"),
        )
        for model in _models(host, "/api/ps", timeout)
    ]


def _models(host: str, path: str, timeout: float) -> list[dict[str, Any]]:
    models = _get(host, path, timeout).get("models")
    if not isinstance(models, list):
        raise failures.not_ollama(host, "its list of models is none")
    if not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in models):
        raise failures.not_ollama(host, "its list of models holds something else")
    return models


def _digest(model: dict[str, Any]) -> str:
    return str(model.get("digest") or "").removeprefix("sha256:")


def _number(model: dict[str, Any], key: str) -> int:
    value = model.get(key)
    return value if type(value) is int else 0


def _get(host: str, path: str, timeout: float) -> dict[str, Any]:
    target = Target(host, path, timeout)
    try:
        data = wire.ask(target, Request("GET", path, headers=wire.authorization()))
    except failures.ServerError as error:
        if error.again and not error.status:
            raise failures.unreachable(host, error.message) from None
        raise failures.not_ollama(host, error.message) from None
    if not isinstance(data, dict):
        raise failures.not_ollama(host, "its answer is no JSON object")
    return data
