"""Stages on several servers, and a model that is pulled and not built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlws_scaffold.models import modelfile, registry
from mlws_scaffold.models.lifecycle import history
from mlws_scaffold.models.sync import lockfile
from mlws_scaffold.models.sync.lockfile import Locked
from tests.support.fake_ollama import FakeOllama, running
from tests.support.fake_ollama.names import parse
from tests.support.model_house import KEY, House

pytestmark = pytest.mark.slow


@pytest.fixture
def production(house: House) -> Iterator[FakeOllama]:
    """A second server, which the team names as production, and a version at staging."""
    with running(FakeOllama()) as fake:
        config = (house.root / "mlws.toml").read_text()
        house.write("mlws.toml", f'{config}[models.hosts]\nproduction = "{fake.url}"\n')
        house.to_staging()
        house.ready()
        fake.add("m:1")
        yield fake


def _rewrite(fake: FakeOllama, name: str) -> None:
    """The same model as another version of the server writes it down."""
    parsed = parse(name)
    manifest = fake.store.manifest(parsed)
    fake.store.put_manifest(parsed, json.dumps(manifest, indent=1).encode())


def test_production_is_the_server_that_the_team_names(house: House, production: FakeOllama) -> None:
    here = house.fake.models
    assert f"mlws model sync {KEY} --host {production.url}" in house.refused("production", "build")
    house.build(production.url)
    assert house.promote("production").ok
    kept = {f"{KEY}:latest", f"{KEY}:v1", f"{KEY}:production"}
    assert set(production.models) == {"m:1", *kept}
    assert len({production.models[name] for name in kept}) == 1
    assert house.fake.models == here


def test_another_server_may_write_the_same_model_down_otherwise(
    house: House, production: FakeOllama
) -> None:
    house.build(production.url)
    _rewrite(production, KEY)
    there = production.models[f"{KEY}:latest"]
    assert there != house.digest()
    outcome = house.promote("production")
    assert outcome.ok, outcome
    [record] = [gate for gate in outcome.gates if gate.name == "record"]
    assert "same weights and settings as on" in record.output[0]
    assert production.models[f"{KEY}:production"] == there
    assert house.model.live
    assert house.model.live.digest == f"sha256:{there}"
    assert history.load(house.layout)[-1].digest == f"sha256:{there}"


def test_another_base_on_the_other_server_makes_another_model(
    house: House, production: FakeOllama
) -> None:
    production.offer("m:1", revision=2)
    production.add("m:1")
    house.build(production.url)
    said = house.refused("production", "record")
    assert f"{production.url} holds another model than {house.url}" in said


def test_what_passed_must_still_be_where_it_passed(house: House, production: FakeOllama) -> None:
    house.build(production.url)
    _rewrite(production, KEY)
    _rewrite(house.fake, KEY)
    assert "no longer holds what passed staging" in house.refused("production", "record")


@pytest.mark.parametrize(("base", "ok"), [("m:1", True), (KEY, False)])
def test_a_lock_of_another_server_speaks_by_modelfile_and_base(
    base: str, ok: bool, house: House
) -> None:
    house.to_staging()
    house.fill_card()
    locked = Locked(
        name=KEY,
        digest=f"sha256:{'1' * 64}",
        base="m:1",
        base_digest=f"sha256:{house.digest(base)}",
        fingerprint=modelfile.build(house.layout, Path(house.model.modelfile or "")).fingerprint,
        at=datetime.now(UTC),
    )
    lockfile.write(house.layout, {KEY: locked})
    house.commit()
    if ok:
        assert house.promote("production").ok
    else:
        assert "has sha256:111111111111" in house.refused("production", "lock")


def test_a_model_that_is_pulled_goes_the_same_way(house: House) -> None:
    house.write(
        "models/registry.yaml",
        "models:\n  base: {source: ollama, model_name: 'm:1', version: v1, owners: [ann]}\n",
    )
    cases = (house.root / f"models/tests/{KEY}.yaml").read_text()
    house.write("models/tests/base.yaml", cases)
    house.key = "base"
    outcome = house.to_production()
    assert {gate.name: gate.result for gate in outcome.gates}["lint"] == "not applicable"
    names = {"m:1", "base:v1", "base:production"}
    assert len({house.digest(name) for name in names}) == 1
    assert house.model.live
    assert house.model.live.modelfile_commit is None
    house.fake.offer("m:1", revision=2)
    house.fake.add("m:1")
    registry.update(house.layout, "base", {"version": "v2", "status": "development"})
    house.to_production()
    assert house.digest("base:production") != house.digest("base:v1")
    assert house.rollback().ok
    assert house.digest("base:production") == house.digest("base:v1")
