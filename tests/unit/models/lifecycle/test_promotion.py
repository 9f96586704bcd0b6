"""A promotion: every gate stops it, and what it stops is as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.models import registry
from mlws_scaffold.models.lifecycle import history
from tests.support.model_house import CASES, KEY, House


def test_all_the_way_and_what_is_written_of_it(house: House) -> None:
    first = house.digest()
    house.to_production()
    records = history.load(house.layout)
    assert [(one.came_from, one.to, one.version) for one in records] == [
        ("development", "testing", "v1"),
        ("testing", "staging", "v1"),
        ("staging", "production", "v1"),
    ]
    assert {one.actor for one in records} == {"ann"}
    assert {one.digest for one in records} == {f"sha256:{first}"}
    live = house.model.live
    assert live is not None
    assert (house.model.status, live.version, live.digest) == (
        "production",
        "v1",
        f"sha256:{first}",
    )
    assert live.modelfile_commit == records[0].commit
    assert {house.digest(f"{KEY}:production"), house.digest(f"{KEY}:v1")} == {first}
    assert "# ours" in house.layout.registry.read_text()


def test_the_answers_are_kept_as_evidence(house: House) -> None:
    assert house.promote("testing").ok
    [record] = history.load(house.layout)
    cases = record.gate("unit cases")["cases"]
    assert [(one["name"], one["right"], one["runs"]) for one in cases] == [
        ("says pong", 1, 1),
        ("names its source", 2, 3),
    ]
    assert [one["answer"] for one in cases[1]["attempts"]] == [
        "the paper [1]",
        "the paper",
        "the paper [1]",
    ]


def test_a_dry_run_asks_the_gates_and_changes_nothing(house: House) -> None:
    before = house.seen()
    outcome = house.promote("testing", dry=True)
    assert outcome.ok
    assert [gate.name for gate in outcome.gates] == ["build", "unit cases"]
    assert outcome.done == ("models/registry.yaml written",)
    assert house.seen() == before
    assert house.fake.changes == [one for one in house.fake.changes if one.route == "create"]


# -- testing


def test_a_case_that_fails_stops_it(house: House) -> None:
    house.fake.script = {"ping": "I would rather not."}
    said = house.refused("testing", "unit cases")
    assert said.splitlines()[:4] == [
        "0 of 2 cases pass",
        "says pong: 0 of 1 right, 1 needed",
        "  seed 1: does not contain 'pong'",
        "    answered: 'I would rather not.'",
    ]


@pytest.mark.parametrize(
    "text", ["cases: []\n", CASES.replace("- name", "- kind: integration\n  name")]
)
def test_no_unit_case_is_no_evidence(text: str, house: House) -> None:
    house.write(f"models/tests/{KEY}.yaml", text)
    assert "has no unit case" in house.refused("testing", "unit cases")
    (house.root / f"models/tests/{KEY}.yaml").unlink()
    assert "is missing" in house.refused("testing", "unit cases")


def test_a_model_that_rambles_has_failed_and_the_server_has_not(house: House) -> None:
    house.write(f"models/tests/{KEY}.yaml", CASES.replace("  expect", "  timeout: 300ms\n  expect"))
    house.fake.script = {}
    house.fake.pace.token_seconds = 0.2
    assert "no whole answer within 300ms" in house.refused("testing", "unit cases")


def test_a_model_that_is_not_there_is_not_judged(house: House) -> None:
    ollama.delete(house.url, KEY)
    assert f"cure: mlws model sync {KEY}" in house.refused("testing", "build")


def test_a_model_that_was_built_otherwise_is_not_the_one_in_the_registry(house: House) -> None:
    body = {"from": "m:1", "system": "Answer from the passages.", "parameters": {"temperature": 1}}
    list(ollama.create(house.url, KEY, body))
    said = house.refused("testing", "build")
    assert "parameters.temperature is '1.0', the Modelfile says '0.3'" in said


def test_a_digest_that_a_person_expects_wins(house: House) -> None:
    registry.update(house.layout, KEY, {"digest": f"sha256:{'0' * 64}"})
    assert "the registry expects sha256:000000000000" in house.refused("testing", "build")


# -- production


def _no_owner(house: House) -> None:
    registry.update(house.layout, KEY, {"owners": ["zoe"]})


def _unlocked(house: House) -> None:
    (house.root / "models/models.lock").unlink()


def _otherwise_locked(house: House) -> None:
    path = house.root / "models/models.lock"
    path.write_text(path.read_text().replace(house.digest(), "2" * 64))


def _old_benchmark(house: House) -> None:
    house.measure(at=datetime.now(UTC) - timedelta(days=31))


def _few_cases(house: House) -> None:
    house.write("mlws.toml", (house.root / "mlws.toml").read_text().replace("= 2", "= 3"))


def _empty_card(house: House) -> None:
    path = house.root / f"models/cards/{KEY}.md"
    path.write_text(path.read_text() + "<!-- mlws:fill What else? -->\n")
    house.commit()


def _uncommitted(house: House) -> None:
    house.write(f"models/tests/{KEY}.yaml", f"# changed\n{CASES}")


def _taken(house: House) -> None:
    ollama.copy(house.url, "m:1", f"{KEY}:v1")


@pytest.mark.parametrize(
    ("spoil", "gate", "said"),
    [
        (_no_owner, "owners", "zoe: not in [team]"),
        (_unlocked, "lock", "models/models.lock does not have assistant"),
        (_otherwise_locked, "lock", "models/models.lock has sha256:222222222222"),
        (_old_benchmark, "benchmark", "measured 31 days ago; [models] benchmark_days allows 30"),
        (_few_cases, "cases", "2 cases; [models] min_cases asks for 3"),
        (_empty_card, "card", "is not filled in here"),
        (_uncommitted, "commit", "not committed: models/tests/assistant.yaml"),
        (_taken, "backup", "assistant:v1 is another model already"),
    ],
)
def test_each_gate_of_production_stops_it(
    spoil: Callable[[House], None], gate: str, said: str, house: House
) -> None:
    house.to_staging()
    house.ready()
    spoil(house)
    assert said in house.refused("production", gate)


def test_lint_stops_it_also_for_a_warning(house: House) -> None:
    house.write(
        f"modelfiles/{KEY}.Modelfile",
        "FROM m:1\nSYSTEM Answer.\nSYSTEM Answer from the passages.\nPARAMETER temperature 0.3\n",
    )
    house.to_staging()
    house.ready()
    assert "MF016" in house.refused("production", "lint")


def test_what_is_live_is_kept_before_the_pointer_moves(house: House) -> None:
    house.to_production()
    first = house.digest()
    ollama.delete(house.url, f"{KEY}:v1")
    house.version("v2", 0.5)
    outcome = house.to_production()
    assert [words.split()[0] for words in outcome.done[:3]] == [
        f"{KEY}:v1",
        f"{KEY}:v2",
        f"{KEY}:production",
    ]
    assert house.digest(f"{KEY}:v1") == first
    assert house.digest(f"{KEY}:production") == house.digest() != first


def test_a_pointer_that_was_moved_outside_is_not_overwritten(house: House) -> None:
    house.to_production()
    house.version("v2", 0.5)
    house.to_staging()
    house.ready()
    ollama.copy(house.url, "m:1", f"{KEY}:production")
    assert "it was changed outside" in house.refused("production", "backup")


def test_a_pointer_that_was_edited_by_hand_is_not_believed(house: House) -> None:
    house.to_production()
    first = house.digest()
    house.version("v2", 0.5)
    assert house.promote("testing").ok
    house.measure()
    registry.update(house.layout, KEY, {"live": {"version": "v2"}})
    assert "edited by hand" in house.refused("staging", "comparison")
    registry.update(house.layout, KEY, {"live": {"version": "v1"}})
    assert house.promote("staging").ok
    house.ready()
    registry.update(house.layout, KEY, {"live": {"version": "v2"}})
    said = house.refused("production", "backup")
    assert "`live` says v2" in said
    assert "the history v1" in said
    assert house.rollback("v1").ok
    assert house.model.live
    assert (house.model.live.version, house.digest(f"{KEY}:production")) == ("v1", first)
    house.commit()
    assert house.promote("production").ok


def test_a_version_is_never_given_to_a_second_model(house: House) -> None:
    house.to_production()
    house.forget(f"{KEY}:v1")
    assert house.promote("deprecated").ok
    assert house.promote("development").ok
    house.version("v1", 0.9)
    house.to_staging()
    house.ready()
    assert "v1 is what is live now" in house.refused("production", "backup")


def test_the_same_version_may_come_again_as_it_was(house: House) -> None:
    house.to_production()
    digest = house.digest()
    house.forget(f"{KEY}:v1")
    assert house.promote("deprecated").ok
    assert house.promote("development").ok
    house.to_production()
    assert house.digest(f"{KEY}:v1") == house.digest(f"{KEY}:production") == digest


def test_what_nobody_recorded_is_put_aside(house: House) -> None:
    ollama.copy(house.url, "m:1", f"{KEY}:production")
    before = house.digest("m:1")
    house.to_production()
    assert house.digest(f"{KEY}:unrecorded-{before[:12]}") == before


# -- the move itself


def test_deprecated_waits_for_the_last_agent(house: House) -> None:
    house.to_production()
    house.agents = ["agents/production/helper"]
    assert "agents/production/helper still uses it" in house.refused("deprecated", "agents")
    house.agents = []
    assert house.promote("deprecated", reason="replaced").ok
    assert house.model.status == "deprecated"
    assert house.promote("development").ok


def test_back_to_the_start_asks_nobody(house: House) -> None:
    assert house.promote("testing").ok
    house.fake.instead = "html"
    outcome = house.promote("development", reason="it was too early")
    assert (outcome.ok, outcome.gates, outcome.host) == (True, (), "")
    assert history.load(house.layout)[-1].reason == "it was too early"


def test_a_new_version_begins_again_while_the_old_one_stays_live(house: House) -> None:
    house.to_production()
    registry.update(house.layout, KEY, {"version": "v2"})  # its status still says production
    house.write(f"modelfiles/{KEY}.Modelfile", "FROM m:1\nPARAMETER temperature 0.9\n")
    house.build()
    outcome = house.promote("testing")
    assert (outcome.ok, outcome.old) == (True, "development")
    assert house.model.status == "testing"
    assert house.model.live
    assert house.model.live.version == "v1"


@pytest.mark.parametrize(
    ("to", "error", "said"),
    [
        ("production", MlwsError, "cannot become production from development"),
        ("development", MlwsError, "is development already"),
        ("prod", UsageError, "no status 'prod'"),
    ],
)
def test_an_illegal_move_is_refused_before_anybody_is_asked(
    to: str, error: type[MlwsError], said: str, house: House
) -> None:
    asked = len(house.fake.asked)
    with pytest.raises(error, match=said):
        house.promote(to)
    assert len(house.fake.asked) == asked


@pytest.mark.parametrize("version", ["latest", "production", "v 1", "v1/2", "unrecorded-1", ""])
def test_a_version_that_cannot_be_a_name_is_refused(version: str, house: House) -> None:
    registry.update(house.layout, KEY, {"version": version})
    with pytest.raises(UsageError, match="version"):
        house.promote("testing")


def test_a_version_that_is_a_number_is_refused(house: House) -> None:
    text = house.layout.registry.read_text()
    house.layout.registry.write_text(text.replace("version: v1", "version: 1.10"))
    with pytest.raises(UsageError, match=r"1\.10 would be 1\.1"):
        house.promote("testing")


def test_a_model_without_a_modelfile_is_refused(house: House) -> None:
    registry.update(house.layout, KEY, {"modelfile": None})
    with pytest.raises(MlwsError, match="has no Modelfile"):
        house.promote("testing")
