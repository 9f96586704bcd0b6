"""Rules for Modelfiles: what the linter says of them, and when they may change."""

from __future__ import annotations

from collections.abc import Iterator

from mlws_scaffold.adapters import documents
from mlws_scaffold.checks import projects
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.models import known_registry
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models import modelfile, registry
from mlws_scaffold.models.registry import Model, Registry
from mlws_scaffold.workspace.layout import REGISTRY

# MOD002 asks whether a Modelfile is there, MOD003 whether it can be read and agrees.
_ASKED_ELSEWHERE = frozenset({"MF001", "MF004"})
_MOST_BYTES = 10_000_000


class ModelfilesSound(Check):
    """What Ollama refuses or takes otherwise than meant shows only when a model is built, or not
    even then.

    Each finding names its rule (MF…); `mlws model lint` says the same and docs/reference.md lists
    the rules.
    """

    id, area, title = "MOD005", "models", "Modelfiles say what is meant"

    def run(self, target: Target) -> Result:
        known = known_registry(target)
        if isinstance(known, Result):
            return known
        found: dict[str, list[Problem]] = {"error": [], "warning": []}
        for _, findings in modelfile.lint_all(target.layout, known.models, known):
            for one in findings:
                if one.code not in _ASKED_ELSEWHERE:
                    found[one.severity].append(one.coded)
        return judged(found["error"], found["warning"])


class VersionForChange(Check):
    """A status past development was earned by one version with one content: tests, benchmarks and
    rollbacks speak of that.

    Give the changed Modelfile a new `version` and set `status: development`; `live` stays. Comments
    and blank lines may change freely.
    """

    id, area, title = "MOD006", "models", "a released Modelfile changes only with a new version"

    def run(self, target: Target) -> Result:
        known = known_registry(target)
        if isinstance(known, Result):
            return known
        if target.repository is None:
            return not_applicable(target.no_repository)
        base = target.base or target.repository.git.commit_of("HEAD")
        if not base:
            return not_applicable("no commit to compare with")
        return judged(_changed(target, known, base))


def _changed(target: Target, known: Registry, base: str) -> Iterator[Problem]:
    assert target.repository is not None  # noqa: S101 - narrows the type
    touched = target.repository.changed_since(base)
    before = _registry_at(target, base)
    for key, model in known.models.items():
        old = before.models.get(key)
        if old is None or not (model.modelfile and old.modelfile):
            continue
        untouched = model.modelfile == old.modelfile and model.modelfile not in touched
        if untouched or old.version != model.version or not (_earned(old) and _earned(model)):
            continue
        was = _meaning(target, old.modelfile, _content(target, base, old.modelfile))
        now = _meaning(target, model.modelfile, _here(target, model.modelfile))
        if was and now and was != now:
            message = f"{model.modelfile} was changed, but {model.version} is {_state(model)}"
            cure = "give it a new version, with status: development"
            yield target.registry_document.problem(("models", key, "version"), message, cure)


def _earned(model: Model) -> bool:
    """Whether somebody may rely on what this version is made of."""
    return model.status != "development" or _is_live(model)


def _is_live(model: Model) -> bool:
    return model.live is not None and model.live.version == str(model.version)


def _state(model: Model) -> str:
    return model.status if model.status != "development" else "live in production"


def _meaning(target: Target, name: str, content: bytes | None) -> str:
    """What a Modelfile asks for (its files by path, not by hash), or nothing for a broken one."""
    if content is None:
        return ""
    folder = (target.root / name).parent
    try:
        read = modelfile.parse(content, name)
        return modelfile.of(read, modelfile.Source(folder, name), hashed=False).fingerprint
    except InvalidFile:
        return ""


def _registry_at(target: Target, commit: str) -> Registry:
    content = _content(target, commit, REGISTRY)
    try:
        return registry.judged(documents.parse(content or b"models: {}", REGISTRY))
    except InvalidFile:
        return Registry()


def _content(target: Target, commit: str, name: str) -> bytes | None:
    assert target.repository is not None  # noqa: S101 - narrows the type
    path = target.repository.prefix + name
    if "\n" in path:
        return None
    with target.repository.git.objects() as objects:
        found = next(objects.read([f"{commit}:{path}"], _MOST_BYTES))
    return found.content if found and found.kind == "blob" else None


def _here(target: Target, name: str) -> bytes | None:
    refused = projects.refusal(target.root, name)
    return None if refused else (target.root / name).read_bytes()
