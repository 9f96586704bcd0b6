"""The life of a model from the command line: refused, promoted, rolled back, asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import Ended, Mlws
from tests.support.model_house import CASES, KEY, House, answer, housed
from tests.support.rendering import render


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with housed(tmp_path / "ws") as made:
        monkeypatch.setenv("OLLAMA_HOST", made.url)
        # The milliseconds of a server without an engine are the machine's noise.
        config = (made.root / "mlws.toml").read_text()
        made.write("mlws.toml", config.replace("min_cases", "tolerance = 100.0\nmin_cases"))
        yield made


@pytest.fixture
def mlws(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(house.root, monkeypatch, capsys)


def _all_the_way(house: House, mlws: Mlws, reason: str) -> None:
    for status in ("testing", "staging", "production"):
        if status == "staging":
            assert mlws("model", "benchmark", KEY, "--runs", "2").code == 0
        if status == "production":
            house.fill_card()
            assert mlws("model", "sync").code == 0  # writes models.lock
            house.commit()
        ended = mlws("model", "promote", KEY, "--to", status, "--reason", reason)
        assert ended.code == 0, ended.out + ended.err
    house.commit()


def test_refused_then_promoted_rolled_back_and_remembered(house: House, mlws: Mlws) -> None:
    """Acceptance: what fails leaves registry and history alone; what passes is on record."""
    before = house.seen()
    house.fake.script = {"ping": "I would rather not say."}
    ended = mlws("model", "promote", KEY, "--to", "testing")
    assert ended.code == 1
    assert "FAIL  unit cases" in ended.out
    assert "seed 1: does not contain 'pong'" in ended.out
    assert "as they were" in ended.out
    assert house.seen() == before
    assert not (house.root / "models/history.jsonl").exists()

    house.fake.script = answer
    _all_the_way(house, mlws, "the first one")
    first = house.digest()
    house.version("v2", 0.9)
    _all_the_way(house, mlws, "warmer")
    ended = mlws("model", "rollback", KEY, "--reason", "too warm")
    assert ended.code == 0
    assert house.digest(f"{KEY}:production") == first

    records = json.loads(mlws("model", "history", KEY, "--json").out)
    assert [(one["action"], one["version"], one["to"]) for one in records] == [
        ("promote", "v1", "testing"),
        ("promote", "v1", "staging"),
        ("promote", "v1", "production"),
        ("promote", "v2", "testing"),
        ("promote", "v2", "staging"),
        ("promote", "v2", "production"),
        ("rollback", "v1", "v1"),
    ]
    then = {
        when: json.loads(mlws("model", "history", KEY, "--at", when, "--json").out)
        for when in ("2020-01-01", *(one["at"] for one in records))
    }
    assert [one["version"] if one else None for one in then.values()] == (
        [None, None, None, "v1", "v1", "v1", "v2", "v1"]
    )
    shown = mlws("model", "history", KEY, "--at", records[5]["at"]).out
    assert f"{KEY} v2 was in production (sha256:" in shown
    assert "by       ann, promoted from staging" in shown
    assert "why      warmer" in shown
    assert "gate     backup: pass" in shown
    table = mlws("model", "history", KEY).out
    assert table.splitlines()[-1].split()[1:5] == ["rollback", "v1", "v2", "v1"]
    assert mlws("model", "list", "--json").code == 0


def test_every_command_documents_its_json_as_it_is(house: House, mlws: Mlws) -> None:
    shown = json.loads(mlws("model", "promote", KEY, "--to", "testing", "--json").out)
    assert list(shown) == [
        *("model", "version", "from", "to", "host", "ok", "dry_run", "gates", "changes", "error")
    ]
    assert list(shown["gates"][0]) == ["name", "result", "seconds", "evidence", "output"]
    assert shown["changes"] == ["models/registry.yaml written"]


def test_a_server_that_is_missing_is_no_verdict(
    house: House, mlws: Mlws, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.seen()
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    ended = mlws("model", "promote", KEY, "--to", "testing")
    assert ended.code == 4
    assert "no Ollama server at http://127.0.0.1:9" in ended.err
    monkeypatch.setenv("OLLAMA_HOST", house.url)
    house.fake.fail("cut", route="chat", nth=2, at=1)
    ended = mlws("model", "promote", KEY, "--to", "testing")
    assert ended.code == 4
    assert "FAIL" not in ended.out
    assert house.seen() == before


def test_asked_wrongly_is_two(house: House, mlws: Mlws) -> None:
    assert mlws("model", "promote", "asistant", "--to", "testing").code == 2
    assert mlws("model", "promote", KEY, "--to", "live").code == 2
    assert mlws("model", "rollback", KEY, "--to", "v9").code == 2
    assert mlws("model", "history", KEY, "--at", "noon").code == 2
    assert mlws("model", "promote", KEY, "--to", "staging").code == 1
    assert mlws("model", "rollback", KEY).code == 1


def _agent(house: House) -> None:
    folder = house.root / "agents/prototypes/helper"
    render("prototype", {"prototype_name": "helper", "prototype_framework": "plain"}, folder)
    text = (folder / "agent.yaml").read_text()
    lines = [f"model: {KEY}" if line.startswith("model:") else line for line in text.splitlines()]
    (folder / "agent.yaml").write_text("\n".join(lines) + "\n")


def test_an_agent_that_names_the_model_holds_it(house: House, mlws: Mlws) -> None:
    _all_the_way(house, mlws, "")
    _agent(house)
    ended = mlws("model", "promote", KEY, "--to", "deprecated")
    assert ended.code == 1
    assert "agents/prototypes/helper still uses it" in ended.out
    (house.root / "agents/prototypes/helper/agent.yaml").write_text("name: [\n")
    ended = mlws("model", "promote", KEY, "--to", "deprecated")
    assert ended.code == 1
    assert "agents/prototypes/helper/agent.yaml:" in ended.err
    assert house.model.status == "production"


@pytest.mark.slow
def test_integration_cases_go_through_the_real_server_of_an_agent(house: House, mlws: Mlws) -> None:
    _ready_for_staging(house, mlws)
    ended = _staging(mlws)
    assert ended.code == 0, ended.out + ended.err
    gates = {gate["name"]: gate for gate in json.loads(ended.out)["gates"]}
    [kept] = gates["integration cases"]["evidence"]["cases"]
    assert (kept["name"], kept["right"]) == ("agents/prototypes/helper: asks", 1)
    assert kept["attempts"][0]["answer"] == "pong"


@pytest.mark.slow
def test_an_agent_that_fails_or_cannot_start_is_told_apart(house: House, mlws: Mlws) -> None:
    _ready_for_staging(house, mlws)
    before = house.seen()
    agent = house.root / "agents/prototypes/helper/agent.py"
    agent.write_text(f"raise RuntimeError('not today')\n{agent.read_text()}")
    ended = _staging(mlws)
    assert ended.code == 1
    assert "not today" in ended.err
    assert house.seen() == before


def _ready_for_staging(house: House, mlws: Mlws) -> None:
    _agent(house)
    case = "- {name: asks, kind: integration, prompt: ping, expect: {contains: pong}}\n"
    house.write(f"models/tests/{KEY}.yaml", CASES + case)
    assert mlws("model", "promote", KEY, "--to", "testing").code == 0
    assert mlws("model", "benchmark", KEY, "--runs", "1").code == 0


def _staging(mlws: Mlws) -> Ended:
    return mlws("model", "promote", KEY, "--to", "staging", "--json")
