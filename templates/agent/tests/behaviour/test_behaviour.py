"""Judges the recorded answers of the agent by cases.yaml: no model, no server, no network.

`mlws agent eval NAME` asks the agent and writes recordings.json; an answer counts as long as the
question, agent.py, the prompts and the sampling are those it was given with. Where there is none,
the case is skipped, which is no pass: see the reasons at the end of pytest's report.
"""

import hashlib
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
HOME = HERE.parents[1]
REFUSAL = re.compile(
    r"i(?:'m| am) (?:unable|not able|not allowed|sorry, but)"
    r"|i (?:can't|cannot|can not|won't|will not|must decline)"
)
OPENING = 300  # characters: an apology further down belongs to an answer
PATTERN_SECONDS = 10

Case = dict[str, Any]
FILE: dict[str, Any] = yaml.safe_load((HERE / "cases.yaml").read_text(encoding="utf-8"))
CASES: list[Case] = FILE["cases"]


def stored(name: str) -> dict[str, Any]:
    """Return a JSON file beside the cases; empty when there is none."""
    path = HERE / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def makeup() -> str:
    """Return the hash of what shapes answers, as `mlws agent eval` computes it."""
    read = [("agent.py", HOME / "src" / "agent" / "agent.py")]
    for path in sorted((HOME / "prompts").rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            read.append((path.relative_to(HOME).as_posix(), path))
    total = hashlib.sha256()
    for name, path in read:
        total.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    config = yaml.safe_load((HOME / "config.yaml").read_text(encoding="utf-8"))
    total.update(json.dumps(config.get("sampling"), sort_keys=True).encode())
    return total.hexdigest()


def recorded(case: Case) -> list[dict[str, Any]]:
    """Return the answers of a case; without all of them it is skipped."""
    known = stored("recordings.json").get("answers", {})
    if not known:
        pytest.skip("NOT JUDGED: no recordings.json; make it with `mlws agent eval NAME --live`")
    talk = case.get("messages") or [{"role": "user", "content": case["ask"]}]
    talk = [{"role": turn["role"], "content": turn["content"]} for turn in talk]
    first, made, answers = case.get("seed", 1), makeup(), []
    for seed in range(first, first + case.get("runs", 1)):
        asked = json.dumps([case["id"], talk, seed, made], ensure_ascii=False)
        key = hashlib.sha256(asked.encode()).hexdigest()[:32]
        if key not in known:
            pytest.skip(f"NOT JUDGED: no answer of this agent to {case['id']} with seed {seed}")
        answers.append(known[key])
    return answers


def failures(expect: dict[str, Any], answer: dict[str, Any]) -> Iterator[str]:
    """Yield everything that is not as expected."""
    text = str(answer["text"])
    if answer.get("failure"):
        yield str(answer["failure"])
        return
    yield from (f"no {part!r}" for part in listed(expect, "contains") if part not in text)
    yield from (f"has {part!r}" for part in listed(expect, "not_contains") if part in text)
    for pattern in listed(expect, "regex"):
        with at_most(PATTERN_SECONDS):
            if not re.search(pattern, text):
                yield f"does not match {pattern!r}"
    if expect.get("exact") is not None and text.strip() != expect["exact"].strip():
        yield f"is not exactly {expect['exact']!r}"
    if expect.get("json") is not None:
        yield from json_failures(expect["json"], text)
    if expect.get("refuses") not in (None, refuses(text)):
        yield "does not refuse" if expect["refuses"] else "refuses"
    if len(text) > (expect.get("max_characters") or len(text)):
        yield f"has {len(text)} characters"
    if answer["seconds"] > (expect.get("max_seconds") or answer["seconds"]):
        yield f"took {answer['seconds']} s"


def listed(expect: dict[str, Any], name: str) -> list[str]:
    """Return what may be one text or several, as several."""
    value = expect.get(name) or []
    return [value] if isinstance(value, str) else list(value)


def json_failures(wanted: Any, text: str) -> Iterator[str]:
    """Yield what is wrong with a text that has to be JSON, with these values in it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield f"is no JSON: {error}"
        return
    for key, one in wanted.items() if isinstance(wanted, dict) else ():
        if not isinstance(value, dict) or key not in value or value[key] != one:
            yield f"its JSON has not {key!r}: {one!r}"
    if isinstance(wanted, dict) and not isinstance(value, dict):
        yield "is no JSON object"


def refuses(text: str) -> bool:
    """Say whether an answer declines, judged by how it begins."""
    opening = text.strip()[:OPENING].replace("’", "'").casefold()
    own = [str(words).replace("’", "'").casefold() for words in FILE.get("refusals") or ()]
    return bool(REFUSAL.search(opening)) or any(words in opening for words in own)


def overlap(text: str, references: list[str]) -> float:
    """Return the likeness in words to the nearest reference: F1 of tokens."""
    own, best = Counter(re.findall(r"\w+", text.casefold())), 0.0
    for reference in references:
        other = Counter(re.findall(r"\w+", reference.casefold()))
        together = own.total() + other.total()
        best = max(best, 2 * (own & other).total() / together if together else 1.0)
    return best


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail a search that does not end; Python's re looks for signals while it searches."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"a pattern searched for more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_what_must_hold_holds_often_enough(case: Case) -> None:
    """Of the recorded answers at least `passes` are as expected."""
    answers = recorded(case)
    found = [list(failures(case.get("expect") or {}, answer)) for answer in answers]
    needed = case.get("passes") or len(answers)
    assert sum(not each for each in found) >= needed, [each for each in found if each]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.get("references")], ids=lambda case: str(case["id"])
)
def test_answers_are_as_good_as_in_the_baseline(case: Case) -> None:
    """The score is at most the tolerance below the one in baseline.json."""
    baseline = stored("baseline.json")
    before = baseline.get("cases", {}).get(case["id"], {}).get("score")
    if before is None or baseline["fake"] != stored("recordings.json").get("fake"):
        pytest.skip("NOT JUDGED: no baseline of it; make it with `mlws agent eval NAME --record`")
    answers = recorded(case)
    scores = [0.0 if a.get("failure") else overlap(a["text"], case["references"]) for a in answers]
    tolerance = case.get("tolerance", FILE.get("tolerance", 0.1))
    assert sum(scores) / len(scores) >= before - tolerance - 1e-4
