"""A template with every kind of change between two versions, and what an update makes of edits."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.update import Plan, Request, planned
from mlws_scaffold.scaffold.updates import applying
from tests.support import template_repo
from tests.support.template_repo import TemplateRepo, lines

KINDS = ("workspace", "agent")


def first() -> dict[str, str | bytes | None]:
    """The files of v1.0.0, by path from a kind's folder."""
    return {
        "app.py": lines(),
        "old_name.py": lines("1 to be renamed"),
        "legacy.py": lines("1 to be dropped"),
        "docs/guide.md": lines("1 a guide"),
        "docs/more.md": lines("1 more of it"),
        "run.sh": lines("1 #!/bin/sh"),
        "crlf.txt": lines("1 from windows").replace("\n", "\r\n"),
        "logo.bin": b"\0\1first",
        "still.txt": lines("1 never changes"),
        "seed.md": "seed\n",
        "gone-soon.txt": lines("1 unchanged by both"),
        "named.txt.jinja": "{{ title }}\n",
    }


def second() -> dict[str, str | bytes | None]:
    """What v1.1.0 changes; `run.sh` becomes executable beside."""
    return {
        "app.py": lines("10 template"),
        "old_name.py": None,
        "new_name.py": lines("1 to be renamed", "10 template"),
        "legacy.py": None,
        "docs/guide.md": None,
        "docs/more.md": None,
        "documentation/guide.md": lines("1 a guide"),
        "documentation/more.md": lines("1 more of it"),
        "crlf.txt": lines("1 from windows", "10 template").replace("\n", "\r\n"),
        "logo.bin": b"\0\1second",
        "seed.md": "a better seed\n",
        "Makefile": "all:\n\ttemplate\n",
        "plan.jinja": "{{ colour }}\n",
    }


def template(folder: Path) -> TemplateRepo:
    """Both versions, for two kinds, tagged."""
    settings = (
        '_subdirectory: "templates/{{ kind }}"\n_skip_if_exists: [seed.md]\n'
        "kind: {type: str, default: workspace, ask: false}\ntitle: {type: str, default: A title}\n"
    )
    folder.mkdir(parents=True)
    Git(folder).run("init", "--quiet")
    made = TemplateRepo(folder)
    answers = "{{ dict(_copier_answers, _src_path=_src_path, _commit=_commit) | to_nice_yaml -}}\n"
    config: dict[str, str | bytes | None] = {
        "copier.yml": settings,
        "templates/workspace/mlws.toml": '[workspace]\nname = "ws"\n',
        **{f"templates/{kind}/{template_repo.ANSWERS}": answers for kind in KINDS},
    }
    made.release("v1.0.0", config | _of_each(first()))
    for kind in KINDS:
        (folder / f"templates/{kind}/run.sh").chmod(0o755)
    newer = {"copier.yml": settings + "colour: {type: str, default: red}\n"}
    made.release("v1.1.0", newer | _of_each(second()))
    return made


def _of_each(files: Mapping[str, str | bytes | None]) -> dict[str, str | bytes | None]:
    return {f"templates/{kind}/{path}": content for kind in KINDS
            for path, content in files.items()}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lab:
    """The template and a workspace at v1.0.0 that tests copy."""

    template: TemplateRepo
    workspace: Path

    def copy(self, folder: Path) -> Path:
        return shutil.copytree(self.workspace, folder, symlinks=True)


def lab(home: Path, *agents: str) -> Lab:
    """A template and a workspace with agents, made by real Copier."""
    made = template(home / "template")
    return Lab(made, template_repo.workspace(made, home / "ws", *agents))


@dataclass(frozen=True, slots=True)
class Seen:
    """What an update did to a work tree: words by path, warnings, and the unmerged paths."""

    words: Mapping[str, str]
    warnings: tuple[str, ...]
    unmerged: tuple[str, ...]
    files: Mapping[str, bytes]


def update(place: Path) -> Seen:
    """Plan and apply in place; the preview must be what then stands in the work tree."""
    with planned(place, Request(), lambda _: None) as plan:
        words = {change.path: change.how for step in plan.steps for change in step.changes}
        warnings = tuple(text for step in plan.steps for text in step.warnings)
        expected = _result(plan)
        applying.apply(plan, here=True)
    files = tree(place)
    assert files == expected, "the result is not what the preview said"
    return Seen(words, warnings, tuple(Git(place).unmerged()), files)


def tree(place: Path) -> dict[str, bytes]:
    """Every file of the work tree; links as what they point to."""
    return {
        path.relative_to(place).as_posix(): str(path.readlink()).encode()
        if path.is_symlink()
        else path.read_bytes()
        for path in place.rglob("*")
        if (path.is_symlink() or path.is_file()) and ".git" not in path.relative_to(place).parts
    }


def _result(plan: Plan) -> dict[str, bytes]:
    assert plan.private is not None
    files = plan.private.trees([plan.private.git.run("rev-parse", f"{plan.commit}^{{tree}}")])[0]
    contents = plan.private.contents(oid for _, oid in files.values())
    return dict(zip(files, contents, strict=True))
