"""The table of checks: permanent IDs, advice for everybody, selection by area."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.table import AREAS, CHECKS, select
from mlws_scaffold.errors import UsageError
from tests.unit.checks.building import Place

# IDs stand in people's mlws.toml: never renumber one, never give one to another rule.
PERMANENT = {
    "WS001": "LayoutComplete",
    "WS002": "ConfigValid",
    "WS003": "AnswersKept",
    "WS004": "NoMergeLeftovers",
    "WS005": "LockCurrent",
    "WS006": "CondaInStep",
    "EXP001": "MetadataPresent",
    "EXP002": "MetadataValid",
    "EXP003": "ResearcherIsFolder",
    "EXP004": "IdUnique",
    "EXP005": "StatusEarned",
    "EXP006": "DatesPlausible",
    "EXP007": "ReadmeComplete",
    "EXP008": "PeopleKnown",
    "EXP009": "MoveLegal",
    "EXP010": "ReferencesExist",
    "EXP011": "ResultsAgree",
    "EXP012": "HandoffComplete",
    "EXP013": "ImportsDeclared",
    "MOD001": "RegistryValid",
    "MOD002": "ModelfilesExist",
    "MOD003": "BaseAgrees",
    "MOD004": "OwnersKnown",
    "AGT001": "AgentValid",
    "AGT002": "NameIsFolder",
    "AGT003": "ModelRegistered",
    "AGT004": "OwnerKnown",
    "AGT005": "AgentComplete",
    "AGT006": "PromptsExist",
    "AGT007": "SharedPrompts",
    "AGT008": "RequestShown",
    "AGT009": "HealthChecked",
    "AGT010": "ManifestsNamed",
    "GIT001": "NoLargeFile",
    "GIT002": "NoIgnoredFile",
    "GIT003": "HotfixReturned",
    "GIT004": "BranchName",
    "GIT005": "OwnNamespace",
    "GIT006": "NoSecrets",
    "GIT007": "CodeownersCurrent",
}


def test_no_id_ever_changes_its_meaning() -> None:
    found = {key: type(check).__name__ for key, check in CHECKS.items()}
    assert {key: found.get(key) for key in PERMANENT} == PERMANENT


def test_every_check_knows_its_id_area_title_and_advice() -> None:
    prefixes = {
        "WS": "workspace",
        "EXP": "experiments",
        "MOD": "models",
        "AGT": "agents",
        "GIT": "git",
    }
    for key, check in CHECKS.items():
        assert check.id == key
        assert check.area == prefixes[key.rstrip("0123456789")]
        assert check.title
        assert len(check.advice.split()) > 10, f"{key} gives no advice"
        assert type(check).__doc__ != type(check).__base__.__doc__


def test_no_two_checks_share_a_class_or_a_title() -> None:
    assert len({type(check) for check in CHECKS.values()}) == len(CHECKS)
    assert len({check.title for check in CHECKS.values()}) == len(CHECKS)


def test_areas_and_ids_select_in_the_order_of_the_table() -> None:
    assert [check.id for check in select(["git", "ws002", "EXP001"])][:2] == ["WS002", "EXP001"]
    assert [check.id for check in select(["branch"])] == ["GIT004"]
    assert select([]) == list(CHECKS.values())
    assert all(select([area]) for area in AREAS)


@pytest.mark.parametrize(("word", "hint"), [("experiment", "'experiments'"), ("GIT06", "'GIT006'")])
def test_an_unknown_word_is_answered_with_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select([word])
    assert caught.value.exit_code == 2
    assert hint in caught.value.cure


def test_a_sound_workspace_gets_a_yes_or_a_reason_from_every_check(place: Place) -> None:
    answers = {key: place.ask(key) for key in CHECKS}
    assert {key: result for key, result in answers.items() if result.answer == "no"} == {}
    assert {key: result for key, result in answers.items() if result.warnings} == {}
    assert {key for key, result in answers.items() if result.answer != "yes"} == {
        "EXP009",
        "EXP011",
        "EXP012",
    }
    assert answers["EXP009"].reason
