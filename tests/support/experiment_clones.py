"""A team's repository and clones of it, with experiments on branches that nobody merged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.workspace.layout import Layout
from tests.support import tiny_workspace
from tests.support.template_repo import write

METADATA = """\
experiment_id: {key}
researcher: {researcher}
created: 2026-01-05
status: in_progress
goal: {goal}
"""


def metadata(name: str, researcher: str, goal: str = "Know which chunk size answers best") -> str:
    """A valid `metadata.yaml`; its id is the name with `-v1`."""
    return METADATA.format(key=f"{name}-v1", researcher=researcher, goal=goal)


@dataclass(frozen=True, slots=True)
class Clone:
    """One person's clone."""

    root: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def git(self, *arguments: str) -> str:
        return Git(self.root).run(*arguments)

    def experiment(self, researcher: str, name: str, text: str | bytes = "") -> str:
        """Write an experiment's metadata; returns its folder."""
        folder = f"experiments/active/{researcher}/{name}"
        write(self.root, {f"{folder}/metadata.yaml": text or metadata(name, researcher)})
        return folder

    def commit(self, date: str = "2026-02-01T12:00:00+00:00", message: str = "change") -> None:
        self.git("add", "--all")
        git = Git(self.root, ("user.name=Ann", "user.email=ann@example.org"))
        script = f"GIT_COMMITTER_DATE='{date}' git commit --quiet --allow-empty -m '{message}'"
        git.run("-c", f"alias.dated=!{script}", "dated")

    def push(self) -> None:
        self.git("push", "--quiet", "origin", "HEAD")


def team(folder: Path) -> Clone:
    """The first clone, with a bare repository beside it; `main` holds only the workspace."""
    root = tiny_workspace.make(folder / "first")
    first = Clone(root)
    first.git("init", "--quiet", "-b", "main")
    Git(folder).run("init", "--quiet", "--bare", "-b", "main", "team.git")
    first.git("remote", "add", "origin", str(folder / "team.git"))
    first.commit("2026-01-01T12:00:00+00:00")
    first.push()
    return first


def another(folder: Path, name: str, *options: str) -> Clone:
    """One more clone of the team's repository."""
    Git(folder).run("clone", "--quiet", *options, (folder / "team.git").as_uri(), name)
    return Clone(folder / name)
