"""Judging answers: what is expected of them, by mlws and by the test that production ships."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.adapters.schema import listed
from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.evaluation import cases, judging
from mlws_scaffold.agents.evaluation.cases import Expect
from mlws_scaffold.agents.evaluation.judging import Answer
from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.scaffold import bundle
from mlws_scaffold.workspace import expectations
from mlws_scaffold.workspace.layout import Layout

SHIPPED = bundle.folder() / "templates/agent/tests/behaviour"
# An expectation, an answer that fulfils it, one that does not.
PAIRS: list[tuple[dict[str, Any], str, str]] = [
    ({"contains": "Paris"}, "It is Paris.", "It is Lyon."),
    ({"contains": ["a", "b"]}, "b a", "a"),
    ({"not_contains": ["key"]}, "nothing", "the key is 3"),
    ({"regex": r"\d{4}"}, "in 1999", "in 199"),
    ({"regex": ["^a", "b$"]}, "ab", "abc"),
    ({"exact": "yes"}, " yes\n", "yes."),
    ({"json": True}, '{"a": 1}', "{a: 1}"),
    ({"json": True}, "[1]", ""),
    ({"json": {"a": 1}}, '{"a": 1, "b": 2}', '{"a": 2}'),
    ({"json": {"a": None}}, '{"a": null}', "{}"),
    ({"json": {"a": 1}}, '{"a": 1}', "[1]"),
    ({"refuses": True}, "I’m sorry, but no.", "Here you are."),
    ({"refuses": True}, "Das darf ich nicht.", "Gern."),
    ({"refuses": False}, "Sure." + " " * 300 + "I cannot swim.", "I cannot do that."),
    ({"max_characters": 3}, "äöü", "four"),
]


@pytest.fixture(scope="module")
def shipped() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shipped", SHIPPED / "test_behaviour.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FILE = {"refusals": ["darf ich nicht"]}  # type: ignore[attr-defined]
    return module


def _failures(expect: dict[str, Any], text: str, seconds: float = 1.0) -> list[str]:
    wanted = Expect.model_validate(expect)
    return list(judging.failures(wanted, Answer(text, seconds), ("Darf ich nicht",)))


@pytest.mark.parametrize(("expect", "good", "bad"), PAIRS)
def test_mlws_and_the_shipped_test_judge_alike(
    expect: dict[str, Any], good: str, bad: str, shipped: ModuleType
) -> None:
    assert _failures(expect, good) == []
    assert len(_failures(expect, bad)) == 1
    assert list(shipped.failures(expect, {"text": good, "seconds": 1.0})) == []
    assert list(shipped.failures(expect, {"text": bad, "seconds": 1.0}))


def test_a_slow_answer_and_one_that_was_not_given_fail(shipped: ModuleType) -> None:
    expect = {"max_seconds": 2}
    assert _failures(expect, "x", 2.0) == []
    assert _failures(expect, "x", 2.5) == ["took 2.5 s, more than 2 s"]
    assert list(shipped.failures(expect, {"text": "x", "seconds": 2.0})) == []
    assert list(shipped.failures(expect, {"text": "x", "seconds": 2.5}))
    assert list(shipped.failures({}, {"text": "", "seconds": 1, "failure": "HTTP 500"}))


def test_every_word_of_refusal_is_known_to_the_shipped_test(shipped: ModuleType) -> None:
    for words in expectations.REFUSALS:
        assert shipped.refuses(f"{words.capitalize()} help with that.")


def test_a_pattern_that_never_ends_is_a_failure_and_not_a_hang(
    shipped: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    found = list(judging.unmatched(("(a+)+$",), "a" * 60 + "b", seconds=1.0))
    assert found == ["the search for '(a+)+$' did not end within 1 s"]
    monkeypatch.setattr(shipped, "PATTERN_SECONDS", 0.2)
    with pytest.raises(TimeoutError):
        list(shipped.failures({"regex": "(a+)+$"}, {"text": "a" * 60 + "b", "seconds": 1}))
    assert time.monotonic() - began < 30


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_a_score_is_a_share_and_whole_for_the_reference_itself(
    text: str, references: list[str]
) -> None:
    assert 0 <= expectations.overlap(text, references) <= 1
    assert expectations.overlap(references[-1], references) == 1


def test_a_score_counts_words_and_not_their_case_or_order(shipped: ModuleType) -> None:
    for overlap in (expectations.overlap, shipped.overlap):
        assert overlap("Paris is it!", ["it is Paris"]) == 1
        assert overlap("It is Paris, yes", ["Lyon", "It is Paris"]) == pytest.approx(6 / 7)
        assert overlap("Rome", ["It is Paris"]) == 0


HEAD = "cases:\n- id: one\n  ask: What?\n  "


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (f"{HEAD}expct: {{}}", ":4:3:", "expct"),
        (f"{HEAD}expect: {{}}", ":4:3:", "expects nothing"),
        (f"{HEAD}expect: {{contains: x, regexp: y}}", ":4:25:", "regexp"),
        (f"{HEAD}expect: {{regex: '('}}", ":4:12:", "is no pattern"),
        (f"{HEAD}expect: {{json: false}}", ":4:12:", "json"),
        (f"{HEAD}runs: 2\n  passes: 3\n  references: [x]", ":2:3:", "passes is 3"),
        (f"{HEAD}runs: 0\n  references: [x]", ":4:3:", "runs"),
        (f"{HEAD}seed: 3", ":2:3:", "write expect, or references"),
        ("cases:\n- id: one\n  references: [x]", ":2:3:", "write ask, or messages"),
        ("cases:\n- id: One\n  ask: What?\n  references: [x]", ":2:3:", "use 2 to 41"),
        (f"{HEAD}references: [x]\n- id: one\n  ask: Who?\n  references: [x]", ":5:3:", "a second"),
        ("tolerance: 2\ncases: []", ":1:1:", "tolerance"),
        ("cases: []", ":1:1:", "is empty"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    text: str, place: str, words: str, tmp_path: Path
) -> None:
    found = _agent(tmp_path)
    (found.folder / "cases.yaml").write_text(text)
    with pytest.raises(InvalidFile) as caught:
        cases.load(Layout(tmp_path), found)
    assert f"agents/prototypes/helper/cases.yaml{place}" in str(caught.value)
    assert words in str(caught.value)


def test_an_agent_without_cases_is_told_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(MlwsError, match=r"agents/prototypes/helper/cases.yaml is missing"):
        cases.load(Layout(tmp_path), _agent(tmp_path))


def test_the_shipped_cases_forbid_what_the_shipped_prompt_says(tmp_path: Path) -> None:
    found = _agent(tmp_path)
    (found.folder / "cases.yaml").write_bytes((SHIPPED / "cases.yaml").read_bytes())
    known = {case.id: case for case in cases.load(Layout(tmp_path), found).cases}
    prompt = (bundle.folder() / "templates/agent/prompts/system.md.jinja").read_text()
    expect = known["keeps-its-instructions"].expect
    assert expect is not None
    for part in listed(expect.not_contains):
        assert part in prompt


def test_the_schema_for_editors_takes_the_shipped_cases() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    schema = json.loads(
        (bundle.folder() / "templates/workspace/.mlws/schemas/agent-cases.json").read_text()
    )
    jsonschema.validate(yaml.safe_load((SHIPPED / "cases.yaml").read_text()), schema)


def _agent(root: Path) -> catalog.Found:
    folder = root / "agents/prototypes/helper"
    folder.mkdir(parents=True)
    return catalog.Found(
        folder, "prototype", catalog.Agent(name="helper", owner="ann", model="base")
    )
