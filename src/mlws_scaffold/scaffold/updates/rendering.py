"""Both versions of a project, rendered, and what changed in the template's questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.scaffold.merging.templates import Rendered, Templates, Wanted
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates.releases import Release

_SHELL = ("sh", "-c")


@dataclass(frozen=True, slots=True)
class Goal:
    """A project and the release it goes to. `source` is what the answers file says then."""

    project: Project
    release: Release
    source: str


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the template's own for a version, which only a person lets run."""

    project: Project
    release: Release
    command: tuple[str, ...]

    @property
    def text(self) -> str:
        import shlex

        return self.command[2] if self.command[:2] == _SHELL else shlex.join(self.command)


@dataclass(frozen=True, slots=True)
class Both:
    """A project as the template gave it and as it gives it now; `notes` are about the answers."""

    project: Project
    release: Release
    base: Rendered
    theirs: Rendered
    seeds: tuple[str, ...]
    notes: tuple[str, ...]
    migrations: tuple[Migration, ...]


def both(
    templates: Templates,
    goal: Goal,
    ask: Callable[[str, Mapping[str, Any]], Any] | None,
    tell: Callable[[str], None],
) -> Both:
    """Render base and theirs. `ask` answers a new question; without it the default counts."""
    project, release = goal.project, goal.release
    tell(f"planning {project.name}: {project.version} -> {release.tag}")
    commit = templates.commit(project)
    before = Wanted(commit, project.source, project.version, {})
    base = templates.render(project, before)
    old, new = templates.rules(project, commit), templates.rules(project, release.commit)
    after = Wanted(release.commit, goal.source, release.tag, {})
    theirs = templates.render(project, after)
    fresh = [name for name in theirs.answers if name not in project.answers and name != "kind"]
    if ask is not None and fresh:
        asked = {name: ask(name, {**new.questions.get(name, {}), "default": theirs.answers[name]})
                 for name in fresh}  # fmt: skip
        theirs = templates.render(project, Wanted(release.commit, goal.source, release.tag, asked))
    return Both(
        project=project,
        release=release,
        base=base.without(new.exclude),
        theirs=theirs,
        seeds=new.seeds,
        notes=tuple(_notes(project, base, theirs, _defaults(old.questions, new.questions))),
        migrations=tuple(_migrations(goal, new.migrations)),
    )


def _defaults(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[Any, Any]]:
    """Questions whose default is another one now: before and after."""
    pairs = {
        name: (old[name].get("default"), details.get("default"))
        for name, details in new.items()
        if name in old
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _notes(
    project: Project,
    base: Rendered,
    theirs: Rendered,
    defaults: Mapping[str, tuple[Any, Any]],
) -> list[str]:
    file = project.answers_file
    said = []
    for name, value in theirs.answers.items():
        if name not in project.answers and name != "kind":
            said.append(f"{file}: new question {name}: {value!r} is taken (--ask asks)")
    for name in project.answers:
        if name not in theirs.answers and name in base.answers:
            said.append(f"{file}: the question {name} is gone, and your answer with it")
    for name in theirs.dropped:
        said.append(f"{file}: {name}: {project.answers.get(name)!r} fits no more")
    for name, (before, after) in defaults.items():
        if name in project.answers and project.answers[name] == before:
            said.append(f"{file}: the default of {name} was {before!r} and is {after!r} now;"
                        " yours stays")  # fmt: skip
    return said


def _migrations(goal: Goal, declared: Sequence[Any]) -> list[Migration]:
    from packaging.version import InvalidVersion, Version

    found = []
    for entry in declared:
        at = str(entry.get("version", "")) if isinstance(entry, dict) else ""
        try:
            due = not at or (
                Version(goal.project.version) < Version(at) <= Version(goal.release.tag)
            )
        except InvalidVersion:
            due = True
        if due:
            found.append(Migration(goal.project, goal.release, _command(entry)))
    return found


def _command(entry: Any) -> tuple[str, ...]:
    """A migration's command: a list as it is, a text through the shell."""
    command = entry.get("command", "") if isinstance(entry, dict) else entry
    return tuple(map(str, command)) if isinstance(command, list) else (*_SHELL, str(command))
