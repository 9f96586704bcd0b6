"""Adding a model changes nothing else in the registry, however the team writes its lists."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.models import registry
from mlws_scaffold.workspace.layout import Layout

FLUSH = """\
# All of them.
models:
  first:  # the oldest
    source: ollama
    model_name: 'a:1'
    tags:
    - base
    - chat
"""
INDENTED = FLUSH.replace("    - ", "      - ")


def _add(folder: Path, text: str) -> str:
    path = folder / "models/registry.yaml"
    path.parent.mkdir()
    path.write_text(text)
    registry.add(Layout(folder), "second", {"source": "custom", "version": "1.0", "tags": ["x"]})
    return path.read_text()


@pytest.mark.parametrize("text", ["models:\n", "models: {}\n", INDENTED])
def test_what_was_there_stays_and_the_entry_is_read_as_given(text: str, tmp_path: Path) -> None:
    after = _add(tmp_path, text)
    if text == INDENTED:
        assert after.startswith(text)
    assert yaml.safe_load(after)["models"]["second"] == {
        "source": "custom",
        "version": "1.0",
        "tags": ["x"],
    }


def test_comments_and_quotes_stay_also_with_flush_lists(tmp_path: Path) -> None:
    after = _add(tmp_path, FLUSH)
    assert {"# All of them.", "  first:  # the oldest", "    model_name: 'a:1'"} <= set(
        after.splitlines()
    )
    assert yaml.safe_load(after)["models"]["first"]["tags"] == ["base", "chat"]


@pytest.mark.parametrize("text", ["models: [1]\n", "- a\n", "models: {second: {source: custom}}\n"])
def test_a_registry_that_cannot_take_it_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    with pytest.raises((MlwsError, InvalidFile)):
        _add(tmp_path, text)
    assert (tmp_path / "models/registry.yaml").read_text() == text
