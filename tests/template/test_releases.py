"""Our renderer gives at every released tag what Copier gives there, byte for byte."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import copier
import pytest
from copier.errors import CopierWarning

from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import Revision
from mlws_scaffold.scaffold.rendering.tree import Template, Tree
from tests.support import rendering, template_repo
from tests.support.answer_sets import GOAL
from tests.support.template_repo import TemplateRepo

pytestmark = pytest.mark.slow

KINDS = ("workspace", "experiment", "prototype", "agent", "model")
TAGS = ("v9.0.0", "v9.1.0", "v9.2.0", "v9.3.0")
_QUESTION = """
{kind}_colour:
  type: str
  ask: false
  help: Which colour?
  default: {default}
  when: "{{{{ kind == '{kind}' }}}}"
  validator: "{{% if not {kind}_colour %}}write a colour{{% endif %}}"
"""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> TemplateRepo:
    """This template, and what later versions do to it: in each kind a question and a file come,
    a file is renamed, one goes, a mode changes, a name becomes conditional.
    """
    repo = template_repo.from_checkout(tmp_path_factory.mktemp("history") / "repo", TAGS[0])
    for tag, change in zip(TAGS[1:], (_question_and_mode, _renamed, _removed), strict=True):
        for kind in KINDS:
            change(repo.folder / "templates", kind)
        repo.release(tag, {})
    return repo


def _question_and_mode(top: Path, kind: str) -> None:
    path = top / f"questions/{kind}.yml"
    path.write_text(path.read_text() + _QUESTION.format(kind=kind, default="'blue: \"sky\"'"))
    (top / kind / "colour.txt.jinja").write_text(f"{{{{ {kind}_colour }}}}\n")
    (top / kind / "tool.sh").write_bytes(b"#!/bin/sh\r\nexit 0\n\0\xff")
    path = _first(top / kind)
    path.chmod(0o755 if path.stat().st_mode & 0o777 == 0o644 else 0o644)


def _renamed(top: Path, kind: str) -> None:
    (top / kind / "colour.txt.jinja").rename(top / kind / f"{{{{ {kind}_colour[:4] }}}}.txt.jinja")
    (top / kind / "more").mkdir()
    (top / kind / "tool.sh").rename(top / kind / "more/tool.sh")
    (top / kind / "more/tool.sh").chmod(0o755)


def _removed(top: Path, kind: str) -> None:
    path = top / f"questions/{kind}.yml"
    path.write_text(path.read_text().replace("'blue: \"sky\"'", "green"))
    _first(top / kind).unlink()
    more = top / kind / f"{{% if {kind}_colour == 'green' %}}more{{% endif %}}"
    (top / kind / "more").rename(more)
    (more / "tool.sh").chmod(0o644)


def _first(folder: Path) -> Path:
    """A file that every project of the kind has, and no later version moves."""
    for path in sorted(folder.rglob("*")):
        ours = path.name == "tool.sh" or "colour" in path.name
        # The model's only file has an expression in its name, and is its last.
        if path.is_file() and "{%" not in str(path) and not ours:
            return path
    raise AssertionError(folder)


def _copiers(repo: TemplateRepo, tag: str, folder: Path, answers: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CopierWarning)
        copier.run_copy(
            str(repo.folder),
            folder,
            data=answers,
            vcs_ref=tag,
            defaults=True,
            quiet=True,
            unsafe=True,
            skip_tasks=True,
        )


def _ours(repo: TemplateRepo, tag: str, kind: str, origin: dict[str, Any]) -> Tree:
    given = {**origin, **(GOAL if kind == "experiment" else {})}
    return Template(Revision(repo.git, tag)).render(kind, Known(given))


@pytest.mark.parametrize("kind", KINDS)
def test_every_release_renders_as_with_copier(
    releases: TemplateRepo, tmp_path: Path, kind: str
) -> None:
    trees = []
    for tag in TAGS:
        origin = {"_src_path": str(releases.folder), "_commit": tag}
        goal = GOAL if kind == "experiment" else {}
        folder = tmp_path / tag
        _copiers(releases, tag, folder, {"kind": kind, **origin, **goal})
        tree = _ours(releases, tag, kind, origin)
        assert as_bytes(tree) == rendering.tree(folder, answers_file=True), tag
        found = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_dir()}
        assert tree.folders == found, tag
        trees.append(tree)
    _history_shows(trees, kind)


def _history_shows(trees: list[Tree], kind: str) -> None:
    """What was compared did differ from tag to tag."""
    first, asked, renamed, removed = trees
    changed = {path for path in first.files if first.files[path].mode != asked.files[path].mode}
    assert len(changed) == 1
    assert asked.files["colour.txt"].content == b'blue: "sky"\n'
    assert renamed.files["blue.txt"] == asked.files["colour.txt"]
    assert renamed.files["more/tool.sh"].mode == 0o755
    assert "colour.txt" not in renamed.files
    assert removed.files["more/tool.sh"].mode == 0o644
    assert set(renamed.files) - set(removed.files) == {"blue.txt", *changed}
    assert removed.answers[f"{kind}_colour"] == "green"


def as_bytes(tree: Tree) -> dict[str, bytes]:
    return {
        path: oct(file.mode).encode() + b" " + file.content for path, file in tree.files.items()
    }
