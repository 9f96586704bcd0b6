"""Rules for the workspace as a whole: its layout, its configuration, its bond to the template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from mlws_scaffold.checks import projects
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import NO_WORKSPACE, Target
from mlws_scaffold.errors import Problem, did_you_mean
from mlws_scaffold.workspace import names, reading
from mlws_scaffold.workspace.config import Config
from mlws_scaffold.workspace.layout import ANSWERS, CONFIG, EXPECTED


class LayoutComplete(Check):
    """Commands, workflows and colleagues expect these paths to be where the layout puts them.

    Restore a file with `git checkout develop -- PATH`. `mlws check WS001 --fix` makes missing
    folders.
    """

    id, area, title = "WS001", "workspace", "the layout is complete"

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable(NO_WORKSPACE)
        return judged(
            Problem(path, "missing", "make the folder" if _is_folder(path) else "restore the file")
            for path in EXPECTED
            if not (target.root / path).exists()
        )

    def fix(self, target: Target) -> list[str]:
        done = []
        for path in EXPECTED:
            folder = target.root / path
            if (
                target.is_workspace
                and _is_folder(path)
                and not folder.exists()
                and not folder.is_symlink()
            ):
                folder.mkdir(parents=True)
                done.append(f"made the folder {path}")
        return done


class ConfigValid(Check):
    """`mlws.toml` is the only configuration of mlws, so a mistake in it is never passed over.

    Correct the line that is named. Handles in [team] follow the same rules as folder names.
    """

    id, area, title = "WS002", "workspace", "mlws.toml is valid"

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable(NO_WORKSPACE)
        if target.config is None:
            return judged(target.config_problems)
        text = projects.text_of(target.root, CONFIG)
        if isinstance(text, Problem):
            return judged([text])
        return judged(_contradictions(target.config, reading.Source(CONFIG, text)))


class AnswersKept(Check):
    """The answers file ties a project to its template: without it in git, `mlws update` cannot
    work for the team.

    Add it with `git add -f PATH` and take the rule that ignores it out of .gitignore.
    A project made by hand has none and simply gets no updates.
    """

    id, area, title = "WS003", "workspace", "answers files are there and tracked"

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable(NO_WORKSPACE)
        problems, warnings = [], []
        if not (target.root / ANSWERS).is_file():
            problems.append(
                Problem(ANSWERS, "missing", "restore it from git: updates start from it")
            )
        elif problem := _untracked(target, "", ANSWERS):
            problems.append(problem)
        nested = [found.folder for found in target.asked_experiments if not found.is_archived]
        nested += [found.folder for found in target.asked_agents]
        for folder in nested:
            path = f"{folder}/{ANSWERS}"
            if not (target.root / path).is_file():
                warnings.append(
                    Problem(path, "missing", "made by hand? then it gets no template updates")
                )
            elif problem := _untracked(target, f"{folder}/", path):
                problems.append(problem)
        return judged(problems, warnings)


class NoMergeLeftovers(Check):
    """A merge or a template update stopped half way here.

    Choose the lines to keep, delete the markers, then delete the .rej or .orig file beside it.
    """

    id, area, title = "WS004", "workspace", "no conflict markers, .rej or .orig files"

    def run(self, target: Target) -> Result:
        if target.repository is None:
            return not_applicable(target.no_repository)
        problems = [
            Problem(path, "is left over from a merge", "take over what is missing, then delete it")
            for path in sorted(target.repository.files)
            if path.endswith((".rej", ".orig"))
            and target.touches(path)
            and (target.root / path).exists()
        ]
        opened: Problem | None = None
        divided = False
        for match in target.repository.grep("^(<<<<<<< |=======|>>>>>>> )"):
            if opened is not None and opened.path != match.path:
                opened = None
            if match.text.startswith("<<<<<<< "):
                cure = "keep the right lines, delete the markers"
                opened, divided = (
                    Problem(match.path, "conflict marker", cure, "", match.line, 1),
                    False,
                )
            elif match.text.rstrip("\r") == "=======":
                divided = True
            elif match.text.startswith(">>>>>>> ") and opened and divided:
                if target.touches(match.path):
                    problems.append(opened)
                opened = None
        return judged(problems)


def _is_folder(path: str) -> bool:
    return not PurePosixPath(path).suffix and not path.startswith(".")


def _untracked(target: Target, folder: str, path: str) -> Problem | None:
    """A problem when the file stays out of git although its project is in it."""
    repository = target.repository
    if repository is None or path in repository.tracked:
        return None
    if path not in repository.untracked:
        return Problem(path, "is ignored by git", f"take out the rule, then: git add -f {path}")
    # At the root, nested projects of their own do not count: any tracked file shows that it was
    # committed.
    if any(name.startswith(folder) for name in repository.tracked):
        return Problem(path, "is not in git", f"git add {path}")
    return None


def _contradictions(config: Config, source: reading.Source) -> Iterable[Problem]:
    """What the types cannot say: names, addresses used twice, checks that do not exist."""
    from mlws_scaffold.checks.table import CHECKS  # the table lists this module

    for handle in config.team:
        if problem := names.problem_with_name(handle):
            yield source.problem(("team", handle), f"bad handle {handle!r}", problem)
    used = Counter(person.email.casefold() for person in config.team.values() if person.email)
    for handle, person in config.team.items():
        if used[person.email.casefold()] > 1:
            message = f"{person.email} belongs to several people"
            yield source.problem(("team", handle, "email"), message, "one address, one person")
    for identifier in config.checks.disable:
        if identifier not in CHECKS:
            message = f"no check has the ID {identifier!r}"
            yield source.problem(("checks", "disable"), message, did_you_mean(identifier, CHECKS))
    if config.workspace.default_branch == config.workspace.integration_branch:
        message = "is the same as default_branch"
        yield source.problem(
            ("workspace", "integration_branch"), message, "work meets on another branch"
        )
