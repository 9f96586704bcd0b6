"""AGT001 to AGT007: prototypes, production agents, shared prompts."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import AGENT, PROTOTYPE, Place

PROMPT = "shared/prompts/assistant.md"


def test_a_missing_and_a_wrong_agent_file_are_named(place: Place) -> None:
    (place.root / PROTOTYPE / "agent.yaml").unlink()
    place.edit(f"{AGENT}/agent.yaml", "owner:", "ownr:")
    found = " ".join(place.problems("AGT001"))
    assert f"{PROTOTYPE}/agent.yaml: missing" in found
    assert f"{AGENT}/agent.yaml:2:1: ownr: unknown field (did you mean 'owner'?)" in found


def test_another_name_than_the_folder_is_named(place: Place) -> None:
    place.edit(f"{AGENT}/agent.yaml", "name: helpdesk", "name: help-desk")
    assert place.problems("AGT002") == [
        f"{AGENT}/agent.yaml:1:1: name: 'help-desk' in the folder 'helpdesk' (write helpdesk)"
    ]


def test_a_folder_that_no_image_could_be_called_is_named(place: Place) -> None:
    place.write("agents/prototypes/My_Bot/agent.yaml", "name: My_Bot\nowner: ann\nmodel: helper\n")
    assert "bad folder name 'My_Bot'" in place.problems("AGT002")[0]


def test_a_model_that_is_not_registered_is_advice(place: Place) -> None:
    place.edit(f"{AGENT}/agent.yaml", "model: helper", "model: other")
    assert place.warnings("AGT003") == [
        f"{AGENT}/agent.yaml:3:1: model: 'other' is not in models/registry.yaml"
        " (name one of its keys)"
    ]


def test_a_change_of_the_registry_asks_about_every_agent(place: Place) -> None:
    place.edit("models/registry.yaml", "  helper:", "  helper-two:")
    place.git("add", "-A")
    assert len(place.warnings("AGT003", Scope(staged=True))) == 2


def test_an_unknown_owner_fails_in_production_and_warns_before(place: Place) -> None:
    place.edit(f"{AGENT}/agent.yaml", "owner: sarah", "owner: mike")
    place.edit(f"{PROTOTYPE}/agent.yaml", "owner: sarah", "owner: mike")
    result = place.ask("AGT004")
    assert [problem.path for problem in result.problems] == [f"{AGENT}/agent.yaml"]
    assert [warning.path for warning in result.warnings] == [f"{PROTOTYPE}/agent.yaml"]


def test_files_of_the_track_that_are_missing_are_named(place: Place) -> None:
    (place.root / PROTOTYPE / "test_agent.py").unlink()
    (place.root / AGENT / "RUNBOOK.md").unlink()
    assert place.problems("AGT005") == [
        f"{AGENT}/RUNBOOK.md: missing (every production agent has it)",
        f"{PROTOTYPE}/test_agent.py: missing (every prototype agent has it)",
    ]


def test_a_prompt_that_does_not_exist_is_placed(place: Place) -> None:
    place.write(
        f"{AGENT}/config.yaml",
        "# prompts/system.md and shared/prompts/assistant.md exist, prompts/NAME.md is a pattern\n"
        "prompt: shared/prompts/lost.md\nother: prompts/gone.md\n",
    )
    assert place.problems("AGT006") == [
        f"{AGENT}/config.yaml:2:9: shared/prompts/lost.md does not exist"
        " (correct the path, or write the prompt)",
        f"{AGENT}/config.yaml:3:8: prompts/gone.md does not exist"
        " (correct the path, or write the prompt)",
    ]


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("", "1:1: has no front matter"),
        ("---\nversion: 1\n---\n", "owner: missing"),
        ("---\nowner: mike\nversion: 1\n---\n", "2:1: owner: 'mike' is not in [team]"),
        ("---\nowner: ann\nversion: one\n---\n", "3:1: version: is no whole number from 1 on"),
        ("---\nowner: [\n---\n", "is no YAML"),
        ("---\n- a\n---\n", "owner: missing"),
    ],
)
def test_front_matter_that_lacks_something_is_placed(place: Place, front: str, said: str) -> None:
    place.write(PROMPT, f"{front}Answer.\n")
    assert said in " ".join(place.problems("AGT007"))


def test_a_prompt_for_an_unknown_model_is_advice(place: Place) -> None:
    place.edit(PROMPT, "model: llama3.1-8b", "model: other")
    assert place.warnings("AGT007") == [
        f"{PROMPT}:3:1: model: 'other' is not in models/registry.yaml (name one of its keys)"
    ]


def test_only_touched_agents_are_judged(place: Place) -> None:
    (place.root / PROTOTYPE / "README.md").unlink()
    place.commit()
    place.write(f"{AGENT}/README.md", "# Changed\n")
    place.git("add", "-A")
    assert place.ask("AGT005", Scope(staged=True)).answer == "yes"
    assert place.ask("AGT005").answer == "no"
