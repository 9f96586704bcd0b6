"""Makes an Ollama server hold what the registry names. So far: pulls the base models it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.progress import Watch
from mlws_scaffold.models.registry import Model

State = Literal["present", "missing", "pulled", "failed", "drift", "not built"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry. `cure` is empty where nothing is left to do."""

    key: str
    name: str
    state: State
    detail: str = ""
    cure: str = ""

    @property
    def ok(self) -> bool:
        return self.state in ("present", "pulled")


def compare(models: Mapping[str, Model], held: Mapping[str, str]) -> Iterator[Result]:
    """Each entry against what the server holds (`full_name` -> digest). Asks nobody."""
    for key, model in models.items():
        name = model.name_in_ollama(key)
        digest = held.get(ollama.full_name(name))
        wanted = (model.digest or "").removeprefix("sha256:")
        if model.source == "custom":
            yield _custom(key, name, model)
        elif digest is None:
            yield Result(key, name, "missing", "not on the server", f"mlws model sync {key}")
        elif wanted and digest != wanted:
            yield Result(
                key,
                name,
                "drift",
                f"the server has {digest[:12]}, the registry expects {wanted[:12]}",
                "pull the expected model under a name of its own, or correct `digest`",
            )
        else:
            yield Result(key, name, "present")


def plan(host: str, models: Mapping[str, Model]) -> Iterator[Result]:
    """What `sync` would find and do, without doing it. Raises Unavailable."""
    yield from compare(models, ollama.installed(host))


def sync(host: str, models: Mapping[str, Model], watch: Watch) -> Iterator[Result]:
    """Pull what is missing, one after the other; a failure does not stop the next one.

    Yields each result when it is known. Raises Unavailable when the server cannot be asked at all.
    """
    for result in compare(models, ollama.installed(host)):
        if result.state != "missing":
            yield result
            continue
        try:
            for progress in ollama.pull(host, result.name):
                watch(result.key, progress)
            # The digest of what came is judged like one that was there.
            chosen = {result.key: models[result.key]}
            after = next(compare(chosen, ollama.installed(host)))
        except MlwsError as error:
            yield Result(result.key, result.name, "failed", error.message, error.cure)
            continue
        if after.state == "present":
            yield Result(result.key, result.name, "pulled")
        elif after.state == "missing":
            detail = "the server said success and does not list the model"
            yield Result(result.key, result.name, "failed", detail, "look at the server's log")
        else:
            yield after


def _custom(key: str, name: str, model: Model) -> Result:
    if not model.modelfile:
        cure = "name its `modelfile` in models/registry.yaml"
        return Result(key, name, "not built", "has no Modelfile: not buildable", cure)
    cure = f"ollama create {name} -f {model.modelfile}"
    return Result(key, name, "not built", "custom models are not built by this version", cure)
