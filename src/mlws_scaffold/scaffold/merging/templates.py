"""The template's versions, rendered: by our own renderer, or by Copier where only it can."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.scaffold.projects import Project, recorded_answers
from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer, Revision
from mlws_scaffold.scaffold.rendering.tree import Template
from mlws_scaffold.scaffold.updates import releases
from mlws_scaffold.workspace.layout import ANSWERS

LINK = "120000"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A project as a version gives it: content and git mode by path, and the answers it took."""

    files: Mapping[str, tuple[bytes, str]]
    answers: Mapping[str, Any]
    dropped: tuple[str, ...] = ()

    def without(self, patterns: tuple[str, ...]) -> Rendered:
        """Without what a newer version leaves out, or the update would delete it."""
        kept = {
            path: file
            for path, file in self.files.items()
            if not any(fnmatchcase(name, one) for name in path.split("/") for one in patterns)
        }
        return Rendered(kept, self.answers, self.dropped)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One rendering: of which version, what the answers file records of it, what was asked."""

    commit: str
    source: str
    version: str
    asked: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of a version that bear on an update."""

    seeds: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    questions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    migrations: tuple[Any, ...] = ()


class Templates:
    """The repositories of all templates of a workspace, each opened once. `home` is scratch."""

    def __init__(self, git: Git, given: str | None, home: Path) -> None:
        self._git = git
        self._given = given
        self._home = home
        self._repositories: dict[str, Git] = {}
        self._commits: dict[tuple[str, str], str] = {}
        self._templates: dict[str, Template] = {}

    def repository(self, project: Project) -> Git:
        """Where a project's template is read: on this disk as it lies, else a clone in `home`."""
        where = releases.place(self._given or project.source)
        if where not in self._repositories:
            if Path(where).is_dir():
                self._repositories[where] = Git(Path(where))
            else:
                clone = self._home / f"template-{len(self._repositories)}.git"
                self._git.run("clone", "--quiet", "--bare", "--", where, str(clone))
                self._repositories[where] = Git(clone)
        return self._repositories[where]

    def commit(self, project: Project) -> str:
        """The commit of a project's recorded version. Raises MlwsError for an unknown one."""
        git = self.repository(project)
        key = (str(git.folder), project.version)
        if key not in self._commits:
            commit = git.commit_of(project.version)
            if commit is None:
                raise MlwsError(
                    f"{project.answers_file}: _commit: the template has no version "
                    f"{project.version}",
                    "mlws update --link finds the version that is nearest; or name a clone of the "
                    "template that has it: --origin FOLDER",
                )
            self._commits[key] = commit
        return self._commits[key]

    def template(self, project: Project, commit: str) -> Template:
        """The template at a commit, read once. Raises BeyondRenderer."""
        if commit not in self._templates:
            self._templates[commit] = Template(Revision(self.repository(project), commit))
        return self._templates[commit]

    def rules(self, project: Project, commit: str) -> Rules:
        """What the template says of seeds, of what it leaves out, of questions and migrations."""
        try:
            found = self.template(project, commit).settings
            questions = found.questions
        except BeyondRenderer:
            return _plain_rules(self.repository(project), commit)
        return Rules(found.seeds, found.exclude, questions, found.migrations)

    def render(self, project: Project, wanted: Wanted) -> Rendered:
        """Render a project. Raises MlwsError naming the project for what does not render."""
        given = {"_src_path": wanted.source, "_commit": wanted.version, **wanted.asked}
        try:
            template = self.template(project, wanted.commit)
            tree = template.render(project.kind, Known(given, last=project.answers))
        except BeyondRenderer:
            return _by_copier(self.repository(project), project, wanted, given)
        except UsageError as error:
            cure = f"mend the answer in {project.answers_file} and commit, or answer with --ask"
            raise MlwsError(f"{project.answers_file}: {error.message}", cure) from error
        files = {path: (file.content, _mode(file.mode)) for path, file in tree.files.items()}
        return Rendered(files, tree.answers, tree.dropped)


def _plain_rules(repository: Git, commit: str) -> Rules:
    """The same from a `copier.yml` that our renderer cannot take: what is plain in it."""
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's loader; what a template includes holds questions, not rules."""

    Loader.add_constructor("!include", lambda _, __: None)
    text = repository.raw("cat-file", "blob", f"{commit}:copier.yml").stdout
    merged: dict[str, Any] = {}
    for part in yaml.load_all(text, Loader=Loader):
        merged.update(part if isinstance(part, dict) else {})
    return Rules(
        tuple(merged.get("_skip_if_exists") or ()),
        tuple(merged.get("_exclude") or ()),
        migrations=tuple(merged.get("_migrations") or ()),
    )


def _by_copier(
    repository: Git, project: Project, wanted: Wanted, given: Mapping[str, Any]
) -> Rendered:
    """The same through Copier, from the version laid out as plain files: no task, no migration."""
    import tarfile

    import copier
    import yaml
    from copier.errors import CopierError
    from jinja2 import TemplateError

    name = project.name
    packed = repository.raw("archive", "--format=tar", wanted.commit)
    if packed.returncode:
        raise MlwsError(f"{name}: the template at {wanted.version} cannot be read")
    with tempfile.TemporaryDirectory(prefix="mlws-render-") as folder:
        source, target = Path(folder) / "template", Path(folder) / "project"
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(source, filter="data")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                copier.run_copy(
                    str(source),
                    target,
                    data={**project.answers, **given, "kind": project.kind},
                    defaults=True,
                    quiet=True,
                    skip_tasks=True,
                )
        except (CopierError, TemplateError, yaml.YAMLError) as error:
            cure = "tell its maintainers; until then name another version with --to"
            raise MlwsError(f"{name}: the template does not render: {error}", cure) from error
        except ValueError as error:
            cure = f"mend the answer in {project.answers_file} and commit"
            raise MlwsError(f"{project.answers_file}: {error}", cure) from error
        files = dict(_read(target))
        answers = recorded_answers(files[ANSWERS][0], ANSWERS) if ANSWERS in files else {}
        return Rendered(files, answers)


def _read(target: Path) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if path.is_symlink():
            found.append((name, (os.fsencode(path.readlink()), LINK)))
        elif path.is_file():
            found.append((name, (path.read_bytes(), _mode(path.stat().st_mode))))
    return found


def _mode(mode: int) -> str:
    return "100755" if mode & stat.S_IXUSR else "100644"
