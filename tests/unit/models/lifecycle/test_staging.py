"""The gates of staging: measured, judged in agents, and not worse than what is live."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.models import registry
from mlws_scaffold.models.lifecycle.expectations import Reply
from mlws_scaffold.models.lifecycle.stages import Agent
from tests.support.model_house import CASES, KEY, House


def _tested(house: House) -> None:
    assert house.promote("testing").ok
    house.measure()


def test_staging_needs_a_benchmark_of_this_very_model(house: House) -> None:
    assert house.promote("testing").ok
    assert "v1 was not measured" in house.refused("staging", "benchmark")
    house.measure()
    old = house.reports["v1"]
    house.reports["v1"] = type(old)("v1", f"sha256:{'1' * 64}")
    assert "measured was sha256:111111111111" in house.refused("staging", "benchmark")


def test_a_status_set_by_hand_has_earned_nothing(house: House) -> None:
    registry.update(house.layout, KEY, {"status": "testing"})
    house.measure()
    assert "no record says that v1 passed testing" in house.refused("staging", "record")


def test_another_modelfile_is_another_version(house: House) -> None:
    _tested(house)
    status = house.model.status
    house.version("v1", 0.9)
    registry.update(house.layout, KEY, {"status": status})
    assert "the Modelfile says something else" in house.refused("staging", "record")


def test_a_comment_in_the_modelfile_is_no_change(house: House) -> None:
    _tested(house)
    path = house.root / f"modelfiles/{KEY}.Modelfile"
    path.write_text(f"# a remark\n{path.read_text()}\n")
    assert house.promote("staging").ok


def test_a_base_that_moved_makes_another_model(house: House) -> None:
    _tested(house)
    house.fake.offer("m:1", revision=2)
    house.fake.add("m:1")
    house.build()
    assert "another one than the one judged" in house.refused("staging", "record")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"latency_p95": 1.03}, "latency_p95: 1.03s, in production 1s, worse by more than 2%"),
        ({"tokens_per_second": 39.0}, "tokens_per_second: 39, in production 40, worse"),
        ({"host": "gpu2"}, "were measured with other servers (gpu2, gpu1)"),
        ({"concurrency": 4}, "other numbers of requests at a time (4, 1)"),
    ],
)
def test_what_is_worse_than_in_production_stays_out(
    values: dict[str, object], said: str, house: House
) -> None:
    house.to_production()
    house.version("v2", 0.5)
    assert house.promote("testing").ok
    house.measure(**values)
    assert said in house.refused("staging", "comparison")
    house.measure(latency_p95=1.02, tokens_per_second=39.2)
    assert house.promote("staging").ok


def test_a_worse_answer_is_worse_also_when_it_comes_faster(house: House) -> None:
    registry.update(house.layout, KEY, {"performance": {"accuracy": 0.90}})
    house.to_production()
    house.version("v2", 0.5)
    registry.update(house.layout, KEY, {"performance": {"accuracy": 0.85}})
    assert house.promote("testing").ok
    house.measure(latency_p95=0.1)
    said = house.refused("staging", "comparison")
    assert "accuracy: 0.85, in production 0.9, worse by more than 2%" in said


INTEGRATION = "- {name: asks, kind: integration, prompt: ping, expect: {contains: pong}}\n"


def test_integration_cases_go_through_every_agent_that_uses_it(house: House) -> None:
    _tested(house)
    dry = {gate.name: gate.result for gate in house.promote("staging", dry=True).gates}
    assert dry["integration cases"] == "not applicable"
    house.agents = ["agents/production/helper", "agents/prototypes/draft"]
    assert "no integration case" in house.refused("staging", "integration cases")
    house.write(f"models/tests/{KEY}.yaml", CASES + INTEGRATION)
    served: list[tuple[str, str, str]] = []

    @contextlib.contextmanager
    def serve(agent: str, host: str, name: str) -> Iterator[Agent]:
        served.append((agent, host, name))
        yield lambda messages, _seed: Reply("pong" if "helper" in agent else "nothing", 0.1)

    house.serve = serve
    said = house.refused("staging", "integration cases")
    assert "1 of 2 cases pass" in said
    assert "agents/prototypes/draft: asks: 0 of 1 right" in said
    assert served == [(agent, house.url, KEY) for agent in house.agents]


def test_agents_that_cannot_be_served_are_no_verdict(house: House) -> None:
    _tested(house)
    house.agents = ["agents/production/helper"]
    house.write(f"models/tests/{KEY}.yaml", CASES + INTEGRATION)
    before = house.seen()
    outcome = house.promote("staging")
    assert isinstance(outcome.error, Unavailable)
    assert house.seen() == before


def test_the_card_is_written_at_staging(house: House) -> None:
    house.to_staging()
    text = (house.root / f"models/cards/{KEY}.md").read_text()
    assert f"sha256:{house.digest()}" in text
    assert "| Cases, unit | 2 |" in text
    assert "| latency_p95 | 1s |" in text
