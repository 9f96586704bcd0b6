"""Our own renderer gives what Copier gives, byte for byte, and refuses what it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold.render import Answers, render
from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer, Folder, Revision
from mlws_scaffold.scaffold.rendering.tree import Template, Tree
from tests.support import rendering, template_repo
from tests.support.answer_sets import ANSWER_SETS

ORIGIN = {"_src_path": "https://git.example.org/t/mlws-scaffold.git", "_commit": "v0.1.0"}


@pytest.fixture(scope="module")
def bundle() -> Template:
    return Template(Folder(rendering.plain_bundle()))


@pytest.fixture(scope="module")
def revision(tmp_path_factory: pytest.TempPathFactory) -> Template:
    repo = template_repo.from_checkout(tmp_path_factory.mktemp("template") / "repo", "v9.9.9")
    return Template(Revision(repo.git, "v9.9.9"))


def ours(template: Template, kind: str, answers: dict[str, Any]) -> Tree:
    origin = {} if "_src_path" in answers else ORIGIN
    return template.render(kind, Known({**origin, **answers}))


def as_bytes(tree: Tree) -> dict[str, bytes]:
    return {
        path: oct(file.mode).encode() + b" " + file.content for path, file in tree.files.items()
    }


@pytest.mark.parametrize("name", ANSWER_SETS)
def test_the_result_is_copiers_byte_for_byte(
    bundle: Template, revision: Template, tmp_path: Path, name: str
) -> None:
    kind, answers = ANSWER_SETS[name]
    folder = rendering.render(kind, answers, tmp_path / "copier")
    tree = ours(bundle, kind, answers)
    assert as_bytes(tree) == rendering.tree(folder, answers_file=True)
    found = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_dir()}
    assert tree.folders == found
    assert as_bytes(ours(revision, kind, answers)) == as_bytes(tree)


def test_what_lies_on_the_disk_is_what_was_rendered(bundle: Template, tmp_path: Path) -> None:
    tree = bundle.render("agent", Known(ORIGIN))
    tree.write(tmp_path / "agent")
    assert rendering.tree(tmp_path / "agent", answers_file=True) == as_bytes(tree)


def test_recorded_answers_are_kept_and_those_that_no_longer_fit_are_named(
    bundle: Template,
) -> None:
    last = {"agent_name": "desk", "agent_purpose": "Answers what people ask", "agent_model": "A b"}
    tree = bundle.render("agent", Known(ORIGIN, last={**last, "agent_gone": "x"}))
    assert tree.answers["agent_purpose"] == "Answers what people ask"
    assert tree.answers["agent_model"] == "llama3.1-8b"
    assert "agent_gone" not in tree.answers
    assert tree.dropped == ("agent_model",)


@pytest.mark.parametrize(
    ("kind", "answers", "words"),
    [
        ("workspace", {"gpus": "amd"}, "gpus: 'amd' does not fit"),
        ("workspace", {"ollama_models": ["a b"]}, "a b is no Ollama model name"),
        ("workspace", {"stack": "core"}, "stack: 'core' does not fit"),
        ("agent", {"agent_name": "../up"}, "agent_name: '../up' does not fit"),
        ("experiment", {}, "experiment_goal"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(
    bundle: Template, tmp_path: Path, kind: str, answers: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as said:
        bundle.render(kind, Known({**ORIGIN, **answers}))
    assert words in said.value.message
    with pytest.raises(UsageError):
        render(kind, Answers(answers), ORIGIN, tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("_jinja_extensions: [x.Y]", "_jinja_extensions"),
        ("_templates_suffix: .tmpl", "_templates_suffix"),
        ('_exclude: ["docs/**"]', "docs/**"),
        ("_envops: {block_start_string: '[%'}", "_envops"),
        ("secret_word: {type: str, default: x, secret: true}", "secret"),
        ("_subdirectory: templates/{{ kind | no_such_filter }}", "no_such_filter"),
        ("_subdirectory: templates/{{ kind }}{% include 'nowhere' %}", "nowhere"),
    ],
)
def test_what_only_copier_can_do_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    lines = ["kind: {type: str, default: agent, ask: false}", setting]
    if "_subdirectory" not in setting:
        lines.append('_subdirectory: "templates/{{ kind }}"')
    template_repo.write(
        tmp_path, {"copier.yml": "\n".join(lines) + "\n", "templates/agent/a.txt": "a\n"}
    )
    with pytest.raises(BeyondRenderer, match=words.replace("*", r"\*")):
        Template(Folder(tmp_path)).render("agent", Known())


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__.os.system('touch pwned') }}",
    ],
)
def test_a_template_cannot_reach_out_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = '_subdirectory: "templates/{{ kind }}"\nkind: {type: str, default: agent}\n'
    template_repo.write(tmp_path, {"copier.yml": config, "templates/agent/a.txt.jinja": text})
    with pytest.raises(BeyondRenderer):
        Template(Folder(tmp_path)).render("agent", Known())
    assert not (tmp_path / "pwned").exists()


def test_a_link_in_a_template_is_left_to_copier(tmp_path: Path) -> None:
    template_repo.write(tmp_path, {"copier.yml": "_subdirectory: templates\n"})
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/link").symlink_to("/etc/hostname")
    with pytest.raises(BeyondRenderer, match="link"):
        Folder(tmp_path)
    git = Git(tmp_path)
    git.run("init", "--quiet")
    commit = template_repo.commit(tmp_path, "A link")
    with pytest.raises(BeyondRenderer, match="link"):
        Revision(git, commit)
