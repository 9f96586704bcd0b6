"""What a plan says of a server, and how little it asks for that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import Unavailable, UsageError
from mlws_scaffold.workspace.config import Workspace
from tests.support import model_workspace as workspace
from tests.support.fake_ollama import FakeOllama, running

MODELFILE = """\
FROM llama3.1:8b
SYSTEM \"\"\"Answer from the given passages and name them.\"\"\"
PARAMETER temperature 0.3
PARAMETER stop "###"
PARAMETER stop "<END>"
"""
MODELS = {"llama3.1-8b-base": "llama3.1:8b", "medical-assistant-v2": MODELFILE}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace.make(tmp_path / "ws", MODELS)


def test_a_plan_changes_nothing_and_says_why(place: Workspace) -> None:
    with running(FakeOllama(offered={"llama3.1:8b"})) as fake:
        found = workspace.planned(place, fake.url)
        assert fake.changes == []
        assert fake.asked == ["GET /api/tags"]
    assert [(step.wish.name, step.state, step.action) for step in found.steps] == [
        ("llama3.1:8b", "missing", "pull"),
        ("llama3.1-8b-base", "missing", "copy"),
        ("medical-assistant-v2", "missing", "build"),
    ]
    assert all(step.reason for step in found.steps)
    assert not (place.root / "models/models.lock").exists()


def test_a_change_of_a_parameter_is_one_build_and_a_comment_none(place: Workspace) -> None:
    path = place.root / "modelfiles/medical-assistant-v2.Modelfile"
    with running(FakeOllama(offered={"llama3.1:8b"})) as fake:
        workspace.sync(place, fake.url)
        path.write_text(f"# for the doctors\n\n{MODELFILE}")
        assert workspace.planned(place, fake.url).drift == ()
        path.write_text(MODELFILE.replace("0.3", "0.2"))
        (step,) = workspace.planned(place, fake.url).drift
        assert (step.state, step.reason) == (
            "Modelfile changed",
            "temperature is 0.3, should be 0.2",
        )
        before = len(fake.changes)
        workspace.sync(place, fake.url)
        assert [asked.route for asked in fake.changes[before:]] == ["create"]


def test_what_was_built_by_hand_with_another_temperature_is_named(place: Workspace) -> None:
    with running(FakeOllama(offered={"llama3.1:8b"})) as fake:
        workspace.sync(place, fake.url)
        body = {
            "from": "llama3.1:8b",
            "system": "Answer from the given passages and name them.",
            "parameters": {"temperature": 0.9, "stop": ["###", "<END>"]},
        }
        [*ollama.create(fake.url, "medical-assistant-v2", body)]
        (step,) = workspace.planned(place, fake.url).drift
        assert (step.state, step.action) == ("changed outside", "")
        assert step.reason == "temperature is 0.9, should be 0.3"
        report = workspace.sync(place, fake.url)
        assert not report.ok
        assert not [result for result in report.results if result.changed]
        assert workspace.sync(place, fake.url, "medical-assistant-v2", force=True).ok
        assert workspace.planned(place, fake.url).drift == ()


def test_a_fresh_machine_adopts_what_is_right(
    tmp_path: Path, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(FakeOllama(offered={"llama3.1:8b"})) as fake:
        workspace.sync(place, fake.url)
        (place.root / "models/models.lock").unlink()
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "fresh"))
        planned = workspace.planned(place, fake.url)
        assert workspace.states(planned)["medical-assistant-v2"] == "adopt"
        assert planned.drift == ()
        before = len(fake.changes)
        report = workspace.sync(place, fake.url)
        assert workspace.states(report)["medical-assistant-v2"] == "adopted"
        assert len(fake.changes) == before
        asked = len(fake.asked)
        assert set(workspace.states(workspace.planned(place, fake.url)).values()) == {"up to date"}
        assert fake.asked[asked:] == ["GET /api/tags"]


@pytest.mark.slow
def test_five_hundred_models_cost_one_list_and_one_look_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {f"base{number}": f"base{number}" for number in range(100)}
    models |= {
        f"own{number}": f"FROM base{number % 100}\nPARAMETER seed {number}\n"
        for number in range(400)
    }
    place = workspace.make(tmp_path / "ws", models)
    fake = FakeOllama()
    fake.add(*(f"base{number}" for number in range(100)))
    with running(fake):
        for number in range(400):
            body = {"from": f"base{number % 100}", "parameters": {"seed": number}}
            [*ollama.create(fake.url, f"own{number}", body)]
        begun = len(fake.record.requests)
        found = workspace.planned(place, fake.url)
        asked = fake.record.requests[begun:]
        assert Counter(workspace.states(found).values()) == {"up to date": 100, "adopt": 400}
        assert Counter(one.route for one in asked) == {"tags": 1, "show": 500}
        # The custom models once each, and each base once for all that are built on it.
        assert Counter(Counter(one.name for one in asked if one.route == "show").values()) == {
            1: 500
        }
        workspace.sync(place, fake.url)
        begun = len(fake.record.requests)
        again = workspace.planned(place, fake.url)
        assert set(workspace.states(again).values()) == {"up to date"}
        assert fake.asked[begun:] == ["GET /api/tags"]


def test_a_chosen_model_is_planned_with_what_it_is_built_on(place: Workspace) -> None:
    with running() as fake:
        found = workspace.planned(place, fake.url, ["medical-assistant-v2"])
    assert list(workspace.states(found)) == ["llama3.1:8b", "medical-assistant-v2"]
    assert found.leftovers == ()


def test_a_base_without_an_entry_is_not_fetched_for_what_is_built_already(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"mine": "FROM m:1\nSYSTEM hi\n"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        workspace.sync(place, fake.url)
        ollama.delete(fake.url, "m:1")
        assert workspace.states(workspace.planned(place, fake.url)) == {"mine": "up to date"}


def test_no_server_is_no_verdict_and_an_unknown_key_a_wrong_question(place: Workspace) -> None:
    with pytest.raises(Unavailable):
        workspace.planned(place, "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="no model 'medical-asistant-v2'"):
        workspace.planned(place, "http://127.0.0.1:9", ["medical-asistant-v2"])
