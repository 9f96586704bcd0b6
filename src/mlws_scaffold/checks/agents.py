"""Rules for prototypes, production agents and the prompts they share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlws_scaffold.adapters import documents
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import AgentProject, text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import CONFIG, REGISTRY

PROMPTS = "shared/prompts"
REQUIRED = {
    "prototype": ("README.md", "agent.py", "config.yaml", "prompts/system.md", "test_agent.py"),
    "production": (
        "README.md",
        "RUNBOOK.md",
        "pyproject.toml",
        "config.yaml",
        "prompts/system.md",
        "Dockerfile",
        "src/agent/agent.py",
        "src/agent/server.py",
        "tests",
    ),
}
_NONE = "no agent here, or none was touched"
_NO_REGISTRY = f"{REGISTRY} is broken or missing (MOD001)"
# Where an agent may name a prompt, as its template has it.
_SPEAKING = ("agent.yaml", "config.yaml", "agent.py", "src/agent/agent.py")
_REFERENCE = re.compile(r"(?<![\w-])(shared/)?prompts/([\w./-]+\.md)")


class AgentValid(Check):
    """agent.yaml says what an agent is, who answers for it and which model it uses.

    Correct the line that is named. Settings for run time belong in config.yaml instead.
    """

    id, area, title = "AGT001", "agents", "every agent.yaml is there and valid"

    def run(self, target: Target) -> Result:
        if not target.asked_agents:
            return not_applicable(_NONE)
        return judged(problem for found in target.asked_agents for problem in found.problems)


class NameIsFolder(Check):
    """Commands, images and tags call an agent by its folder, so its file must not call it
    differently.

    Write the folder's name into agent.yaml. Names are 2 to 41 of a-z, 0-9 and -, starting with a
    letter.
    """

    id, area, title = "AGT002", "agents", "name equals the folder"

    def run(self, target: Target) -> Result:
        known = _known(target)
        if not known:
            return not_applicable(_NONE)
        problems = [
            found.problem(
                "name", f"{found.agent.name!r} in the folder {found.name!r}", f"write {found.name}"
            )
            for found in known
            if found.agent and found.agent.name != found.name
        ]
        problems += [
            Problem(found.folder, f"bad folder name {found.name!r}", wrong)
            for found in known
            if (wrong := names.problem_with_name(found.name))
        ]
        return judged(problems)


class ModelRegistered(Check):
    """An agent names a key of models/registry.yaml; a model that is not there is pulled and
    promoted by nobody.

    Add it with `mlws-new model NAME`, or name another key. Deploying will ask for a model in
    production.
    """

    id, area, title = "AGT003", "agents", "the model is in the registry"

    def run(self, target: Target) -> Result:
        known = _known(target)
        if not known:
            return not_applicable(_NONE)
        if not isinstance(target.registry, Registry):
            return not_applicable(_NO_REGISTRY)
        models = target.registry.models
        return judged(
            [],
            [
                found.problem(
                    "model", f"{found.agent.model!r} is not in {REGISTRY}", "name one of its keys"
                )
                for found in known
                if found.agent and found.agent.model not in models
            ],
        )


class OwnerKnown(Check):
    """Alerts and reviews go to the owner. A production agent whose owner nobody knows is nobody's.

    Name a handle of [team] in mlws.toml. For a prototype this is a warning.
    """

    id, area, title = "AGT004", "agents", "the owner is in [team]"

    def run(self, target: Target) -> Result:
        if target.config is None:
            return not_applicable(target.no_config)
        known = _known(target)
        if not known:
            return not_applicable(_NONE)
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for found in known:
            if found.agent and found.agent.owner not in target.known_people():
                cure = f"name a handle of [team] in {CONFIG}"
                problem = found.problem("owner", f"{found.agent.owner!r} is not in [team]", cure)
                (problems if found.track == "production" else warnings).append(problem)
        return judged(problems, warnings)


class AgentComplete(Check):
    """The same files in every agent: whoever is called at night finds the runbook, the prompt and
    the tests.

    Bring back what is missing with `mlws update --only PATH`, or write it.
    """

    id, area, title = "AGT005", "agents", "the files of its track are there"

    def run(self, target: Target) -> Result:
        if not target.asked_agents:
            return not_applicable(_NONE)
        return judged(
            Problem(f"{found.folder}/{name}", "missing", f"every {found.track} agent has it")
            for found in target.asked_agents
            for name in REQUIRED[found.track]
            if not (target.root / found.folder / name).exists()
        )


class PromptsExist(Check):
    """An agent refers to its prompts by path; a wrong one is found only when it answers.

    Correct the path: `prompts/…` is looked up in the agent's folder, `shared/prompts/…` in the
    workspace.
    """

    id, area, title = "AGT006", "agents", "prompts that are named exist"

    def run(self, target: Target) -> Result:
        if not target.asked_agents:
            return not_applicable(_NONE)
        return judged(
            problem for found in target.asked_agents for problem in _lost_prompts(target, found)
        )


class SharedPrompts(Check):
    """Several agents rest on a shared prompt, so its front matter says who keeps it, for which
    model, and which version it is.

    Begin the file with `---`, `owner:`, `model:`, `version:` and `---`. The version goes up with
    every change.
    """

    id, area, title = "AGT007", "agents", "shared prompts name owner, model and version"

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable("shared prompts belong to a workspace")
        paths = [
            target.layout.relative(path) for path in sorted((target.root / PROMPTS).rglob("*.md"))
        ]
        asked = [path for path in paths if not path.endswith("/README.md") and target.touches(path)]
        if not asked:
            return not_applicable("no shared prompt here, or none was touched")
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for path in asked:
            try:
                _front_matter(target, path, problems, warnings)
            except InvalidFile as error:
                problems += error.problems
        return judged(problems, warnings)


def _known(target: Target) -> list[AgentProject]:
    return [found for found in target.asked_agents if found.agent]


def _lost_prompts(target: Target, found: AgentProject) -> Iterable[Problem]:
    for name in _SPEAKING:
        path = f"{found.folder}/{name}"
        text = text_of(target.root, path) if (target.root / path).exists() else ""
        if isinstance(text, Problem):
            if name != "agent.yaml":  # AGT001 says it
                yield text
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for match in _REFERENCE.finditer(line):
                home = target.root / PROMPTS if match[1] else target.root / found.folder / "prompts"
                stem = match[2].rpartition("/")[2].removesuffix(".md")
                if not stem.isupper() and not (home / match[2]).is_file():  # NAME.md stands for any
                    cure = "correct the path, or write the prompt"
                    yield Problem(
                        path, f"{match[0]} does not exist", cure, "", number, match.start() + 1
                    )


def _front_matter(
    target: Target, path: str, problems: list[Problem], warnings: list[Problem]
) -> None:
    """Judge one prompt. Raises InvalidFile when the front matter is no YAML."""
    text = text_of(target.root, path)
    if isinstance(text, Problem):
        problems.append(text)
        return
    match = re.match(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", text, re.DOTALL | re.MULTILINE)
    if match is None:
        problems.append(
            Problem(
                path, "has no front matter", "begin with ---, owner, model, version, ---", "", 1, 1
            )
        )
        return
    document = documents.parse(
        f"\n{match[1]}".encode(), path
    )  # the line break keeps the line numbers
    data = document.data if isinstance(document.data, dict) else {}
    owner, model, version = data.get("owner"), data.get("model"), data.get("version")
    if not isinstance(owner, str) or not owner:
        problems.append(document.problem(("owner",), "missing", "write a handle of [team]"))
    elif target.config is not None and owner not in target.known_people():
        problems.append(
            document.problem(
                ("owner",), f"{owner!r} is not in [team]", f"name a handle of {CONFIG}"
            )
        )
    if type(version) is not int or version < 1:
        problems.append(
            document.problem(("version",), "is no whole number from 1 on", "write version: 1")
        )
    if isinstance(target.registry, Registry) and target.registry.models:
        if model is None:
            warnings.append(
                document.problem(("model",), "missing", "name the model it was written for")
            )
        elif model not in target.registry.models:
            cure = "name one of its keys"
            warnings.append(document.problem(("model",), f"{model!r} is not in {REGISTRY}", cure))
