"""Whatever is answered: our renderer and Copier make the same tree, or both refuse."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from copier.errors import CopierError
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import Folder
from mlws_scaffold.scaffold.rendering.tree import Template
from tests.support import rendering
from tests.support.answer_sets import NASTY

pytestmark = pytest.mark.slow

ORIGIN = {"_src_path": "https://git.example.org/t/mlws-scaffold.git", "_commit": "v0.1.0"}
_NAMES = st.sampled_from(["a1", "class", "q-and-a", "x" * 41, "llama3.1-8b"])
_WRONG_NAMES = st.sampled_from(["", "A b", "../up", "con", "a-", "é", "a\n"])
_SENTENCES = st.one_of(
    st.sampled_from([text * 2 for text in NASTY]), st.text("ab #:{%}'\"\\é", min_size=12)
)
_MODELS = st.lists(st.sampled_from(["llama3.1:8b", "team/model:v1", "m.1"]), unique=True)
_OTHERS = {"ollama_models": _MODELS, "experiment_tags": st.lists(_NAMES, unique=True, max_size=3)}


def _fitting(name: str, question: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Answers that the question mostly takes."""
    if name in _OTHERS:
        return _OTHERS[name]
    choices = question.get("choices")
    if choices:
        one = st.sampled_from(list(choices.values() if isinstance(choices, dict) else choices))
        return st.lists(one, unique=True) if question.get("multiselect") else one
    if question["type"] == "bool":
        return st.sampled_from([True, False, "yes", "0", "off"])
    if "name(" in str(question.get("validator")):
        return _NAMES
    if question.get("validator") and "text(" not in str(question["validator"]):
        return st.just(question.get("default", ""))
    return _SENTENCES


def _wrong(name: str, question: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Answers that it mostly does not take; texts are wrong for a list, too."""
    return st.one_of(_WRONG_NAMES, st.sampled_from(NASTY), st.sampled_from([None, 7, ["a b"], {}]))


@st.composite
def answers(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Some questions answered; in one set of three one answer may be anything."""
    asked = {
        name: question
        for name, question in rendering.questions(kind).items()
        if question.get("when") is not False
    }
    given = {}
    for name, question in asked.items():
        if "default" not in question or draw(st.booleans()):
            given[name] = draw(_fitting(name, question))
    if draw(st.integers(0, 2)) == 2:
        name = draw(st.sampled_from(sorted(asked)))
        given[name] = draw(_wrong(name, asked[name]))
    return given


def _copiers(kind: str, known: dict[str, Any]) -> dict[str, bytes] | None:
    """The tree with Copier, None when it refuses."""
    with tempfile.TemporaryDirectory() as name:
        try:
            folder = rendering.render(kind, known, Path(name) / "made")
        except (CopierError, ValueError):
            return None
        return rendering.tree(folder, answers_file=True)


def _ours(template: Template, kind: str, known: dict[str, Any]) -> dict[str, bytes] | None:
    try:
        tree = template.render(kind, Known({**ORIGIN, **known}))
    except UsageError:
        return None
    return {
        path: oct(file.mode).encode() + b" " + file.content for path, file in tree.files.items()
    }


@pytest.mark.parametrize(
    ("kind", "examples"),
    [("workspace", 12), ("experiment", 16), ("prototype", 12), ("agent", 8), ("model", 20)],
)
def test_any_answers_make_the_same_tree_or_none(kind: str, examples: int) -> None:
    template = Template(Folder(rendering.plain_bundle()))
    ends: set[bool] = set()

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(answers(kind))
    def same(known: dict[str, Any]) -> None:
        made = _ours(template, kind, known)
        assert made == _copiers(kind, known)
        ends.add(made is None)

    same()
    assert ends == {True, False}, "both a tree and a refusal must have been compared"
