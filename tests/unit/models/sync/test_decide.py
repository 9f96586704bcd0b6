"""The verdict on one wish by given facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlws_scaffold.adapters.ollama import Held, Shown
from mlws_scaffold.models.modelfile import Recipe
from mlws_scaffold.models.sync.decide import Facts, Step, decide
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.models.sync.order import Flaw, Wish
from mlws_scaffold.models.sync.record import Entry

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
RECIPE = Recipe("m:1", {"from": "m:1", "parameters": {"temperature": 0.3}}, (), "f" * 64)
PULL = Wish("base", "m:1", "pull")
BUILD = Wish("mine", "mine", "build", origin="m:1", recipe=RECIPE)
COPY = Wish("base", "base", "copy", origin="m:1")
WEIGHTS = Shown(weights=(D,))
RIGHT = replace(WEIGHTS, parameters={"temperature": ("0.3",)})
WARMER = replace(WEIGHTS, parameters={"temperature": ("0.9",)})
MADE = Entry(B, "created", "", RECIPE.fingerprint, A)


def _held(**digests: str) -> dict[str, Held]:
    names = {name.replace("_", ":"): digest for name, digest in digests.items()}
    return {name: Held(name, digest, 1, False) for name, digest in names.items()}


def _looking(shown: Mapping[str, Shown]) -> Facts:
    return Facts(_held(m_1=A, mine_latest=B), look=shown.get)


def _locked(name: str, digest: str | None = None, **fields: str) -> Locked:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Locked(name=name, digest=digest and f"sha256:{digest}", at=at, **fields)


def _verdict(step: Step) -> tuple[str, str]:
    return step.state, step.action


def test_what_is_not_there_is_pulled_built_or_copied() -> None:
    for wish, action in ((PULL, "pull"), (BUILD, "build"), (COPY, "copy")):
        assert _verdict(decide(wish, Facts({}))) == ("missing", action)


def test_a_pulled_model_of_which_nobody_expects_anything_is_right() -> None:
    assert decide(PULL, Facts(_held(m_1=A))).settled


def test_a_pin_is_held_against_the_digest_and_wins_over_the_lock() -> None:
    facts = Facts(_held(m_1=A), locked={"base": _locked("m:1", B)})
    drifted = decide(replace(PULL, pin=C), facts)
    assert _verdict(drifted) == ("drifted", "pull")
    assert drifted.wanted == {C}
    assert "models/registry.yaml expects cccccccccccc" in drifted.reason
    assert decide(replace(PULL, pin=A), facts).settled


def test_a_tag_that_moved_is_not_what_the_team_locked() -> None:
    step = decide(PULL, Facts(_held(m_1=A), locked={"base": _locked("m:1", B)}))
    assert _verdict(step) == ("drifted", "pull")
    assert step.reason.startswith("m:1 is no longer what the team locked")
    assert step.cure.endswith("mlws model lock --update base")


def test_the_lock_of_another_name_says_nothing() -> None:
    assert decide(PULL, Facts(_held(m_1=A), locked={"base": _locked("m:0", B)})).settled


def test_a_base_without_an_entry_is_held_to_the_lock_of_what_is_built_on_it() -> None:
    base = Wish("", "m:1", "pull", serves=("mine",))
    step = decide(base, Facts(_held(m_1=A), bases={"m:1": frozenset([B])}))
    assert _verdict(step) == ("drifted", "pull")
    assert step.cure.endswith("--update mine")


def test_a_recorded_build_is_right_without_a_look() -> None:
    facts = Facts(_held(m_1=A, mine_latest=B), record={"mine:latest": MADE}, look=_never)
    assert decide(BUILD, facts).settled


def test_a_recorded_build_whose_base_was_removed_is_still_right() -> None:
    facts = Facts(_held(mine_latest=B), record={"mine:latest": MADE}, look=_never)
    assert decide(BUILD, facts).settled


def test_another_base_means_another_build() -> None:
    facts = Facts(_held(m_1=C, mine_latest=B), record={"mine:latest": MADE}, look=_never)
    step = decide(BUILD, facts)
    assert _verdict(step) == ("base moved", "build")
    assert step.reason == "m:1 is cccccccccccc now, it was built on aaaaaaaaaaaa"


def test_a_changed_modelfile_is_built_and_the_parameter_named() -> None:
    entry = replace(MADE, fingerprint="0" * 64)
    facts = replace(_looking({"mine": WARMER, "m:1": WEIGHTS}), record={"mine:latest": entry})
    step = decide(BUILD, facts)
    assert _verdict(step) == ("Modelfile changed", "build")
    assert step.reason == "temperature is 0.9, should be 0.3"
    assert [one.field for one in step.differences] == ["parameters.temperature"]


def test_a_change_of_the_modelfile_that_changes_nothing_is_adopted() -> None:
    entry = replace(MADE, fingerprint="0" * 64)
    facts = replace(_looking({"mine": RIGHT, "m:1": WEIGHTS}), record={"mine:latest": entry})
    assert _verdict(decide(BUILD, facts)) == ("adopt", "adopt")


def test_what_somebody_built_right_is_adopted() -> None:
    assert _verdict(decide(BUILD, _looking({"mine": RIGHT, "m:1": WEIGHTS}))) == ("adopt", "adopt")


@pytest.mark.parametrize("entry", [None, replace(MADE, digest=C)])
def test_what_somebody_built_otherwise_is_left_to_a_person(entry: Entry | None) -> None:
    facts = _looking({"mine": WARMER, "m:1": WEIGHTS})
    facts = replace(facts, record={"mine:latest": entry} if entry else {})
    step = decide(BUILD, facts)
    assert _verdict(step) == ("changed outside", "")
    assert "temperature is 0.9, should be 0.3" in step.reason
    assert step.cure.endswith("mlws model sync mine --force")
    assert _verdict(decide(BUILD, replace(facts, force=frozenset(["mine"])))) == ("forced", "build")


def test_a_build_whose_end_nobody_saw_is_done_again_unless_it_is_right() -> None:
    entry = replace(MADE, digest=C, pending=True)
    wrong = replace(_looking({"mine": WARMER, "m:1": WEIGHTS}), record={"mine:latest": entry})
    assert _verdict(decide(BUILD, wrong)) == ("Modelfile changed", "build")
    right = replace(_looking({"mine": RIGHT, "m:1": WEIGHTS}), record={"mine:latest": entry})
    assert _verdict(decide(BUILD, right)) == ("adopt", "adopt")


def test_a_build_that_the_team_locked_needs_no_look() -> None:
    fields = {"base": "m:1", "base_digest": f"sha256:{A}", "fingerprint": RECIPE.fingerprint}
    facts = replace(_looking({}), locked={"mine": _locked("mine", B, **fields)}, look=_never)
    assert _verdict(decide(BUILD, facts)) == ("adopt", "adopt")


def test_an_earlier_build_of_the_team_may_be_replaced() -> None:
    locked = {"mine": _locked("mine", B, base="m:1", fingerprint="0" * 64)}
    facts = replace(_looking({"mine": WARMER, "m:1": WEIGHTS}), locked=locked)
    assert _verdict(decide(BUILD, facts)) == ("Modelfile changed", "build")


def test_without_its_base_an_unrecorded_build_is_not_judged() -> None:
    facts = replace(_looking({"mine": RIGHT}), held=_held(mine_latest=B))
    assert _verdict(decide(BUILD, facts)) == ("unjudged", "judge")


def test_a_pin_on_a_build_is_never_met_by_building_again() -> None:
    facts = Facts(_held(m_1=A, mine_latest=B), record={"mine:latest": MADE})
    assert _verdict(decide(replace(BUILD, pin=C), facts)) == ("drifted", "")


def test_a_second_name_follows_its_model_only_when_it_is_ours() -> None:
    facts = Facts(_held(m_1=A, base_latest=A))
    assert decide(COPY, facts).settled
    other = replace(facts, held=_held(m_1=A, base_latest=B))
    assert _verdict(decide(COPY, other)) == ("changed outside", "")
    ours = replace(other, record={"base:latest": Entry(B, "copied", "")})
    assert _verdict(decide(COPY, ours)) == ("base moved", "copy")
    forced = replace(other, force=frozenset(["base"]))
    assert _verdict(decide(COPY, forced)) == ("changed outside", "copy")


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "qwen3:cloud"])
def test_a_model_in_a_cloud_is_flagged_and_left_alone(name: str) -> None:
    for wish in (replace(PULL, name=name), replace(BUILD, origin=name)):
        step = decide(wish, Facts({}))
        assert _verdict(step) == ("cloud", "")
        assert step.settled
    held = {"m:1": Held("m:1", A, 1, True)}
    assert decide(PULL, Facts(held)).state == "cloud"
    assert decide(BUILD, Facts(held), decide(PULL, Facts(held))).state == "cloud"


def test_what_will_be_pulled_anew_moves_what_is_built_on_it() -> None:
    facts = Facts(_held(m_1=A, mine_latest=B), record={"mine:latest": MADE})
    origin = decide(replace(PULL, pin=C), facts)
    assert _verdict(decide(BUILD, facts, origin)) == ("base moved", "build")


def test_a_flaw_is_told_and_only_an_error_is_drift() -> None:
    broken = decide(replace(BUILD, flaw=Flaw("is broken", "mend it")), Facts({}))
    assert (broken.state, broken.is_drift) == ("not buildable", True)
    idea = decide(replace(BUILD, flaw=Flaw("no Modelfile", "name it", False)), Facts({}))
    assert (idea.state, idea.is_drift, idea.settled) == ("not buildable", False, True)


def _never(name: str) -> Shown | None:
    raise AssertionError(f"{name} was looked at")
