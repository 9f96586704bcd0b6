"""Which folders of a repository came from the template, as its last commit records them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, UsageError, did_you_mean
from mlws_scaffold.workspace.layout import ANSWERS

ROOT = "."


@dataclass(frozen=True, slots=True)
class Project:
    """One folder with an answers file. `source` and `version` are empty when not recorded."""

    path: str  # from the root of the workspace; "." is the workspace itself
    kind: str
    source: str
    version: str
    answers: Mapping[str, Any]

    @property
    def name(self) -> str:
        return "workspace" if self.path == ROOT else self.path

    @property
    def answers_file(self) -> str:
        return ANSWERS if self.path == ROOT else f"{self.path}/{ANSWERS}"


def find(git: Git) -> list[Project]:
    """Every project below git's folder: nested ones in path order, the workspace itself last.

    Raises InvalidFile for an answers file that cannot be read or that git ignores.
    """
    everywhere = f":(glob)**/{ANSWERS}"
    files = sorted(git.tracked(everywhere), key=lambda file: (file == ANSWERS, file))
    _refuse_ignored(git, files)
    # Files as committed lie on the disk; only for the others is git asked, one by one.
    out = git.run("diff", "--name-only", "--relative", "-z", "HEAD", "--", everywhere)
    changed = {file for file in out.split("\0") if file}
    found = []
    for file in files:
        path = git.folder / file
        if file not in changed and path.is_file():
            found.append(_read(documents.read(path, file)))
            continue
        # What is staged but in no commit yet shows up among the uncommitted changes.
        show = git.attempt("show", f"HEAD:./{file}")
        if show.returncode == 0:
            content = show.stdout.encode("utf-8", "surrogateescape")
            found.append(_read(documents.parse(content, file)))
    return found


def select(projects: Sequence[Project], only: str | None, root: Path) -> list[Project]:
    """All projects, or the one in folder `only`. Raises UsageError or MlwsError for none."""
    if only is None:
        return list(projects)
    wanted = _from_root(only, root)
    found = [project for project in projects if project.path == wanted]
    if found:
        return found
    if (root / wanted / ANSWERS).is_file():
        raise MlwsError(
            f"{wanted} is not committed, so an update could neither be reviewed nor undone",
            f"git add {wanted}, commit, and run this again",
        )
    known = [project.path for project in projects]
    raise UsageError(
        f"{only} is no project: no {ANSWERS} in that folder",
        did_you_mean(wanted, known)
        if known
        else "only what mlws-new or copier made can be updated",
    )


def refuse_unlinked(projects: Sequence[Project], origin_given: bool) -> None:
    """Raises InvalidFile naming each project whose template or version is not recorded."""
    problems = []
    for project in projects:
        if not project.source and not origin_given:
            cure = "record it: mlws update --link ADDRESS (the template's git address), then commit"
            problems.append(
                Problem(project.answers_file, "no template is recorded", cure, "_src_path")
            )
        elif _is_relative(project.source):
            cure = "write its git address or its absolute path there, and commit"
            text = f"{project.source} is found from one folder only"
            problems.append(Problem(project.answers_file, text, cure, "_src_path"))
        elif not project.version:
            cure = (
                "mlws update --link ADDRESS finds the nearest; or write its tag there, and commit"
            )
            problems.append(
                Problem(project.answers_file, "no version is recorded", cure, "_commit")
            )
    if problems:
        raise InvalidFile(problems)


def answers(folder: Path) -> dict[str, Any]:
    """The answers that lie in a folder now, without what Copier keeps beside them."""
    return _public(_mapping(documents.read(folder / ANSWERS, ANSWERS)))


def recorded_answers(content: bytes, name: str) -> dict[str, Any]:
    """The answers in the bytes of an answers file. Raises InvalidFile."""
    return _public(_mapping(documents.parse(content, name)))


def _read(document: Document) -> Project:
    recorded, file = _mapping(document), document.name
    return Project(
        path=file.removesuffix(ANSWERS).rstrip("/") or ROOT,
        kind=str(recorded.get("kind", "workspace")),
        source=str(recorded.get("_src_path") or ""),
        version=str(recorded.get("_commit") or ""),
        answers=_public(recorded),
    )


def _is_relative(source: str) -> bool:
    return bool(source) and ":" not in source and not source.startswith(("/", "~"))


def _mapping(document: Document) -> dict[str, Any]:
    if not isinstance(document.data, dict):
        cure = "restore it from an earlier commit"
        raise InvalidFile([Problem(document.name, "holds no answers", cure)])
    return {str(key): value for key, value in document.data.items()}


def _public(recorded: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recorded.items() if not key.startswith("_")}


def _refuse_ignored(git: Git, files: Sequence[str]) -> None:
    if not files:
        return
    asked = git.attempt("check-ignore", "--no-index", "-z", "--stdin", stdin="\0".join(files))
    ignored = [file for file in asked.stdout.split("\0") if file]
    if ignored:
        cure = "take the folder out of .gitignore: git would not show what an update does there"
        raise InvalidFile([Problem(file, "is ignored by git", cure) for file in ignored])


def _from_root(only: str, root: Path) -> str:
    """The folder as seen from the root: given so, absolute, or relative to where one stands."""
    given = Path(only)
    for candidate in (root / given, given.absolute()):
        resolved = candidate.resolve()
        if (resolved / ANSWERS).is_file() and resolved.is_relative_to(root.resolve()):
            return resolved.relative_to(root.resolve()).as_posix()
    return given.as_posix()
