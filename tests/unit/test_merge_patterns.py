"""Patterns are matched as Copier's own matcher does it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.scaffold.merging import patterns
from tests.support.template_repo import ROOT

NAMES = st.sampled_from(["a", "b.py", "test_x.py", "src", "exp_1", "*", "a*", "*.py", "t*_*", "-"])
PATTERNS = st.builds(
    lambda lead, parts, end: f"{lead}{'/'.join(parts)}{end}",
    st.sampled_from(["", "/"]),
    st.lists(NAMES, min_size=1, max_size=3),
    st.sampled_from(["", "/**"]),
)
PATHS = st.lists(
    st.sampled_from(["a", "ab", "b.py", "c.py", "test_x.py", "src", "exp_1", "-"]),
    min_size=1,
    max_size=4,
).map("/".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=3), PATHS)
def test_plain_patterns_match_as_pathspec_does(wanted: list[str], path: str) -> None:
    assert patterns.matcher(wanted)(path) == patterns.by_pathspec(wanted)(path)


def test_patterns_of_our_template_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "copier.yml").read_text().partition("\n---")[0]
    wanted = yaml.safe_load(text)["_skip_if_exists"]
    monkeypatch.setattr(patterns, "by_pathspec", lambda _: pytest.fail("pathspec was asked"))

    found = patterns.matcher(wanted)

    assert found("tests/test_one.py")
    assert found("src/exp_one/module.py")
    assert not found("docs/README.md")


@pytest.mark.parametrize("pattern", ["!a", "a?", "[ab]", "a/**/b", "a\\*", "ä", "a/"])
def test_any_other_pattern_is_left_to_pathspec(pattern: str) -> None:
    assert patterns.matcher([pattern])("x/y") == patterns.by_pathspec([pattern])("x/y")


def test_without_patterns_nothing_matches() -> None:
    assert not patterns.matcher([])("a")
