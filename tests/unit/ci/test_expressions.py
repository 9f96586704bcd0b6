"""The step runner reads expressions as GitHub does, and never guesses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.workflow_runner.expressions import (
    Known,
    Scope,
    Unknown,
    condition,
    evaluate,
    fill,
)

CONTEXTS: dict[str, Any] = {
    "github": Known(event_name="push", event={"before": "abc"}, token="t"),
    "needs": Known(
        one={"result": "success", "outputs": {"any": "true"}},
        two={"result": "skipped", "outputs": {}},
    ),
    "vars": {},
    "secrets": {},
}


def _scope(*, ok: bool = True) -> Scope:
    return Scope(CONTEXTS, ok, Path())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event_name == 'push'", True),
        ("github.event_name == 'PUSH'", True),
        ("github.event.pull_request.base.sha || github.event.before", "abc"),
        ("github.event.none", None),
        ("vars.X != ''", False),
        ("!vars.X && 'yes' || 'no'", "yes"),
        ("(1 < 2) && !(2 <= 1)", True),
        ("join(needs.*.result, ' ')", "success skipped"),
        ("format('origin/{0}', 'main')", "origin/main"),
        ("fromJSON('[\"a\"]')[0]", "a"),
        ("contains('abc', 'B')", True),
        ("'it''s'", "it's"),
        ("null == ''", True),
        ("hashFiles('none/*')", ""),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, value: object) -> None:
    assert evaluate(text, _scope()) == value


@pytest.mark.parametrize(
    "text",
    ["inputs.x", "needs.three.result", "github.actr", "shuffle('a')", "'open", "1 +", "a b", ""],
)
def test_what_is_not_known_is_an_error(text: str) -> None:
    with pytest.raises(Unknown):
        evaluate(text, _scope())


@pytest.mark.parametrize(
    ("text", "ok", "runs"),
    [
        (None, True, True),
        (None, False, False),
        ("vars.X == ''", False, False),
        ("always()", False, True),
        ("always() && vars.X != ''", False, False),
        ("failure()", False, True),
        ("failure()", True, False),
        ("${{ github.event_name == 'push' }}", True, True),
    ],
)
def test_a_condition_asks_for_success_unless_it_says_otherwise(
    text: str | None, ok: bool, runs: bool
) -> None:
    assert condition(text, _scope(ok=ok)) is runs


def test_a_text_is_filled_and_a_lone_expression_keeps_its_type() -> None:
    filled = fill({"a": "x-${{ github.token }}-${{ 1 == 1 }}", "b": ["${{ 2 }}"]}, _scope())
    assert filled == {"a": "x-t-true", "b": [2]}
