"""From every tag of our own template to the newest: an unedited project equals a fresh one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import Revision
from mlws_scaffold.scaffold.rendering.tree import Template
from tests.support import merge_lab, template_repo
from tests.support.template_repo import TemplateRepo, commit

pytestmark = pytest.mark.slow

TAGS = ("v0.1.0", "v0.2.0", "v0.3.0")
PROJECTS = {
    ".": {"kind": "workspace"},
    "agents/production/helper": {"kind": "agent", "agent_name": "helper"},
    "agents/prototypes/trial": {"kind": "prototype", "prototype_name": "trial"},
    "experiments/active/researcher/first": {
        "kind": "experiment",
        "experiment_goal": "Find out what an update does",
    },
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> TemplateRepo:
    """Our template with three tags: each adds, edits, renames and deletes files of each kind."""
    made = template_repo.from_checkout(tmp_path_factory.mktemp("tags") / "template", TAGS[0])
    for number, tag in enumerate(TAGS[1:]):
        changes: dict[str, str | bytes | None] = {}
        for answers in PROJECTS.values():
            top = f"templates/{answers['kind']}"
            changes[f"{top}/added-{number}.md"] = f"added by {tag}\n" * 9
            if number:
                changes[f"{top}/added-0.md"] = None
                changes[f"{top}/renamed.md"] = "added by v0.2.0\n" * 8 + "and edited\n"
            for path in sorted((made.folder / top).glob("pyproject.toml*")):
                name = path.relative_to(made.folder).as_posix()
                changes[name] = path.read_text() + f"\n# {tag}\n"
        made.release(tag, changes)
    return made


@pytest.mark.parametrize("tag", TAGS[:-1])
def test_an_unedited_workspace_of_each_kind_equals_a_fresh_one(
    template: TemplateRepo, tmp_path: Path, tag: str
) -> None:
    place = tmp_path / "ws"
    for folder, answers in PROJECTS.items():
        render(template, place / folder, tag, answers)
    Git(place).run("init", "--quiet")
    commit(place, "Made")

    seen = merge_lab.update(place)

    assert not seen.unmerged
    fresh = tmp_path / "fresh"
    for folder in PROJECTS:
        recorded = yaml.safe_load((place / folder / ".copier-answers.yml").read_text())
        answers = {key: value for key, value in recorded.items() if not key.startswith("_")}
        render(template, fresh / folder, TAGS[-1], answers)
    ours, theirs = merge_lab.tree(place), merge_lab.tree(fresh)
    assert ours.keys() == theirs.keys()
    assert {path: text for path, text in ours.items() if text != theirs[path]} == {}
    for path in ours:
        assert (place / path).stat().st_mode == (fresh / path).stat().st_mode, path


def render(template: TemplateRepo, folder: Path, tag: str, answers: Mapping[str, Any]) -> None:
    """By our own renderer, which is held against Copier elsewhere; no task runs."""
    given = {"_src_path": str(template.folder), "_commit": tag, **answers}
    version = Template(Revision(template.git, tag))
    version.render(str(answers["kind"]), Known(given)).write(folder)
