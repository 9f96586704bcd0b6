"""Going back: only to what was live, only when its copy is the very same, and never forth again."""

from __future__ import annotations

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.models.lifecycle import history
from tests.support.model_house import KEY, House

pytestmark = pytest.mark.slow


def _version(house: House, version: str, temperature: float) -> str:
    house.version(version, temperature)
    house.to_production()
    return house.digest()


@pytest.fixture
def digests(house: House) -> dict[str, str]:
    """Three versions, one after the other in production."""
    return {
        version: _version(house, version, temperature)
        for version, temperature in (("v1", 0.1), ("v2", 0.2), ("v3", 0.3))
    }


def _live(house: House) -> tuple[str, str]:
    assert house.model.live is not None
    return house.model.live.version, house.digest(f"{KEY}:production")


def test_one_command_brings_the_version_before_back(house: House, digests: dict[str, str]) -> None:
    outcome = house.rollback(reason="answers are too slow")
    assert outcome.ok, outcome.error
    assert _live(house) == ("v2", digests["v2"])
    last = history.load(house.layout)[-1]
    assert (last.action, last.came_from, last.to, last.version, last.reason) == (
        ("rollback", "v3", "v2", "v2", "answers are too slow")
    )
    assert last.digest == f"sha256:{digests['v2']}"
    assert [gate.name for gate in last.gates] == ["kept copy"]


def test_twice_leads_two_versions_back_and_then_no_further(
    house: House, digests: dict[str, str]
) -> None:
    assert house.rollback().ok
    assert house.rollback().ok
    assert _live(house) == ("v1", digests["v1"])
    before = house.seen()
    with pytest.raises(MlwsError, match="nothing was in production before v1"):
        house.rollback()
    assert house.seen() == before


def test_the_version_taken_out_stands_at_staging_and_may_come_again(
    house: House, digests: dict[str, str]
) -> None:
    commit = house.model.live.modelfile_commit if house.model.live else ""
    assert house.rollback().ok
    assert (house.model.version, house.model.status) == ("v3", "staging")
    house.commit()
    outcome = house.promote("production")
    assert outcome.ok, outcome
    assert _live(house) == ("v3", digests["v3"])
    assert house.rollback("v1").ok
    assert house.rollback("v3").ok
    assert (_live(house)[0], house.model.status) == ("v3", "production")
    assert house.model.live
    assert house.model.live.modelfile_commit == commit


def test_a_version_in_work_is_left_alone(house: House, digests: dict[str, str]) -> None:
    house.version("v4", 0.4)
    assert house.rollback().ok
    assert _live(house) == ("v2", digests["v2"])
    assert (house.model.version, house.model.status) == ("v4", "development")


def test_a_copy_that_is_another_model_now_is_refused(house: House, digests: dict[str, str]) -> None:
    ollama.copy(house.url, "m:1", f"{KEY}:v2")
    before = house.seen()
    outcome = house.rollback()
    assert outcome.error is not None
    assert f"in production was sha256:{digests['v2'][:12]}" in outcome.error.message
    assert house.seen() == before
    ollama.delete(house.url, f"{KEY}:v2")
    outcome = house.rollback()
    assert outcome.error is not None
    assert "is not on the server any more" in outcome.error.message


def test_a_pointer_that_was_moved_outside_is_put_back(
    house: House, digests: dict[str, str]
) -> None:
    ollama.copy(house.url, "m:1", f"{KEY}:production")
    strange = house.digest("m:1")
    assert house.rollback("v3").ok
    assert _live(house) == ("v3", digests["v3"])
    assert house.digest(f"{KEY}:unrecorded-{strange[:12]}") == strange
    again = house.rollback("v3")
    assert again.error is not None
    assert "is in production already" in again.error.message


def test_a_pointer_that_is_lost_does_not_keep_us_from_going_back(
    house: House, digests: dict[str, str]
) -> None:
    ollama.delete(house.url, f"{KEY}:production")
    ollama.delete(house.url, f"{KEY}:v3")
    assert house.rollback().ok
    assert _live(house) == ("v2", digests["v2"])


def test_a_dry_run_changes_nothing(house: House, digests: dict[str, str]) -> None:
    before = house.seen()
    outcome = house.rollback(dry=True)
    assert outcome.ok
    assert outcome.done[0].startswith(f"{KEY}:production becomes sha256:{digests['v2'][:12]}")
    assert house.seen() == before


def test_a_version_that_never_was_live_is_no_version_to_go_back_to(house: House) -> None:
    house.to_production()
    with pytest.raises(UsageError, match="v9 was never in production") as caught:
        house.rollback("v9")
    assert caught.value.cure == "there were: v1"


def test_without_a_server_nothing_is_judged(house: House, digests: dict[str, str]) -> None:
    before = house.seen()
    house.fake.instead = "html"
    outcome = house.rollback()
    house.fake.instead = ""
    assert isinstance(outcome.error, Unavailable)
    assert house.seen() == before
