"""What is asked for, and in which order it can be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models import registry
from mlws_scaffold.models.sync import order
from mlws_scaffold.models.sync.order import Wish
from tests.support import model_workspace


def _wishes(folder: Path, models: dict[str, Any]) -> tuple[Wish, ...]:
    layout = model_workspace.make(folder / "ws", models).layout
    return order.wishes(layout, registry.load(layout))


def _short(found: tuple[Wish, ...]) -> list[tuple[str, str, str]]:
    return [(wish.kind, wish.name, wish.origin) for wish in found]


def test_a_model_comes_after_what_it_is_built_from(tmp_path: Path) -> None:
    found = _wishes(
        tmp_path,
        {
            "top": "FROM middle\nSYSTEM top\n",
            "middle": "FROM base\nSYSTEM middle\n",
            "base": "llama3.1:8b",
        },
    )
    assert _short(found) == [
        ("pull", "llama3.1:8b", ""),
        ("copy", "base", "llama3.1:8b"),
        ("build", "middle", "base"),
        ("build", "top", "middle"),
    ]


def test_a_base_that_no_entry_names_is_pulled_once_for_all_that_need_it(tmp_path: Path) -> None:
    found = _wishes(
        tmp_path, {"aa": "FROM Llama3.1\nSYSTEM a\n", "bb": "FROM library/llama3.1:latest\n"}
    )
    bases = [wish for wish in found if not wish.key]
    assert [(wish.name, wish.serves) for wish in bases] == [("Llama3.1", ("aa", "bb"))]
    assert found[0] is bases[0]


def test_an_entry_whose_key_is_its_name_needs_no_second_one(tmp_path: Path) -> None:
    assert _short(_wishes(tmp_path, {"qwen3": "qwen3"})) == [("pull", "qwen3", "")]


def test_a_cycle_is_refused_and_shown(tmp_path: Path) -> None:
    ring = {"one": "FROM three\n", "two": "FROM one\n", "three": "FROM two\n", "fine": "m:1"}
    with pytest.raises(InvalidFile) as caught:
        _wishes(tmp_path, ring)
    (problem,) = caught.value.problems
    assert problem.message == "is built on itself: one FROM three FROM two FROM one"
    assert (problem.path, problem.field) == ("models/registry.yaml", "models.one")
    assert problem.line == 2


@pytest.mark.parametrize("base", ["own", "own:latest", "OWN"])
def test_a_model_from_itself_is_a_cycle(tmp_path: Path, base: str) -> None:
    with pytest.raises(InvalidFile, match="own FROM own"):
        _wishes(tmp_path, {"own": f"FROM {base}\n"})


def test_an_entry_built_from_its_own_second_name_is_a_cycle(tmp_path: Path) -> None:
    entry = {"source": "custom", "model_name": "x", "modelfile": "modelfiles/f"}
    place = model_workspace.make(tmp_path / "ws", {"own": entry})
    (place.root / "modelfiles/f").write_text("FROM own\n")
    with pytest.raises(InvalidFile, match="own FROM own"):
        order.wishes(place.layout, registry.load(place.layout))


def test_two_entries_that_make_one_name_are_both_refused(tmp_path: Path) -> None:
    entry = {"source": "custom", "model_name": "same", "modelfile": "modelfiles/f"}
    place = model_workspace.make(tmp_path / "ws", {"one": entry, "two": entry, "good": "m:1"})
    (place.root / "modelfiles/f").write_text("FROM m:1\n")
    found = order.wishes(place.layout, registry.load(place.layout))
    flawed = {wish.key: wish.flaw.text for wish in found if wish.flaw}
    assert set(flawed) == {"one", "two"}
    assert flawed["one"] == "same:latest is asked for by more than one entry: one, two"


def test_a_key_never_takes_the_name_of_another_entrys_model(tmp_path: Path) -> None:
    found = _wishes(tmp_path, {"qwen3": "qwen3:8b", "newest": "qwen3"})
    flawed = [(wish.kind, wish.name) for wish in found if wish.flaw]
    assert flawed == [("copy", "qwen3")]
    assert ("copy", "newest", "qwen3") in _short(found)


@pytest.mark.parametrize(
    ("modelfile", "said"),
    [
        ("FROM m:1\nPARAMETER temperature warm\n", "invalid float value"),
        ("FROM m:1\nADAPTER ./gone.gguf\n", "does not exist"),
        ("FROM m:1 # base\n", "neither a file or folder nor a name"),
    ],
)
def test_a_modelfile_that_ollama_refuses_is_not_buildable(
    tmp_path: Path, modelfile: str, said: str
) -> None:
    (wish,) = _wishes(tmp_path, {"bad": modelfile})
    assert wish.flaw is not None
    assert said in wish.flaw.text
    assert wish.flaw.is_error


def test_an_entry_without_a_modelfile_is_left_open(tmp_path: Path) -> None:
    (wish,) = _wishes(tmp_path, {"idea": {"source": "custom"}})
    assert wish.flaw is not None
    assert not wish.flaw.is_error


def test_chosen_entries_bring_what_they_are_built_on(tmp_path: Path) -> None:
    models = {"top": "FROM mid\n", "mid": "FROM m:1\n", "other": "FROM n:1\n", "third": "o:1"}
    found = _wishes(tmp_path, models)
    assert [wish.name for wish in order.chosen(found, ["top"])] == ["m:1", "mid", "top"]
    assert order.chosen(found, []) == found


@st.composite
def forests(draw: st.DrawFn) -> tuple[dict[str, str], list[str]]:
    """Entries, each from an earlier one, an Ollama model or a bare base; and another order."""
    models: dict[str, str] = {}
    for number in range(draw(st.integers(1, 7))):
        bases = [*models, "m:1", "Bare"]
        base = draw(st.sampled_from(bases))
        is_pulled = draw(st.integers(0, 3)) == 0
        models[f"k{number}"] = f"p{number}:1" if is_pulled else f"FROM {base}\nSYSTEM {number}\n"
    return models, draw(st.permutations(list(models)))


@settings(deadline=None, max_examples=60)
@given(forests())
def test_the_order_of_entries_never_matters(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[dict[str, str], list[str]]
) -> None:
    models, shuffled = drawn
    one = _wishes(tmp_path_factory.mktemp("one"), models)
    other = _wishes(tmp_path_factory.mktemp("other"), {key: models[key] for key in shuffled})
    assert sorted(_short(one)) == sorted(_short(other))
    for found in (one, other):
        made: set[str] = set()
        for wish in found:
            assert not wish.source or wish.source in made
            made.add(wish.full)
