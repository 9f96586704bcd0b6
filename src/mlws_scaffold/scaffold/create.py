"""Makes a workspace or a project in it: all or nothing (rendered beside, then moved)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlws_scaffold.adapters import documents, files
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.scaffold.origin import Origin, inherited
from mlws_scaffold.scaffold.render import Answers, render
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import ANSWERS, REGISTRY

# Imported where they are used: to make a workspace nobody asks git, and these cost as much as a
# third of its files.
if TYPE_CHECKING:
    from mlws_scaffold.adapters.git import Git
    from mlws_scaffold.scaffold import branches
    from mlws_scaffold.workspace.config import Workspace

_EMAIL, _REMOTE = "user.email", "remote.origin.url"


@dataclass(frozen=True, slots=True)
class Created:
    """What was made: its folder, the number of files, the recorded answers, and remarks."""

    kind: str
    folder: Path
    files: int
    answers: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


def _nothing(_made: Path) -> None:
    """A project that is what the template gives."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project to be made inside a workspace."""

    kind: str
    name: str
    answers: Answers
    researcher: str = ""
    branch: bool = True
    system: str | None = None  # of a model: its system prompt, in any number of lines
    finish: Callable[[Path], None] = _nothing  # is given the rendered folder before it is moved


def workspace(target: Path, answers: Answers, origin: Origin) -> Created:
    """Make a workspace at `target`, which must not exist or be empty."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{target} exists and is not empty",
            "choose another path; for an existing workspace: mlws update",
        )
    with files.beside(target) as scratch:
        made = scratch / "workspace"
        render("workspace", answers, origin.data(), made)
        count = _count(made)
        _move(made, target)
    return Created("workspace", target, count, recorded(target), tuple(_about(origin)))


def suggestions(target: Path) -> dict[str, str]:
    """What a person at the terminal most likely answers: the folder's name, and who git says."""
    from mlws_scaffold.adapters.git import Git

    home = next(folder for folder in (target, *target.parents) if folder.is_dir())
    git = Git(home)
    name, email = git.setting("user.name"), git.setting("user.email")
    found = {"workspace_name": _as_name(target.name)}
    if names.problem_with_email(email) is None:
        handles = (_as_name(name.partition(" ")[0]), _as_name(email.partition("@")[0]))
        found["researcher"] = next((handle for handle in handles if handle), "")
        found["researcher_email"] = email
    return {question: value for question, value in found.items() if value}


def project(place: Workspace, wish: Project) -> Created:
    """Make an experiment, prototype or agent in its folder, on its branch unless told not to."""
    from mlws_scaffold.adapters.git import Git
    from mlws_scaffold.scaffold import branches
    from mlws_scaffold.workspace import people

    if problem := names.problem_with_name(wish.name):
        raise UsageError(f"name: {wish.name!r} does not fit: {problem}")
    git = Git(place.root)
    known = git.settings_of(_EMAIL, _REMOTE)
    researcher, remark = people.acting(place.config, known.get(_EMAIL, ""), wish.researcher)
    target = _target(place, wish.kind, wish.name, researcher)
    if target.exists():
        raise UsageError(f"{place.layout.relative(target)} exists already", "choose another name")
    remarks = [remark] if remark else []
    opening = before = None
    branch = _branch(wish.kind, wish.name, researcher)
    if wish.branch and branch:
        before = branches.standing(git)
        if before is None:
            remarks.append("no branch was opened: there is no git repository with a commit here")
        else:
            opening = _opening(git, place, before, wish, branch, remote=_REMOTE in known)
    around = recorded(place.root)
    answers = _completed(around, wish, researcher)
    with files.beside(target) as scratch:
        made = scratch / wish.name
        render(wish.kind, answers, _origin_in(around), made)
        wish.finish(made)
        count = _count(made)
        try:
            if opening is not None:
                branches.open_branch(git, opening)
                remarks.append(f"branch {opening.branch}, from {opening.start}")
                if opening.remark:
                    remarks.append(opening.remark)
            _move(made, target)
        except BaseException:
            if opening is not None and before is not None:
                branches.undo(git, opening, before)
            raise
    return Created(wish.kind, target, count, recorded(target), tuple(remarks))


def model(place: Workspace, wish: Project) -> Created:
    """Make a Modelfile and its registry entry; comments and order of the registry stay."""
    # Only this kind needs the models room, which costs more to import than all of the rest.
    from mlws_scaffold.adapters.git import Git
    from mlws_scaffold.models import modelfile, registry
    from mlws_scaffold.workspace import people

    if problem := names.problem_with_name(wish.name, dots=True):
        raise UsageError(f"name: {wish.name!r} does not fit: {problem}")
    email = Git(place.root).setting("user.email")
    owner, remark = people.acting(place.config, email, wish.researcher)
    target = place.layout.modelfile(wish.name)
    if target.exists():
        raise UsageError(f"{place.layout.relative(target)} exists already", "choose another name")
    if wish.name in registry.load(place.layout).models:
        raise UsageError(f"{REGISTRY} has a model {wish.name!r} already", "choose another name")
    given = {**wish.answers.given, "model_name": wish.name}
    answers = Answers(given, wish.answers.suggested, wish.answers.ask, wish.answers.ask_all)
    with files.beside(target) as scratch:
        render("model", answers, {}, scratch / "model")
        made = scratch / "model" / place.layout.relative(target)
        if wish.system is not None:
            _write_system(made, wish.system)
        base = modelfile.parse(made.read_bytes(), made.name).last("model")
        entry = {
            "source": "custom",
            "base_model": base.value if base else None,
            "modelfile": place.layout.relative(target),
            "version": "v0.1.0",
            "tags": ["custom"],
            "owners": [owner],
            "created": date.today(),
            "status": "development",
        }
        _move(made, target)
        try:
            registry.add(place.layout, wish.name, entry)
        except BaseException:
            target.unlink()
            raise
    return Created("model", target, 1, {}, (remark,) if remark else ())


def _write_system(made: Path, system: str) -> None:
    from mlws_scaffold.models import modelfile

    try:
        text = modelfile.with_system(made.read_text(encoding="utf-8"), system, made.name)
    except modelfile.ModelfileError as error:
        problem = error.problems[0]
        raise UsageError(
            f"no Modelfile can say this system prompt: {problem.message}", problem.cure
        ) from None
    made.write_bytes(text.encode())


def recorded(folder: Path) -> Mapping[str, Any]:
    """The answers that a project was made with; empty when it keeps none."""
    path = folder / ANSWERS
    data = documents.read(path).data if path.is_file() else {}
    return data if isinstance(data, dict) else {}


def _as_name(text: str) -> str:
    """The text as a name, or nothing when no name comes of it."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:41].rstrip("-")
    return "" if names.problem_with_name(plain) else plain


def _branch(kind: str, name: str, researcher: str) -> str:
    return {
        "experiment": f"experiment/{researcher}/{name}",
        "agent": f"feature/{name}-production",
    }.get(kind, "")


def _opening(
    git: Git,
    place: Workspace,
    here: branches.Standing,
    wish: Project,
    branch: str,
    *,
    remote: bool,
) -> branches.Opening | None:
    from mlws_scaffold.scaffold import branches

    if wish.kind == "experiment":
        develop = place.config.workspace.integration_branch
        return branches.plan_from(git, here, branch, develop, remote=remote)
    # An agent grows out of a prototype that may be only on the current branch.
    return branches.plan(git, here, branch)


def _target(place: Workspace, kind: str, name: str, researcher: str) -> Path:
    layout = place.layout
    if kind == "experiment":
        return layout.experiment(researcher, name)
    return layout.prototype(name) if kind == "prototype" else layout.agent(name)


def _completed(around: Mapping[str, Any], wish: Project, researcher: str) -> Answers:
    """The person's answers, with name and people put in and the workspace's own as suggestions."""
    person = "experiment_researcher" if wish.kind == "experiment" else f"{wish.kind}_owner"
    given = {**wish.answers.given, f"{wish.kind}_name": wish.name, person: researcher}
    suggested = dict(wish.answers.suggested)
    base_models = around.get("ollama_models") or []
    if wish.kind in ("prototype", "agent") and base_models:
        suggested.setdefault(f"{wish.kind}_model", names.registry_key(str(base_models[0])))
    if wish.kind == "agent" and (deployment := around.get("deployment")):
        suggested.setdefault("agent_deployment", str(deployment))
    return Answers(given, suggested, wish.answers.ask, wish.answers.ask_all)


def _origin_in(around: Mapping[str, Any]) -> dict[str, str]:
    """A project is updated from where its workspace is, at the version it is made with."""
    return inherited(str(around.get("_src_path") or "")).data()


def _move(made: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            target.rmdir()
        made.rename(target)
    except OSError as error:
        raise MlwsError(
            f"{target} was not made: {error.strerror}", "look at the folder's rights"
        ) from error


def _count(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def _about(origin: Origin) -> list[str]:
    if not origin.address:
        return [
            "no origin is known, so this workspace cannot be updated yet and its environment does"
            " not contain mlws: `mlws update --link ADDRESS` records one"
        ]
    if not origin.version:
        return [
            f"{origin.address} holds no version that equals this installation: after a release,"
            " `mlws update --link ADDRESS` records it"
        ]
    return []
