"""`mlws agent eval`: a prototype as it is served, its baseline, its recordings, its promotion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog, evidence
from mlws_scaffold.agents.evaluation import baseline, evaluate, sources
from mlws_scaffold.agents.evaluation.evaluate import Wish
from mlws_scaffold.agents.evaluation.judging import Answer, Ask
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.agents.evaluation.sources import Served
from mlws_scaffold.agents.promote.judging import Standing
from mlws_scaffold.agents.serving import fake_model
from mlws_scaffold.agents.serving.asking import Said
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.scaffold import bundle, promotion
from mlws_scaffold.scaffold.create import Project
from mlws_scaffold.scaffold.render import Answers
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.rendering import render
from tests.support.template_repo import commit, write

TEAM = '[team.ann]\nname = "Ann"\nemail = "researcher@example.org"\n'
FOLDER = "agents/prototypes/helper"
NOWHERE = "http://127.0.0.1:9"
CASES = """\
cases:
  - {id: greets, ask: Hello, runs: 2, passes: 1, expect: {contains: good}}
  - {id: capital, ask: Capital of France?, references: [It is Paris]}
"""
GOOD = {"Hello": "good day", "Capital of France?": "It is Paris"}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tiny_workspace.make(tmp_path / "repository/ws", config=TEAM)
    answers = {"prototype_name": "helper", "prototype_owner": "ann", "prototype_model": "base"}
    answers["prototype_framework"] = "plain"
    render("prototype", answers, root / FOLDER)
    write(root, {".gitignore": ".mlws/\n__pycache__/\n"})
    git = Git(root.parent)
    git.run("init", "--quiet")
    commit(root, "Start")
    return load(root)


def _answering(
    monkeypatch: pytest.MonkeyPatch, said: Mapping[str, str] | Callable[[], Answer], **model: Any
) -> None:
    """Let a model that is not there answer in place of the served agent."""

    def ask(case: Any, _seed: int) -> Answer:
        return said() if callable(said) else Answer(said[case.ask], 0.1)

    @contextmanager
    def live(_served: Served, _found: object, name: str) -> Iterator[tuple[Model, Ask]]:
        yield Model(name, **model), ask

    monkeypatch.setattr(sources, "live", live)


def _evaluate(place: Workspace, wish: Wish) -> evaluate.Outcome:
    found = catalog.find(place.layout, "helper")
    return evaluate.evaluate(
        place, found, Served(place.root, Path(), NOWHERE), wish, lambda _: None
    )


def _with_cases(place: Workspace, text: str = CASES) -> None:
    write(place.root, {f"{FOLDER}/cases.yaml": text})
    commit(place.root, "Say what is expected")


def test_a_rendered_prototype_is_evaluated_recorded_and_promoted(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    head = Git(place.root).commit_of("HEAD") or ""
    ended = mlws("agent", "eval", "helper", "--model", "fake", "--record")
    assert ended.code == 0, ended.err
    assert "4 of 4 cases hold" in ended.out
    assert "Traceback" not in ended.err
    stored = json.loads((place.root / FOLDER / "baseline.json").read_text())
    assert {key: stored[key] for key in ("version", "agent", "commit", "model", "fake")} == {
        "version": 1, "agent": "helper", "commit": head, "model": "fake", "fake": True,
    }  # fmt: skip
    assert stored["digest"] is None
    assert stored["cases"]["answers"] == {"passed": 3, "of": 3, "score": None}
    assert 0 < stored["cases"]["admits-not-knowing"]["score"] < 1
    found = catalog.find(place.layout, "helper")
    kept = evidence.read(place, found, "eval", head)
    assert kept is not None
    assert (kept["ok"], kept["fake"], kept["recorded"]) == (True, True, False)
    report = place.root / f".mlws/evidence/{head}/prototype-helper-eval.md"
    assert "| answers | 3/3 | 2 |" in report.read_text()
    commit(place.root, "Record a baseline")
    _, plan = promotion.from_prototype(place, "helper", lambda _: Standing("staging", live=False))
    wish = Project("agent", "helper", Answers({"agent_model": "base"}), "ann", branch=False)
    made = promotion.make(place, wish, plan).folder
    for name in ("cases.yaml", "baseline.json", "recordings.json"):
        carried = made / "tests/behaviour" / name
        assert carried.read_bytes() == (place.root / FOLDER / name).read_bytes()
    # Carried byte for byte, the answers are still those of this agent, without any mlws.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/behaviour"]
    env = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run(command, cwd=made, env=env, capture_output=True, text=True, check=False)
    assert "5 passed" in done.stdout, done.stdout
    assert mlws("agent", "eval", "helper", "--recorded", "--against", "baseline").code == 0


def test_recorded_answers_are_judged_without_a_model_by_what_is_expected_now(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, GOOD)
    assert _evaluate(place, Wish(live=True)).ok
    commit(place.root, "Record the answers")
    again = _evaluate(place, Wish())  # nobody answers there: recorded
    assert again.ok
    assert not again.evaluation.live
    _with_cases(place, CASES.replace("contains: good", "contains: bad"))
    assert not _evaluate(place, Wish(live=False)).ok


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("prompts/system.md", "Be rude.\n", "greets (seed 1): out of date"),
        ("agent.py", "# other\n", "capital (seed 1): out of date"),
        ("config.yaml", "sampling: {temperature: 2}\n", "greets (seed 2): out of date"),
        ("cases.yaml", CASES.replace("Hello", "Hi"), "greets (seed 1): out of date"),
        ("cases.yaml", CASES.replace("runs: 2", "runs: 3"), "greets (seed 3): missing"),
        ("recordings.json", None, "no answers of helper are recorded"),
        ("agent.yaml", "name: helper\nowner: ann\nmodel: other\n", "are of base, not of other"),
    ],
)
def test_an_answer_of_another_agent_is_no_answer(
    name: str, text: str | None, words: str, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, GOOD)
    _evaluate(place, Wish(live=True))
    write(place.root, {f"{FOLDER}/{name}": text})
    with pytest.raises(Unavailable) as caught:
        _evaluate(place, Wish(live=False))
    assert words in caught.value.message
    assert caught.value.exit_code == 4


def test_what_held_and_fails_is_worse_and_a_lower_score_too(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, GOOD)
    assert _evaluate(place, Wish(record=True)).ok
    for said, worse in (
        (GOOD, []),
        ({**GOOD, "Hello": "go away"}, ["greets"]),
        ({**GOOD, "Capital of France?": "It is Paris, yes"}, ["capital"]),  # 1 to 0.86
    ):
        _answering(monkeypatch, said)
        outcome = _evaluate(place, Wish(live=True, record=True, against="baseline"))
        found = [one.case for one in outcome.evaluation.compared if one.verdict == "worse"]
        assert found == worse
        assert outcome.ok is not bool(worse)
        assert outcome.recorded is not bool(worse)
    stored = json.loads((place.root / FOLDER / "baseline.json").read_text())
    assert stored["cases"]["greets"]["passed"] == 2


def test_a_case_that_failed_before_may_go_on_failing(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, {**GOOD, "Hello": "go away"})
    assert not _evaluate(place, Wish(live=True)).ok
    assert _evaluate(place, Wish(record=True)).ok
    outcome = _evaluate(place, Wish(live=True, against="baseline"))
    assert outcome.ok
    assert [one.verdict for one in outcome.evaluation.compared] == ["fails", "ok"]


def test_a_baseline_is_only_of_a_committed_agent(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, GOOD)
    with pytest.raises(UsageError, match="answers given now"):
        _evaluate(place, Wish(live=False, record=True))
    write(place.root, {f"{FOLDER}/prompts/system.md": "Be rude.\n"})
    with pytest.raises(MlwsError, match="uncommitted changes"):
        _evaluate(place, Wish(record=True))
    assert not (place.root / FOLDER / "baseline.json").exists()
    outcome = _evaluate(place, Wish(live=True))
    assert "uncommitted changes" in outcome.why
    assert not (place.root / ".mlws/evidence").exists()


def test_an_agent_edited_while_it_is_asked_leaves_no_baseline(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)

    def edit() -> Answer:
        write(place.root, {f"{FOLDER}/prompts/system.md": "Be rude.\n"})
        return Answer("good", 0.1)

    _answering(monkeypatch, edit)
    with pytest.raises(MlwsError, match="changed while it was evaluated"):
        _evaluate(place, Wish(record=True))
    assert not (place.root / FOLDER / "baseline.json").exists()
    assert not (place.root / FOLDER / "recordings.json").exists()


def test_a_model_server_in_trouble_is_neither_a_pass_nor_a_fail(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    case = evaluate.cases.load(place.layout, catalog.find(place.layout, "helper")).cases[0]
    for status in (429, 502, 503, 504):
        asked = lambda *_, status=status: Said("", 1.0, f"HTTP {status}", status)  # noqa: E731
        with pytest.raises(Unavailable, match=f"greets could not be judged: HTTP {status}"):
            sources.answer(asked, case, 1)
    broken = sources.answer(lambda *_: Said("", 1.0, "HTTP 500: bug", 500), case, 1)
    assert broken.failure == "HTTP 500: bug"

    def away() -> Answer:
        raise Unavailable("the model server is away")

    _answering(monkeypatch, away)
    with pytest.raises(Unavailable):
        _evaluate(place, Wish(record=True))
    assert Git(place.root).changed() == []


def test_without_a_model_server_a_live_evaluation_cannot_be_judged(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    ended = Mlws(place.root, monkeypatch, capsys)("agent", "eval", "helper", "--live")
    assert ended.code == 4
    assert Git(place.root).changed() == []


def test_an_echo_never_replaces_the_answers_of_a_model(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_cases(place)
    _answering(monkeypatch, GOOD)
    _evaluate(place, Wish(live=True, record=True))
    kept = (place.root / FOLDER / "recordings.json").read_bytes()
    _answering(monkeypatch, dict.fromkeys(GOOD, "echo"), fake=True)
    _evaluate(place, Wish(model="fake"))
    with pytest.raises(Unavailable, match="is of the fake model"):
        _evaluate(place, Wish(model="fake", against="baseline"))
    _answering(monkeypatch, dict.fromkeys(GOOD, "other"))
    _evaluate(place, Wish(model="other", live=True))
    assert (place.root / FOLDER / "recordings.json").read_bytes() == kept


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "cases": {"a": 3}}', '{"version": 9}'])
def test_a_broken_baseline_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(MlwsError) as caught:
        baseline.read(tmp_path / "b.json", "b.json")
    assert caught.value.message.startswith("b.json")


def test_the_result_is_one_json_document(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _with_cases(place)
    _answering(monkeypatch, {**GOOD, "Hello": "go away"})
    ended = Mlws(place.root, monkeypatch, capsys)("agent", "eval", "helper", "--live", "--json")
    assert ended.code == 1
    shown = json.loads(ended.out)
    assert (shown["agent"], shown["model"], shown["ok"]) == ("helper", "base", False)
    assert {row["case"]: row["verdict"] for row in shown["cases"]} == {
        "greets": "fails", "capital": "ok",
    }  # fmt: skip
    assert f"{FOLDER}/recordings.json" in shown["written"]


SERVER = """\
from mlws_scaffold.agents.serving import fake_model
with fake_model.running(0.0) as address:
    print(address, flush=True)
    input()
"""


def test_a_model_server_that_goes_away_is_noticed_through_the_served_agent(
    place: Workspace,
) -> None:
    found = catalog.find(place.layout, "helper")
    server = bundle.folder() / "templates/agent/src/agent"
    case = evaluate.cases.load(place.layout, found).cases[0]
    command = [sys.executable, "-c", SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as upstream:
        assert upstream.stdout is not None
        host = upstream.stdout.readline().strip()
        assert sources.answers(host)
        served = Served(place.root, server, host)
        with sources.live(served, found, "fake:latest") as (model, ask):
            assert model == Model("fake:latest", "0" * 64)
            assert ask(case, 1).text.endswith("You said: What can you help me with?")
            upstream.kill()
            upstream.wait()
            with pytest.raises(Unavailable):
                ask(case, 2)
    assert not sources.answers(host)


def test_a_model_that_the_server_lacks_cannot_be_judged(place: Workspace) -> None:
    found = catalog.find(place.layout, "helper")
    with (
        fake_model.running(0.0) as host,
        pytest.raises(Unavailable, match="has no model 'base'"),
        sources.live(Served(place.root, Path(), host), found, "base"),
    ):
        pass
