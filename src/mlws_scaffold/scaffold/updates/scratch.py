"""A throw-away clone of the repository in which Copier updates one project after the other.

Copier writes as it goes and cannot take anything back; here nothing of the team's is in its way.
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import releases
from mlws_scaffold.workspace.layout import ANSWERS

# Settings of the clone alone. Hooks and large files stay out of it, and what a person set for git's
# output or patches must not confuse Copier, which reads that output.
_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "gc.auto=0",
    "status.showUntrackedFiles=all",
    "apply.whitespace=nowarn",
    "filter.lfs.smudge=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
)
_CARRIED = ("user.name", "user.email", "core.autocrlf", "core.eol")
_NOBODY = ("user.name=Copier", "user.email=copier@copier")


@dataclass(frozen=True, slots=True)
class Origin:
    """The template's repository as Copier is to see it during this update.

    `redirect` sends git from the recorded address to a local clone, so that the address stays what
    it is in every rendered text. A recorded path cannot be redirected: Copier looks at the disk
    first. Then `stand_in` takes its place in the files while Copier works.
    """

    recorded: str
    clone: Path
    redirect: bool = False
    stand_in: str = ""
    # What the answers file says afterwards when it recorded nothing before.
    adopted: str = ""

    @property
    def source(self) -> str:
        return self.stand_in or self.recorded


def origin_of(git: Git, project: Project, given: str | None, home: Path) -> Origin:
    """Clone the template into `home`, from `given` or from where the project says it is."""
    recorded = project.source
    where = releases.place(given or recorded)
    clone = home / f"origin-{len(list(home.glob('origin-*')))}.git"
    shared = ["--shared"] if Path(where).is_dir() else []
    git.run("clone", "--quiet", "--bare", *shared, "--", where, str(clone))
    if releases.is_address(recorded):
        return Origin(recorded, clone, redirect=True)
    if given is None and shared and Git(Path(where)).toplevel() == Path(where).resolve():
        return Origin(recorded, clone)
    return Origin(recorded, clone, stand_in=str(clone), adopted="" if recorded else where)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The clone. `prefix` is where the workspace lies in the repository, empty at its top."""

    git: Git
    prefix: str

    def inside(self, project: Project) -> str:
        """Folder of a project from the top of the repository; empty for the top itself."""
        return "/".join(part for part in (self.prefix, project.path) if part not in ("", "."))

    def folder(self, project: Project) -> Path:
        return self.git.folder / self.inside(project)

    def update(self, project: Project, origin: Origin, tag: str) -> tuple[set[str], str]:
        """Let Copier update the project; return its conflicts (paths from its folder) and the tree.

        The clone's index and files hold the outcome; where its HEAD is does not matter then.
        """
        before = self.git.run("rev-parse", "HEAD")
        if origin.stand_in:
            self._swap(project, origin)
        with _copier(project, origin) as copier:
            copier.run_update(
                self.folder(project),
                vcs_ref=tag,
                defaults=True,
                skip_answered=True,
                overwrite=True,
                conflict="inline",
                quiet=True,
                unsafe=True,
                skip_tasks=True,
            )
        unmerged = {self._from_project(project, path) for path in self.git.unmerged()}
        if origin.stand_in:
            self._restore(project, origin)
        self.git.run("read-tree", before)
        self.git.run("add", "--all", "--", self.inside(project) or ".")
        return unmerged, self.git.run("write-tree")

    def render(self, project: Project, origin: Origin, version: str) -> str:
        """What the template gives at a version for the answers the clone holds now; a commit."""
        renders = self.git.folder.parent / "renders"
        git = Git(renders)
        if not renders.exists():
            self.git.run("worktree", "add", "--quiet", "--detach", "--no-checkout", str(renders))
        for path in renders.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != ".git":
                path.unlink()
        target = renders / self.inside(project)
        # Line endings of a nested project follow the attributes of the folders above it.
        for above in PurePosixPath(self.inside(project)).parents if self.inside(project) else ():
            rules = self.git.folder / above / ".gitattributes"
            if rules.is_file():
                (renders / above).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(rules, renders / above / ".gitattributes")
        with _copier(project, origin) as copier:
            copier.run_copy(
                origin.source,
                target,
                data=dict(project.answers),
                vcs_ref=version,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=True,
                skip_tasks=True,
            )
        if origin.stand_in:
            _replace(
                [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()],
                origin.stand_in,
                origin.recorded or origin.adopted,
            )
        git.run("read-tree", "--empty")
        git.run("add", "--all", "--force", ".")
        return git.run("commit-tree", git.run("write-tree"), "-m", f"{project.name} at {version}")

    def _swap(self, project: Project, origin: Origin) -> None:
        """Commit the stand-in to every file of the project that holds the recorded path."""
        if origin.recorded:
            _replace(self._holding(project, origin.recorded), origin.recorded, origin.stand_in)
        else:
            answers = self.folder(project) / ANSWERS
            rest = re.sub(r"(?m)^_src_path:.*\n?", "", answers.read_text(encoding="utf-8"))
            answers.write_text(f"{rest}_src_path: {origin.stand_in}\n", encoding="utf-8")
        self.git.run("commit", "--quiet", "--all", "--no-verify", "-m", "stand-in")

    def _restore(self, project: Project, origin: Origin) -> None:
        real = origin.recorded or origin.adopted
        _replace(self._holding(project, origin.stand_in), origin.stand_in, real)

    def _holding(self, project: Project, text: str) -> list[Path]:
        asked = self.git.attempt(
            "grep", "--untracked", "--files-with-matches", "-z", "--fixed-strings", "-e", text,
            "--", self.inside(project) or ".",
        )  # fmt: skip
        return [self.git.folder / path for path in asked.stdout.split("\0") if path]

    def _from_project(self, project: Project, path: str) -> str:
        return path.removeprefix(f"{self.inside(project)}/")


def clone(git: Git, prefix: str, commit: str, home: Path) -> Scratch:
    """Clone the repository around git's folder into `home`, at `commit`, sharing its objects."""
    settings = list(_SETTINGS)
    settings += [f"{key}={value}" for key in _CARRIED if (value := git.setting(key))]
    if not git.has_identity():
        settings += _NOBODY
    top = str(git.toplevel())
    target = home / "clone"
    given = [f"--config={setting}" for setting in settings]
    git.run("clone", "--quiet", "--shared", "--no-checkout", *given, "--", top, str(target))
    scratch = Git(target)
    scratch.run("checkout", "--quiet", "--detach", commit)
    return Scratch(scratch, prefix)


def _replace(paths: list[Path], old: str, new: str) -> None:
    for path in paths:
        content = path.read_bytes()
        if old.encode() in content:
            path.write_bytes(content.replace(old.encode(), new.encode()))


@contextmanager
def _copier(project: Project, origin: Origin) -> Iterator[Any]:
    """Copier with the redirection in force, and with its errors turned into ours."""
    import copier
    import yaml
    from copier.errors import CopierError
    from jinja2 import TemplateError
    from plumbum import ProcessExecutionError, local

    name, folder = project.name, project.path
    try:
        with warnings.catch_warnings(), local.env(**_environment(origin)):
            warnings.simplefilter("ignore")
            yield copier
    except ProcessExecutionError as error:
        said = (str(error.stderr).strip().splitlines() or [f"exit status {error.retcode}"])[-1]
        cure = f"for the whole story: copier update --trust {folder}"
        raise MlwsError(f"{name}: git failed under Copier: {said}", cure) from error
    except (TemplateError, yaml.YAMLError) as error:
        cure = "tell its maintainers; until then name another version with --to"
        raise MlwsError(f"{name}: the template does not render: {error}", cure) from error
    except OSError as error:
        at = Path(error.filename).name if error.filename else "a file"
        cure = f"when {at} is yours and stands where the template has its own: move it and commit"
        raise MlwsError(f"{name}: {at}: {error.strerror}", cure) from error
    except CopierError as error:
        cure = "mend that and commit, or name another version with --to"
        raise MlwsError(f"{name}: Copier refuses: {error}", cure) from error
    except ValueError as error:
        cure = f"mend the answer in {project.answers_file} and commit"
        raise MlwsError(f"{project.answers_file}: {error}", cure) from error


def _environment(origin: Origin) -> dict[str, str]:
    """What git under Copier sees. plumbum keeps the environment it was imported in."""
    seen = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}
    if origin.redirect:
        count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
        seen["GIT_CONFIG_COUNT"] = str(count + 1)
        seen[f"GIT_CONFIG_KEY_{count}"] = f"url.{origin.clone}.insteadOf"
        seen[f"GIT_CONFIG_VALUE_{count}"] = releases.place(origin.recorded)
    return seen
