"""Names and texts: one rule in Python and in the template's validators, held against each other."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlws_scaffold.workspace import names

RULES = Path(__file__).parents[2] / "templates/shared"
near_names = st.text("abz09-._ABü \n", max_size=45) | st.text(max_size=12)
near_emails = st.from_regex(r"[a-z.+ü]{0,5}@?[a-z-]{0,5}(\.[a-z]{0,3}){0,2}\n?", fullmatch=True)


@cache
def rules() -> Any:
    """The macros as Copier renders them, with its own filters."""
    environment = Environment(
        loader=FileSystemLoader(RULES),
        undefined=StrictUndefined,
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        autoescape=False,
    )
    return environment.get_template("rules.jinja").module


@given(near_names, st.booleans())
@example("con", False)
@example("com1.x", True)
@example("a" * 41, False)
@example("a" * 42, False)
@example("ab\n", False)
@example("a..b", True)
def test_python_and_the_template_agree_on_names(value: str, dots: bool) -> None:
    ours = names.problem_with_name(value, dots=dots)
    assert str(rules().name(value, dots)).strip() == (ours or "")


@given(st.text(max_size=40) | st.text(min_size=295, max_size=305), st.integers(0, 10))
@example("line\nbreak", 0)
@example("\u2028", 0)
@example("   short   ", 10)
def test_python_and_the_template_agree_on_texts(value: str, least: int) -> None:
    ours = names.problem_with_text(value, least=least)
    assert str(rules().text(value, least)).strip() == (ours or "")


@given(near_emails)
@example("ann@example.org")
@example("ann@example")
@example("ann@example.org\n")
def test_python_and_the_template_agree_on_addresses(value: str) -> None:
    ours = names.problem_with_email(value)
    assert str(rules().email(value)).strip() == (ours or "")


@given(
    st.from_regex(r"([a-z0-9]{1,4}/)?[A-Za-z0-9_.-]{1,12}(:[A-Za-z0-9_.-]{1,6})?", fullmatch=True)
)
@example("Team/Nomic_Embed:v1.5")
def test_python_and_the_template_agree_on_keys_of_models(value: str) -> None:
    assert str(rules().registry_key(value)) == names.registry_key(value)


@given(st.text(max_size=60))
def test_a_name_that_is_taken_is_safe_as_a_path_and_as_a_branch(value: str) -> None:
    if names.problem_with_name(value, dots=True) is None:
        assert re.fullmatch(r"[a-z0-9.-]{2,41}", value)
        assert not value.startswith((".", "-"))
        assert ".." not in value
        assert not value.endswith(".")
    if names.problem_with_experiment_id(value) is None:
        assert ".." not in value
        assert not set(value) & set("/\\ \n")


@pytest.mark.parametrize("value", ["medical-qa", "rag2", "a1", "x" * 41])
def test_ordinary_names_are_taken(value: str) -> None:
    assert names.problem_with_name(value) is None


@pytest.mark.parametrize(
    "value", ["", "a", "A1", "1a", "a_b", "a b", "../x", "a/b", "nul", "lpt1", "a.b", "é1", "a1\n"]
)
def test_other_names_are_refused_with_the_rule(value: str) -> None:
    assert names.problem_with_name(value)


@pytest.mark.parametrize("value", ["v1.2_x-3", "2026-trial"])
def test_an_older_id_may_be_wider_than_a_name(value: str) -> None:
    assert names.problem_with_experiment_id(value) is None


@pytest.mark.parametrize("value", ["", "x", "-a", "A-b", "a..b", "a/b", "a b", "a" * 65])
def test_an_id_that_could_mislead_is_refused(value: str) -> None:
    assert names.problem_with_experiment_id(value)
