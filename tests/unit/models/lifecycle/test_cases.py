"""Cases: what may be written, and where a mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models import durations
from mlws_scaffold.models.lifecycle import cases
from mlws_scaffold.workspace.layout import Layout

HEAD = "cases:\n- name: one\n  "


def _write(root: Path, text: str) -> Layout:
    folder = root / "models/tests"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "m.yaml").write_text(text)
    return Layout(root)


def _problem(root: Path, text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        cases.load(_write(root, text), "m")
    return str(caught.value)


def test_a_model_without_a_file_has_none(tmp_path: Path) -> None:
    assert cases.load(Layout(tmp_path), "m") is None


def test_all_that_can_be_written(tmp_path: Path) -> None:
    text = """\
refusals: [kann ich nicht]
cases:
- name: names its source
  prompt: who says so
  options: {temperature: 0.2}
  format: json
  runs: 5
  passes: 3
  seed: 7
  timeout: 30s
  expect:
    contains: [a, b]
    not_contains: c
    regex: ["^x", 'y$']
    json_schema: {type: object}
    max_latency: 850ms
    function: checks.py:holds
- name: declines
  kind: integration
  messages:
  - {role: user, content: hello}
  - {role: assistant, content: good day}
  - {role: user, content: how}
  expect: {refuses: false, exact: fine}
"""
    layout = _write(tmp_path, text)
    (tmp_path / "models/tests/checks.py").write_text("")
    found = cases.load(layout, "m")
    assert found is not None
    first, second = found.cases
    assert (first.needed, list(first.seeds)) == (3, [7, 8, 9, 10, 11])
    assert first.conversation == [{"role": "user", "content": "who says so"}]
    assert (second.needed, list(second.seeds)) == (1, [1])
    assert [message["role"] for message in second.conversation] == ["user", "assistant", "user"]
    assert found.of("unit") == (first,)
    assert found.of("integration") == (second,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}prompt: x\n  expect: {{}}", "m.yaml:4:3: cases.0.expect: expects nothing"),
        (f"{HEAD}prompt: x\n  expect: {{contains: []}}", "expects nothing"),
        (f"{HEAD}expect: {{exact: x}}", "write prompt, or messages"),
        (
            f"{HEAD}prompt: x\n  messages: [{{role: user, content: x}}]\n  expect: {{exact: x}}",
            "one",
        ),
        (f"{HEAD}prompt: x\n  expect: {{contain: x}}", "did you mean 'contains'?"),
        (f"{HEAD}prompt: x\n  expect: {{regex: '('}}", "is no pattern: missing ), unterminated"),
        (f"{HEAD}prompt: x\n  expect: {{max_latency: soon}}", "'soon' is no time"),
        (f"{HEAD}prompt: x\n  expect: {{max_latency: 0s}}", "no time above zero"),
        (f"{HEAD}prompt: x\n  expect: {{function: checks.py}}", "is no FILE.py:FUNCTION"),
        (f"{HEAD}prompt: x\n  expect: {{function: '../x.py:f'}}", "is no FILE.py:FUNCTION"),
        (f"{HEAD}prompt: x\n  expect: {{function: 'x.py:f'}}", "models/tests/x.py is no file"),
        (f"{HEAD}prompt: x\n  expect: {{json_schema: {{type: thing}}}}", "is no JSON Schema"),
        (f"{HEAD}prompt: x\n  runs: 2\n  passes: 3\n  expect: {{exact: x}}", "it runs 2 times"),
        (f"{HEAD}prompt: x\n  runs: 0\n  expect: {{exact: x}}", "m.yaml:4:3: cases.0.runs"),
        (f"{HEAD}prompt: x\n  options: {{seed: 1}}\n  expect: {{exact: x}}", "seed beside options"),
        (
            f"{HEAD}kind: integration\n  prompt: x\n  format: json\n  expect: {{exact: x}}",
            "agent's",
        ),
        (f"{HEAD}kind: smoke\n  prompt: x\n  expect: {{exact: x}}", 'unknown value "smoke"'),
        ("case: []\n", "did you mean 'cases'?"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    assert said in _problem(tmp_path, text)


def test_a_system_message_is_the_agents_own_business(tmp_path: Path) -> None:
    text = f"{HEAD}kind: integration\n  messages: [{{role: system, content: x}}]\n"
    assert "agent's own business" in _problem(tmp_path, f"{text}  expect: {{exact: x}}\n")


def test_two_cases_of_one_name_are_refused_at_the_second(tmp_path: Path) -> None:
    one = "- name: a\n  prompt: x\n  expect: {exact: x}\n"
    assert "m.yaml:5:3: cases.1.name: a second case" in _problem(tmp_path, f"cases:\n{one}{one}")


def test_a_function_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    layout = _write(tmp_path, f"{HEAD}prompt: x\n  expect: {{function: 'x.py:f'}}\n")
    (tmp_path / "elsewhere.py").write_text("def f(answer, case): return True\n")
    (tmp_path / "models/tests/x.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(InvalidFile, match="no file there"):
        cases.load(layout, "m")


@pytest.mark.parametrize(
    ("text", "seconds"), [("850ms", 0.85), ("1.2s", 1.2), ("2min", 120), (3, 3), ("4", 4)]
)
def test_a_span_of_time_is_read_with_its_unit(text: str | float, seconds: float) -> None:
    assert durations.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1s", "1h", "s", 0, float("nan"), float("inf"), "1 s s"])
def test_what_is_no_span_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match="no time"):
        durations.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.85, "850ms"), (1.2, "1.2s"), (0.0123, "12.3ms"), (0.9999, "1s")]
)
def test_a_span_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert durations.text(seconds) == text
