"""What an answer is held against, and that nothing a team writes can stop or enter our process."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.models.lifecycle import trials
from mlws_scaffold.models.lifecycle.cases import Case
from mlws_scaffold.models.lifecycle.expectations import Judge, Reply
from mlws_scaffold.models.lifecycle.trials import NoAnswer
from mlws_scaffold.workspace import expectations
from mlws_scaffold.workspace.layout import Layout

# A start of Python under load, and far less than a pattern without end takes.
PATIENCE = 5.0


def _case(expect: dict[str, Any], **fields: Any) -> Case:
    return Case.model_validate({"name": "c", "prompt": "p", "expect": expect, **fields})


def _failures(root: Path, expect: dict[str, Any], text: str, seconds: float = 0.1) -> list[str]:
    judge = Judge(Layout(root), seconds=PATIENCE)
    return judge.failures(_case(expect), Reply(text, seconds))


@pytest.mark.parametrize(
    ("expect", "right", "wrong", "said"),
    [
        ({"contains": ["a", "b"]}, "b a", "a", "does not contain 'b'"),
        ({"not_contains": "a"}, "b", "ba", "contains 'a'"),
        ({"exact": "yes"}, " yes\n", "yes!", "is not exactly 'yes'"),
        ({"refuses": True}, "I’m sorry, but no.", "Sure.", "does not refuse"),
        ({"refuses": False}, "Sure.", "I cannot do that.", "refuses"),
    ],
)
def test_the_plain_expectations(
    expect: dict[str, Any], right: str, wrong: str, said: str, tmp_path: Path
) -> None:
    assert _failures(tmp_path, expect, right) == []
    assert _failures(tmp_path, expect, wrong) == [said]


def test_every_failure_is_told_at_once(tmp_path: Path) -> None:
    expect = {"contains": "a", "exact": "b", "max_latency": "1s"}
    assert _failures(tmp_path, expect, "c", 1.25) == [
        "does not contain 'a'",
        "is not exactly 'b'",
        "took 1.25s, more than 1s",
    ]


def test_a_refusal_is_told_by_how_an_answer_begins() -> None:
    assert expectations.refuses("As a model, I can't help with that.")
    assert not expectations.refuses("x" * 300 + " I can't")
    assert not expectations.refuses("Das kann ich nicht sagen.")
    assert expectations.refuses("Das kann ich nicht sagen.", ("Kann ich NICHT",))


@given(st.text(), st.text(max_size=5))
def test_contains_and_its_opposite_never_agree(text: str, part: str) -> None:
    judge = Judge(Layout(Path()))
    verdicts = [
        not judge.failures(_case({field: part}), Reply(text, 0))
        for field in ("contains", "not_contains")
    ]
    assert verdicts == [part in text, part not in text]


def test_a_pattern_is_searched_anywhere(tmp_path: Path) -> None:
    assert _failures(tmp_path, {"regex": r"\[\d+\]"}, "so [12] it is") == []
    assert _failures(tmp_path, {"regex": "^so$"}, "so it is") == ["does not match '^so$'"]


def test_a_pattern_without_end_is_given_up(tmp_path: Path) -> None:
    judge = Judge(Layout(tmp_path), seconds=1.5)
    began = time.monotonic()
    found = judge.failures(_case({"regex": "(a+)+$"}), Reply("a" * 60 + "b", 0))
    assert found == ["its regex did not end within 1.5s"]
    assert time.monotonic() - began < 20


SCHEMA = {
    "type": "object",
    "properties": {"source": {"type": "string", "pattern": "^S"}},
    "required": ["source"],
}


def test_an_answer_is_held_against_a_json_schema(tmp_path: Path) -> None:
    expect = {"json_schema": SCHEMA}
    assert _failures(tmp_path, expect, '{"source": "S1"}') == []
    assert _failures(tmp_path, expect, '{"source": "x"}') == ["$.source: 'x' does not match '^S'"]
    assert _failures(tmp_path, expect, "{}") == ["$: 'source' is a required property"]
    assert _failures(tmp_path, expect, "Sure: {}")[0].startswith("is no JSON: ")


def test_a_schema_that_leads_out_is_never_fetched(tmp_path: Path) -> None:
    expect = {"json_schema": {"$ref": "http://127.0.0.1:9/schema.json"}}
    assert "leads to what is not in it" in _failures(tmp_path, expect, "{}")[0]


FUNCTIONS = """\
import helper
import os, time

def cites(answer, case):
    assert "[1]" in answer, f"{case['name']}: no source after {case['seconds']} s"
    return True

def no(answer, case):
    return False

def forgot(answer, case):
    helper.seen

def broken(answer, case):
    return answer.nothing

def leaves(answer, case):
    print('["all is well"]')
    os._exit(0)

def sleeps(answer, case):
    time.sleep(60)

def meddles(answer, case):
    import sys
    sys.modules["meddled"] = sys
    os.environ["MEDDLED"] = "1"
    print("\\udcff", file=open(2, "w", errors="surrogateescape"))
    return True
"""


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    folder = tmp_path / "models/tests"
    folder.mkdir(parents=True)
    (folder / "checks.py").write_text(FUNCTIONS)
    (folder / "helper.py").write_text("seen = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cites", ["cites: c: no source after 0.1 s"]),
        ("no", ["no says no"]),
        ("forgot", ["forgot gave None, neither True nor False"]),
        (
            "broken",
            ["checks.py:broken broke: AttributeError: 'str' object has no attribute 'nothing'"],
        ),
        ("leaves", ["checks.py:leaves left without a verdict (exit status 0)"]),
        ("missing", ["checks.py has no function missing"]),
    ],
)
def test_a_function_has_to_say_true(name: str, said: list[str], functions: Path) -> None:
    assert _failures(functions, {"function": f"checks.py:{name}"}, "an answer") == said


def test_a_function_that_is_satisfied(functions: Path) -> None:
    assert _failures(functions, {"function": "checks.py:cites"}, "so it is [1]") == []


def test_a_function_never_runs_in_our_process(functions: Path) -> None:
    import os

    assert _failures(functions, {"function": "checks.py:meddles"}, "x") == []
    assert "meddled" not in sys.modules
    assert "MEDDLED" not in os.environ


def test_a_function_that_does_not_end_is_ended(functions: Path) -> None:
    judge = Judge(Layout(functions), seconds=1.5)
    found = judge.failures(_case({"function": "checks.py:sleeps"}), Reply("x", 0))
    assert found == ["checks.py:sleeps did not end within 1.5s"]


@pytest.mark.parametrize(("needed", "ok"), [(1, True), (2, True), (3, False)])
def test_k_of_n_is_counted_over_fixed_seeds(needed: int, ok: bool, tmp_path: Path) -> None:
    case = _case({"contains": "yes"}, runs=3, passes=needed, seed=10)
    asked = []

    def ask(_case: Case, seed: int) -> Reply:
        asked.append(seed)
        return Reply("no" if seed == 11 else "yes", 0.5)

    [tried] = trials.run([case], ask, Judge(Layout(tmp_path)))
    assert asked == [10, 11, 12]
    assert (tried.right, tried.ok) == (2, ok)
    assert list(tried.lines())[1:] == [
        "  seed 11: does not contain 'yes'",
        "    answered: 'no'",
    ]
    kept = tried.evidence()
    assert (kept["right"], kept["runs"], kept["needed"]) == (2, 3, needed)
    assert [one["answer"] for one in kept["attempts"]] == ["yes", "no", "yes"]


def test_a_model_that_gives_no_answer_has_failed(tmp_path: Path) -> None:
    def ask(_case: Case, _seed: int) -> Reply:
        raise NoAnswer("no whole answer within 2min")

    [tried] = trials.run([_case({"not_contains": "x"})], ask, Judge(Layout(tmp_path)))
    assert not tried.ok
    assert tried.attempts[0].failures == ("no whole answer within 2min",)


def test_an_answer_that_is_no_text_and_one_without_end_can_be_kept(tmp_path: Path) -> None:
    case = _case({"contains": "x"})
    [tried] = trials.run(
        [case], lambda *_: Reply("\ud800" + "x" * 9999, 0), Judge(Layout(tmp_path))
    )
    [kept] = tried.evidence()["attempts"]
    assert kept["answer"] == "?" + "x" * 399 + "…"
