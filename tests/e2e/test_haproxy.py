"""The real HAProxy: what each line of its configuration and each command is there for."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlws_scaffold.adapters.haproxy.config import RING, check, text
from mlws_scaffold.adapters.haproxy.requests import parse, since
from mlws_scaffold.adapters.haproxy.runtime import LocalSocket, Relayed, Runtime
from mlws_scaffold.errors import MlwsError, Unavailable
from tests.support.canary_lab.house import House, house
from tests.support.canary_lab.traffic import Traffic, served_twice, steady
from tests.support.waiting import until


@pytest.fixture
def place() -> Iterator[House]:
    """Not below pytest's own folder: the name of a socket may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="canary-") as folder, house(Path(folder)) as made:
        yield made


def some(traffic: Traffic, count: int) -> None:
    assert until(lambda: len(traffic.sent) >= count)


def test_the_configuration_is_valid_in_every_form(place: House) -> None:
    place.start("a", "1.0")
    proxy = place.proxy({"a": 90, "b": 0})
    check(text(proxy))
    check(text(replace(proxy, resolvers="127.0.0.11:53", ops_port=8081)))
    with pytest.raises(MlwsError, match="unknown keyword"):
        check(text(proxy).replace("balance", "ballance"))


@pytest.mark.services
def test_requests_are_shared_by_weight_and_logged_with_their_times(place: House) -> None:
    place.start("a", "1.0")
    place.start("b", "2.0")
    place.open({"a": 75, "b": 25})
    mark = place.runtime.mark()
    with steady(place.port, 60) as traffic:
        some(traffic, 80)
    assert traffic.failed == []
    share = traffic.by_version()["2.0"] / len(traffic.sent)
    assert 0.2 <= share <= 0.3
    logged = since(parse(place.runtime.events(RING)), mark)
    assert len(logged) == len(traffic.sent)
    assert all(0.02 < (one.first or 0) < one.total for one in logged)
    assert since(logged, place.runtime.mark()) == ()


@pytest.mark.services
def test_a_drained_slot_ends_its_streams_and_gets_no_more(place: House) -> None:
    place.start("a", "1.0")
    place.start("b", "2.0")
    place.open({"a": 50, "b": 50})
    with steady(place.port, 60) as traffic:
        some(traffic, 20)
        place.runtime.weights({"a": 100, "b": 0})
        place.runtime.drain("b")
        moved = time.monotonic() + 0.1
        assert until(lambda: place.current("b") == 0)
        some(traffic, len(traffic.sent) + 20)
    assert traffic.failed == []
    assert traffic.by_version(moved)["2.0"] == 0
    assert traffic.by_version(moved)["1.0"] > 10


@pytest.mark.services
def test_a_slot_is_pointed_at_another_version_while_users_are_served(place: House) -> None:
    place.start("a", "1.0")
    place.open({"a": 100, "b": 0})
    with steady(place.port, 40) as traffic:
        place.runtime.point("b", "127.0.0.1", place.start("b", "2.0"))
        place.runtime.weights({"b": 256, "a": 1})
        place.runtime.ready("b")
        place.up("b")
        some(traffic, len(traffic.sent) + 20)
        place.runtime.maintain("a")
        assert until(lambda: place.runtime.servers()[0].status == "MAINT")
    assert traffic.failed == []
    assert traffic.by_version()["2.0"] > 10


@pytest.mark.services
def test_a_killed_version_costs_its_own_requests_only_and_no_chat_runs_twice(place: House) -> None:
    place.start("a", "1.0")
    place.start("b", "2.0")
    place.open({"a": 1, "b": 99})
    with steady(place.port, 60) as traffic:
        some(traffic, 40)
        place.kill("b")
        killed = time.monotonic()
        some(traffic, len(traffic.sent) + 60)
    late = [one for one in traffic.failed if one.begun > killed + 0.05]
    assert late == []  # refused connections were given to the other version
    assert 0 < len(traffic.failed) < 30
    assert served_twice(place.folder) == []


@pytest.mark.services
def test_a_reload_and_a_restart_keep_what_was_written_and_a_reload_loses_nothing(
    place: House,
) -> None:
    place.start("a", "1.0")
    place.start("b", "2.0")
    place.open({"a": 100, "b": 0})
    with steady(place.port, 40) as traffic:
        place.write({"a": 50, "b": 50})
        place.reload()
        some(traffic, len(traffic.sent) + 20)
    assert traffic.failed == []
    place.process.stop(0.0)
    assert not place.process.alive
    place.run()
    assert [one.weight for one in place.runtime.servers()] == [50, 50]


def test_commands_may_be_repeated(place: House) -> None:
    """A deployer that was killed gives them again."""
    place.start("a", "1.0")
    port = place.start("b", "2.0")
    place.open({"a": 1, "b": 0})
    for _ in range(2):
        place.runtime.point("b", "127.0.0.1", port)
        place.runtime.weights({"a": 50, "b": 50})
        place.runtime.ready("b")
    place.up("a", "b")
    for _ in range(2):
        place.runtime.drain("b")
        place.runtime.maintain("b")
    assert [one.status for one in place.runtime.servers()] == ["UP", "MAINT"]


def test_commands_that_haproxy_refuses_are_named(place: House) -> None:
    place.start("a", "1.0")
    place.open({"a": 1, "b": 0})
    with pytest.raises(MlwsError, match=r"agent/c weight 5.*No such server"):
        place.runtime.weights({"c": 5})
    with pytest.raises(MlwsError, match="no resolution is configured"):
        place.runtime.point("b", "agent-v2", 1)
    with pytest.raises(MlwsError, match="cannot be given"):
        place.runtime.ready("b;disable")


def test_the_socket_is_reached_through_a_command_as_well(place: House) -> None:
    place.start("a", "1.0")
    place.open({"a": 7, "b": 0})
    far = Runtime(Relayed((sys.executable,), str(place.socket)))
    assert far.servers() == place.runtime.servers()
    far.weights({"a": 9})
    assert place.runtime.servers()[0].weight == 9
    with pytest.raises(Unavailable, match="No such file"):
        Runtime(Relayed((sys.executable,), str(place.folder / "none"))).servers()


def test_a_proxy_that_is_away_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer") as told:
        Runtime(LocalSocket(tmp_path / "none")).mark()
    assert "is it running" in told.value.cure
