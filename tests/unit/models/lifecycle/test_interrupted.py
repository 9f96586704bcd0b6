"""A move that is cut off: by its server, by Ctrl-C, by kill -9 at every step. All or nothing."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlws_scaffold.adapters import files
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models.lifecycle import changing, history, journal
from mlws_scaffold.models.lifecycle.changing import Unfinished
from mlws_scaffold.models.lifecycle.stages import Outcome
from tests.support.model_house import KEY, House

pytestmark = pytest.mark.slow

Act = Callable[[House, Callable[[str], None]], Outcome]


def to_staging(house: House, watch: Callable[[str], None]) -> Outcome:
    return house.promote("staging", watch=watch)


def to_production(house: House, watch: Callable[[str], None]) -> Outcome:
    return house.promote("production", watch=watch)


def back(house: House, watch: Callable[[str], None]) -> Outcome:
    return house.rollback(watch=watch)


def _before_staging(house: House) -> None:
    house.to_production()
    house.version("v2", 0.5)
    assert house.promote("testing").ok
    house.measure()
    house.commit()


def _before_production(house: House) -> None:
    house.to_production()
    # Three names to give: of the copy that is kept, of the new version, and the pointer.
    house.forget(f"{KEY}:v1")
    house.version("v2", 0.5)
    house.to_staging()
    house.ready()


def _before_back(house: House) -> None:
    house.to_production()
    house.version("v2", 0.5)
    house.to_production()
    house.forget(f"{KEY}:v2")


MOVES: dict[str, tuple[Callable[[House], None], Act]] = {
    "staging": (_before_staging, to_staging),
    "production": (_before_production, to_production),
    "rollback": (_before_back, back),
}


def killed(house: House, act: Act, step: int, environment: dict[str, str]) -> None:
    """Runs in a process of its own, and kills that at a step."""
    os.environ.update(environment)
    count = 0

    def watch(_text: str) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)

    assert act(house, watch).ok


def _kill(house: House, act: Act, step: int) -> int | None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    alone = dataclasses.replace(house, server=None)
    environment = {
        name: os.environ[name]
        for name in ("HOME", "XDG_STATE_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    }
    child = context.Process(target=killed, args=(alone, act, step, environment))
    child.start()
    child.join(120)
    return child.exitcode


@pytest.mark.parametrize("move", MOVES)
def test_killed_at_every_step_the_next_command_takes_it_back(move: str, house: House) -> None:
    prepare, act = MOVES[move]
    prepare(house)
    before = house.seen()
    lines = before[1].count("\n")
    told: list[str] = []
    step = 0
    while house.seen()[1].count("\n") == lines:
        step += 1
        assert _kill(house, act, step) == -signal.SIGKILL, f"step {step}"
        if house.seen()[1].count("\n") == lines:
            told += changing.recover(house.place)
            assert house.seen() == before, f"step {step}"
            assert changing.recover(house.place) == []
    # Killed after the last write: the move is made, and nothing of it is taken back.
    after = house.seen()
    assert [
        text.endswith("was interrupted after it was made") for text in changing.recover(house.place)
    ] == [True]
    assert house.seen() == after
    assert after[0] != before[0]
    assert told
    assert all(text.endswith("was interrupted and is taken back") for text in told)
    if move != "staging":
        assert house.model.live
        assert house.digest(f"{KEY}:production") == (house.model.live.digest or "")[7:]


def test_the_next_promotion_takes_back_what_was_interrupted_and_goes_on(house: House) -> None:
    _before_production(house)
    told: list[str] = []
    steps: list[str] = []
    house.promote("production", dry=True, watch=steps.append)
    assert _kill(house, to_production, len(steps) + 5) == -signal.SIGKILL
    dry = house.promote("production", dry=True)
    assert "was interrupted; it is taken back by the next" in dry.remarks[0]
    outcome = house.promote("production", watch=told.append)
    assert outcome.ok
    assert told[0] == f"promote of {KEY} v2 to production was interrupted and is taken back"
    assert house.model.live
    assert house.model.live.version == "v2"


def test_on_another_branch_nothing_is_taken_back(house: House) -> None:
    _before_production(house)
    steps: list[str] = []
    house.promote("production", dry=True, watch=steps.append)
    assert _kill(house, to_production, len(steps) + 5) == -signal.SIGKILL
    before = house.seen()
    Git(house.root).run("switch", "--quiet", "--create", "other")
    with pytest.raises(MlwsError, match="was interrupted on branch main"):
        house.promote("production")
    assert house.seen() == before
    Git(house.root).run("switch", "--quiet", "main")
    assert house.promote("production").ok


def test_files_that_people_changed_since_are_left_to_them(house: House) -> None:
    _before_staging(house)
    steps: list[str] = []
    house.promote("staging", dry=True, watch=steps.append)
    assert _kill(house, to_staging, len(steps) + 4) == -signal.SIGKILL
    text = house.layout.registry.read_text()
    assert "status: staging" in text
    house.layout.registry.write_text(f"{text}# mine\n")
    remarks = changing.recover(house.place)
    assert "models/registry.yaml was changed since and is left" in remarks[-1]
    assert house.layout.registry.read_text() == f"{text}# mine\n"


# -- the server


# `reset` with 1: the copy is made, and the answer is lost on the way.
@pytest.mark.parametrize(
    ("kind", "at"), [("reset", 0), ("reset", 1), ("lost", 0), ("500", 0), ("busy", 0), ("html", 0)]
)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_server_that_breaks_off_while_names_are_given(
    kind: Any, at: int, nth: int, house: House
) -> None:
    _before_production(house)
    before = house.seen()
    fault = house.fake.fail(kind, route="copy", nth=nth, at=at)
    outcome = house.promote("production")
    assert fault.seen >= nth
    assert isinstance(outcome.error, Unavailable), outcome.error
    assert house.seen() == before
    assert journal.read(house.root) is None
    house.fake.mend()
    assert house.promote("production").ok


def test_a_name_counts_as_given_when_its_digest_says_so_whatever_the_answer_was(
    house: House,
) -> None:
    _before_production(house)
    house.fake.fail("garbage", route="copy", nth=1)
    assert house.promote("production").ok


def test_a_server_that_fails_again_while_names_are_taken_back(house: House) -> None:
    _before_production(house)
    before = house.seen()
    house.fake.fail("500", route="copy", nth=3)
    house.fake.fail("500", route="delete", nth=1)
    outcome = house.promote("production")
    assert isinstance(outcome.error, Unfinished)
    assert house.seen_here() == before[:2]
    assert len(changing.recover(house.place)) == 1
    assert house.seen() == before


@pytest.mark.parametrize("route", ["tags", "show", "generate", "chat"])
def test_a_server_that_fails_under_a_gate_is_no_verdict(route: str, house: House) -> None:
    before = house.seen()
    house.fake.fail("500", route=route)
    outcome = house.promote("testing")
    house.fake.mend()
    assert isinstance(outcome.error, Unavailable)
    assert all(gate.ok for gate in outcome.gates)
    assert house.seen() == before


def test_a_server_that_claims_to_have_copied(house: House) -> None:
    _before_production(house)
    before = house.seen()

    def watch(text: str) -> None:
        if text == f"verify {KEY}:production":
            house.forget(f"{KEY}:production")

    outcome = house.promote("production", watch=watch)
    assert isinstance(outcome.error, Unavailable)
    assert "is sha256:missing after the copy" in outcome.error.message
    assert house.seen() == before


def test_a_server_that_is_gone_gets_its_names_back_later(house: House) -> None:
    _before_production(house)
    before = house.seen()

    def watch(text: str) -> None:
        if text == "write the history":
            house.fake.instead = "html"
            raise MlwsError("no space left on device")

    outcome = house.promote("production", watch=watch)
    assert isinstance(outcome.error, Unfinished)
    assert "no space left on device" in outcome.error.message
    assert house.seen_here() == before[:2]
    with pytest.raises(Unavailable):
        house.promote("production")
    house.fake.instead = ""
    assert len(changing.recover(house.place)) == 1
    assert house.seen() == before


# -- ourselves


def test_a_second_move_in_this_clone_waits_for_the_first(house: House) -> None:
    asked, told = len(house.fake.asked), list[str]()
    with ThreadPoolExecutor(1) as pool:
        with journal.alone(house.root, told.append):
            second = pool.submit(house.promote, "testing", watch=told.append)
            with pytest.raises(TimeoutError):
                second.result(0.3)
            assert len(house.fake.asked) == asked
            assert told == ["another move runs in this clone: waiting for its end"]
        assert second.result(60).ok


def test_ctrl_c_takes_everything_back(house: House) -> None:
    _before_production(house)
    before = house.seen()

    def watch(text: str) -> None:
        if text == "write the history":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.promote("production", watch=watch)
    assert house.seen() == before
    assert journal.read(house.root) is None


def test_a_history_that_cannot_be_written_takes_everything_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_production(house)
    before, write = house.seen(), files.write

    def full(path: Any, content: Any) -> None:
        if path.name == "history.jsonl":
            raise MlwsError(f"{path} was not written: No space left on device")
        write(path, content)

    monkeypatch.setattr(files, "write", full)
    outcome = house.promote("production")
    assert outcome.error is not None
    assert "No space left" in outcome.error.message
    assert house.seen() == before


def test_a_registry_that_somebody_edits_meanwhile_is_not_overwritten(house: House) -> None:
    _before_production(house)
    names = house.seen()[2]

    def watch(text: str) -> None:
        if text == f"copy {KEY}:v2 -> {KEY}:production":
            house.layout.registry.write_text(house.layout.registry.read_text() + "# mine\n")

    outcome = house.promote("production", watch=watch)
    assert outcome.error is not None
    assert "was changed meanwhile" in outcome.error.message
    assert house.seen()[2] == names
    assert house.layout.registry.read_text().endswith("# mine\n")
    assert history.load(house.layout)[-1].to == "staging"


def test_a_broken_history_is_named_before_anything_is_asked(house: House) -> None:
    house.write("models/history.jsonl", "<<<<<<< ours\n")
    with pytest.raises(MlwsError, match=r"history\.jsonl:1:1: is no record"):
        house.promote("testing")
