"""Every branch is reached, every choice changes something, no answer is unknown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import nodes

from tests.support.answer_sets import ANSWER_SETS, GOAL
from tests.support.rendering import ROOT, plain_bundle, questions, render, tree

pytestmark = pytest.mark.slow

KINDS = ("workspace", "experiment", "prototype", "agent", "model")
Outcomes = dict[tuple[str, int], set[bool]]


def _conditions(template: nodes.Template) -> list[nodes.If | nodes.CondExpr]:
    return [*template.find_all(nodes.If), *template.find_all(nodes.CondExpr)]


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outcomes]:
    """Which way each condition went, by template text and number of the condition in it."""
    seen: Outcomes = defaultdict(set)
    parse = jinja2.Environment._parse

    def watching(self: Any, source: str, name: Any, filename: Any) -> nodes.Template:
        template = parse(self, source, name, filename)
        self.globals["watch"] = lambda text, number, value: (
            seen[(text, number)].add(bool(value)) or value
        )
        for number, node in enumerate(_conditions(template)):
            call = nodes.Call(
                nodes.Name("watch", "load"),
                [nodes.Const(source), nodes.Const(number), node.test],
                [],
                None,
                None,
            )
            node.test = call.set_environment(self)
        return template

    monkeypatch.setattr(jinja2.Environment, "_parse", watching)
    return seen


def _templates() -> Iterator[tuple[str, str]]:
    """Everything that is rendered: bodies with the suffix, and each part of every path."""
    for kind in KINDS:
        top = plain_bundle() / "templates" / kind
        for path in sorted(top.rglob("*")):
            if path.is_file() and path.suffix == ".jinja":
                yield str(path.relative_to(top)), path.read_text()
            part = path.name.removesuffix(".jinja")
            if "{%" in part:
                yield str(path.relative_to(top)), part


def test_the_answer_sets_reach_both_sides_of_every_condition(
    tmp_path: Path, outcomes: Outcomes
) -> None:
    for name, (kind, answers) in ANSWER_SETS.items():
        render(kind, answers, tmp_path / name)
    plain = jinja2.Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])
    one_sided = []
    for place, source in _templates():
        # Copier takes the suffix off before or after it renders a name: both texts count.
        for number, _ in enumerate(_conditions(jinja2.Environment.parse(plain, source))):
            went = set().union(
                *(
                    seen
                    for (text, at), seen in outcomes.items()
                    if at == number and text in (source, source + ".jinja")
                )
            )
            if went != {True, False}:
                one_sided.append(f"{place}: condition {number} went {sorted(went) or 'nowhere'}")
    assert not one_sided, "\n".join(one_sided)


def _variants() -> Iterator[Any]:
    for kind in KINDS:
        for name, question in questions(kind).items():
            if question.get("when") is False:
                continue
            for value in _other_values(name, question):
                yield pytest.param(kind, name, value, id=f"{name}={value}")


def _other_values(name: str, question: dict[str, Any]) -> list[Any]:
    special: dict[str, list[Any]] = {
        "researcher_email": ["other@example.com"],
        "container_registry": ["ghcr.io/acme"],
        "ollama_models": [["mistral:7b"]],
        "experiment_tags": [["rag"]],
        "experiment_created": ["2020-02-02"],
        "model_base": ["mistral:7b"],
    }
    if name in special:
        return special[name]
    choices = question.get("choices")
    values = list(choices.values()) if isinstance(choices, dict) else choices
    if question.get("multiselect"):
        return [[value] for value in values if f"[{value}]" != question["default"]] + [[]]
    if values:
        return [value for value in values if value != question["default"]]
    if question["type"] == "bool":
        return [not question["default"]]
    return ["something-else"]


# Read by the hook after generating, not by any file.
ONLY_RECORDED = {"sync_models"}


@pytest.mark.parametrize(("kind", "name", "value"), list(_variants()))
def test_every_choice_changes_something(kind: str, name: str, value: Any, tmp_path: Path) -> None:
    base = dict(GOAL) if kind == "experiment" else {}
    usual = tree(render(kind, base, tmp_path / "usual"))
    other = tree(render(kind, {**base, name: value}, tmp_path / "other"))
    assert (usual != other) == (name not in ONLY_RECORDED)


def test_a_choice_that_only_the_hook_reads_is_read_by_the_hook() -> None:
    room = "".join(path.read_text() for path in (ROOT / "src/mlws_scaffold/scaffold").rglob("*.py"))
    assert all(name in room for name in ONLY_RECORDED)


def test_the_workspace_asks_ten_questions_and_the_other_kinds_at_most_four() -> None:
    asked = {
        kind: [
            name
            for name, question in questions(kind).items()
            if question.get("ask", True) and question.get("when") is not False
        ]
        for kind in KINDS
    }
    assert len(asked["workspace"]) == 10
    # The name is an argument of mlws-new; what remains are three questions at most.
    assert {kind: len(names) - 1 <= 3 for kind, names in asked.items() if kind != "workspace"} == {
        "experiment": True,
        "prototype": True,
        "agent": True,
        "model": True,
    }


def test_an_unknown_answer_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no question"):
        render("workspace", {"organization": "x"}, tmp_path / "out")
