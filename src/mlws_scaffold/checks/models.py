"""Rules for the registry of models and the Modelfiles it names."""

from __future__ import annotations

from mlws_scaffold.checks import projects
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models import modelfile
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.workspace.layout import CONFIG, MODELFILES, REGISTRY

_BROKEN = f"{REGISTRY} is broken or missing (MOD001)"
_UNTOUCHED = "neither the registry nor a Modelfile was touched"
# `owners: [team]` says that everybody is.
_EVERYBODY = "team"


class RegistryValid(Check):
    """Agents, syncing and promotion read models/registry.yaml, so a mistake in it stops all of
    them.

    Correct the line that is named. Fields of your own may begin with `x_`.
    """

    id, area, title = "MOD001", "models", "models/registry.yaml is valid"

    def run(self, target: Target) -> Result:
        if target.registry is None:
            if not target.is_workspace:
                return not_applicable(f"no {REGISTRY} here")
            return judged([Problem(REGISTRY, "missing", "write `models: {}` into it")])
        if isinstance(target.registry, InvalidFile):
            return judged(target.registry.problems)
        return judged([])


class ModelfilesExist(Check):
    """A custom model is built from its Modelfile; without the file nobody else can build it.

    Commit the Modelfile, or correct the path: it is relative to the workspace's root.
    """

    id, area, title = "MOD002", "models", "every Modelfile that is named exists"

    def run(self, target: Target) -> Result:
        registry = known_registry(target)
        if isinstance(registry, Result):
            return registry
        problems, warnings = [], []
        for key, model in registry.models.items():
            if model.source != "custom":
                continue
            if model.modelfile is None:
                warnings.append(
                    _problem(target, (key,), "names no Modelfile, so it cannot be built here")
                )
            elif not (target.root / model.modelfile).exists():
                message = f"{model.modelfile} does not exist"
                problems.append(
                    _problem(target, (key, "modelfile"), message, "commit it, or correct the path")
                )
            elif refused := projects.refusal(target.root, model.modelfile):
                problems.append(
                    _problem(
                        target,
                        (key, "modelfile"),
                        f"{model.modelfile} {refused.message}",
                        refused.cure,
                    )
                )
        return judged(problems, warnings)


class BaseAgrees(Check):
    """`base_model` tells people and `mlws model sync` what a model is made from; FROM in the
    Modelfile decides it.

    Write the same in both places.
    """

    id, area, title = "MOD003", "models", "base_model agrees with FROM"

    def run(self, target: Target) -> Result:
        registry = known_registry(target)
        if isinstance(registry, Result):
            return registry
        problems = [
            one.problem
            for key, model in registry.models.items()
            if model.modelfile and (target.root / model.modelfile).exists()
            for one in modelfile.lint(target.layout, key, model, registry)
            if one.code in ("MF001", "MF004")
        ]
        return judged(problems)


class OwnersKnown(Check):
    """Somebody has to answer for a model; production asks for an owner whom the team knows.

    Name a handle of [team] in mlws.toml, or `team` for everybody.
    """

    id, area, title = "MOD004", "models", "owners of models are in [team]"

    def run(self, target: Target) -> Result:
        if target.config is None:
            return not_applicable(target.no_config)
        registry = known_registry(target)
        if isinstance(registry, Result):
            return registry
        people, warnings = target.known_people() | {_EVERYBODY}, []
        for key, model in registry.models.items():
            if not model.owners:
                warnings.append(
                    _problem(target, (key, "owners"), "nobody owns it", "name a handle of [team]")
                )
            for index, owner in enumerate(model.owners):
                if owner not in people:
                    cure = f"add [team.{owner}] to {CONFIG}"
                    warnings.append(
                        _problem(
                            target, (key, "owners", index), f"{owner!r} is not in [team]", cure
                        )
                    )
        return judged([], warnings)


def known_registry(target: Target) -> Registry | Result:
    """The registry, or why the checks of it and of its Modelfiles have nothing to say."""
    if not isinstance(target.registry, Registry):
        return not_applicable(_BROKEN)
    if not any(target.touches(path) for path in (REGISTRY, MODELFILES, CONFIG)):
        return not_applicable(_UNTOUCHED)
    return target.registry


def _problem(target: Target, keys: tuple[str | int, ...], message: str, cure: str = "") -> Problem:
    return target.registry_document.problem(("models", *keys), message, cure)
