"""MOD001 to MOD004: the registry and its Modelfiles."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import Place

FILE = "models/registry.yaml"
MODELFILE = "modelfiles/helper.Modelfile"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: custom", "source: homemade", f"{FILE}:7:5: models.helper.source: unknown value"),
        (
            "    model_name: llama3.1:8b\n",
            "",
            f"{FILE}:2:3: models.llama3.1-8b.model_name: missing",
        ),
        ("  helper:", "  Helper!:", "bad key 'Helper!'"),
        ("owners", "owner", "did you mean 'owners'?"),
        ("models:", "models: [", "is no YAML"),
    ],
)
def test_a_mistake_in_the_registry_is_placed(place: Place, old: str, new: str, said: str) -> None:
    place.edit(FILE, old, new)
    assert said in " ".join(place.problems("MOD001"))
    assert place.ask("MOD002").reason == "models/registry.yaml is broken or missing (MOD001)"


def test_a_missing_registry_is_named(place: Place) -> None:
    (place.root / FILE).unlink()
    assert place.problems("MOD001") == [f"{FILE}: missing (write `models: {{}}` into it)"]


def test_an_empty_registry_is_valid(place: Place) -> None:
    place.write(FILE, "models:\n")
    assert [place.ask(f"MOD00{number}").answer for number in (1, 2, 3, 4)] == ["yes"] * 4


def test_a_modelfile_that_is_not_there_is_named(place: Place) -> None:
    (place.root / MODELFILE).unlink()
    assert place.problems("MOD002") == [
        f"{FILE}:9:5: models.helper.modelfile: {MODELFILE} does not exist"
        " (commit it, or correct the path)"
    ]


def test_a_custom_model_without_a_modelfile_is_advice(place: Place) -> None:
    place.edit(FILE, f"    modelfile: {MODELFILE}\n", "")
    assert "cannot be built" in place.warnings("MOD002")[0]


def test_a_modelfile_outside_of_the_workspace_is_refused(place: Place) -> None:
    place.write("../Modelfile", "FROM llama3.1:8b\n")
    place.edit(FILE, MODELFILE, "../Modelfile")
    assert "leads out of the workspace" in place.problems("MOD002")[0]


def test_another_base_than_declared_is_named(place: Place) -> None:
    place.edit(MODELFILE, "FROM llama3.1:8b", "FROM qwen3:4b")
    (problem,) = place.problems("MOD003")
    assert problem.startswith(f"{MODELFILE}:2:1: FROM qwen3:4b, but")


def test_a_modelfile_without_from_is_named(place: Place) -> None:
    place.write(MODELFILE, 'SYSTEM """\nFROM here on be brief\n"""\n')
    assert "has no FROM" in place.problems("MOD003")[0]


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ("llama3.1", "FROM llama3.1:latest"),
        ("Llama3.1:8B", "from llama3.1:8b"),
        ("llama3.1-8b", "FROM llama3.1:8b"),  # the key of the registry
        ("llama3.1:8b", "FROM ./weights.gguf"),  # a file has no name to compare
    ],
)
def test_the_same_base_in_other_words_is_fine(place: Place, declared: str, line: str) -> None:
    place.edit(FILE, "base_model: llama3.1:8b", f"base_model: {declared}")
    place.write(MODELFILE, f"{line}\n")
    assert place.ask("MOD003").answer == "yes"


def test_unknown_owners_are_advice(place: Place) -> None:
    place.edit(FILE, "owners: [sarah]", "owners: [sarah, mike]")
    place.edit(FILE, "    owners: [team]\n", "")
    assert place.warnings("MOD004") == [
        f"{FILE}:5:21: models.llama3.1-8b.owners.1: 'mike' is not in [team]"
        " (add [team.mike] to mlws.toml)",
        f"{FILE}:6:3: models.helper.owners: nobody owns it (name a handle of [team])",
    ]


def test_models_are_left_alone_when_nothing_of_them_is_staged(place: Place) -> None:
    place.edit(FILE, MODELFILE, "modelfiles/lost.Modelfile")
    place.commit()
    place.write("notes.md", "x")
    place.git("add", "-A")
    assert place.ask("MOD002", Scope(staged=True)).answer == "not applicable"
    assert place.ask("MOD002", Scope(since="main")).answer == "no"
