"""The model card: what is known is written, what people wrote stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.lifecycle import cards
from mlws_scaffold.models.lifecycle.cards import Facts
from mlws_scaffold.models.registry import Model
from mlws_scaffold.workspace.layout import Layout


def _facts(version: str = "v1", **fields: Any) -> Facts:
    entry = {
        "source": "custom",
        "version": version,
        "base_model": "llama3.1:8b",
        "purpose": "Answers: from passages",
        "owners": ["ann"],
        "tags": ["chat", "medical"],
        "performance": {"accuracy": 0.89},
    }
    model = Model.model_validate({**entry, **fields})
    return Facts("helper", model, "ab" * 32, None, {"latency_p95": "1.2s"})


def _filled(text: str) -> str:
    lines = text.replace("license:", "license: mit").replace("language:", "language: [en]")
    return "\n".join(
        line.partition("  # <!--")[0] if line.startswith(("license", "language")) else line
        for line in lines.replace("<!-- mlws:fill", "Ann says <!-- x").splitlines()
    )


def _put(root: Path, text: str) -> Layout:
    path = root / cards.name_of("helper")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return Layout(root)


def test_a_new_card_says_what_is_known_in_the_form_of_hugging_face() -> None:
    text = cards.write(_facts(), None)
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["base_model"] == "llama3.1:8b"
    assert front["tags"] == ["chat", "medical"]
    assert front["library_name"] == "ollama"
    [metric] = front["model-index"][0]["results"][0]["metrics"]
    assert metric == {"type": "accuracy", "value": 0.89}
    assert "Answers: from passages" in text
    assert "| latency_p95 | 1.2s |" in text


def test_what_only_people_know_is_marked_until_it_is_filled(tmp_path: Path) -> None:
    text = cards.write(_facts(), None)
    found = cards.problems(_put(tmp_path, text), "helper", "v1")
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "mlws:fill" in line]
    assert len(marked) == 2 + len(cards.QUESTIONS)
    assert [one.line for one in found if one.message == "is not filled in here"] == marked


def test_a_filled_card_of_this_version_is_complete(tmp_path: Path) -> None:
    layout = _put(tmp_path, _filled(cards.write(_facts(), None)))
    assert cards.problems(layout, "helper", "v1") == []
    [other] = cards.problems(layout, "helper", "v2")
    assert "is of version 'v1', not v2" in str(other)


def test_a_card_that_is_missing_or_has_no_front_is_not_complete(tmp_path: Path) -> None:
    assert "missing" in str(cards.problems(Layout(tmp_path), "helper", "v1")[0])
    layout = _put(tmp_path, "# Helper\n")
    assert "has no front matter" in str(cards.problems(layout, "helper", "v1")[0])
    with pytest.raises(MlwsError, match="has no front matter"):
        cards.write(_facts(), "# Helper\n")


def test_written_again_a_card_is_the_same() -> None:
    text = cards.write(_facts(), None)
    assert cards.write(_facts(), text) == text


def test_a_new_version_changes_the_facts_and_no_word_of_people() -> None:
    old = _filled(cards.write(_facts(), None)).replace(
        "## Training data", "## Our own section\n\nKept.\n\n## Training data"
    )
    new = cards.write(_facts("v2", performance={"accuracy": 0.93}), old)
    assert "version: v2" in new
    assert "| Version | v2 |" in new
    assert "value: 0.93" in new
    assert "license: mit" in new
    changed = set(old.splitlines()) ^ set(new.splitlines())
    assert all("v1" in one or "v2" in one or "model-index" in one for one in changed)


def test_a_block_whose_markers_people_took_out_is_theirs() -> None:
    old = cards.write(_facts(), None)
    begin, end = old.index("<!-- mlws:facts -->"), old.index("## Intended use")
    mine = f"{old[:begin]}We describe it ourselves.\n\n{old[end:]}"
    assert "We describe it ourselves." in cards.write(_facts("v2"), mine)
    assert "| Version |" not in cards.write(_facts("v2"), mine)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_whatever_people_write_below_stays_to_the_letter(words: str) -> None:
    words = words.replace("<!-- ", "")
    old = cards.write(_facts(), None) + words
    assert cards.write(_facts("v2"), old).endswith(words)


@given(st.text(max_size=40))
def test_whatever_the_purpose_is_the_front_matter_is_read_back(purpose: str) -> None:
    facts = _facts(purpose=purpose, tags=[purpose] if purpose.isprintable() else [])
    text = cards.write(facts, None)
    assert cards.write(facts, text) == text
