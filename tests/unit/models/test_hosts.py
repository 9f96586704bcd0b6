"""Which server a stage is, and what its models are called there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.errors import UsageError
from mlws_scaffold.models import hosts
from mlws_scaffold.workspace import config
from tests.support import tiny_workspace

ENVIRONMENT = {"OLLAMA_HOST": "gpu9:1234"}


def _place(folder: Path, text: str = "") -> config.Workspace:
    return config.load(tiny_workspace.make(folder / "ws", config=text), {})


def test_a_stage_without_a_server_is_this_machines_own(tmp_path: Path) -> None:
    place = _place(tmp_path)
    assert hosts.stage_host(place, "production", {}) == "http://127.0.0.1:11434"
    assert hosts.stage_host(place, "production", ENVIRONMENT) == "http://gpu9:1234"
    assert hosts.remarks(place, "staging") == []
    assert "production is this machine's own" in hosts.remarks(place, "production")[0]


def test_the_teams_server_wins_over_what_a_machine_says(tmp_path: Path) -> None:
    place = _place(tmp_path, '[models.hosts]\nproduction = "gpu1"\n')
    assert hosts.stage_host(place, "production", ENVIRONMENT) == "http://gpu1:11434"
    assert hosts.stage_host(place, "staging", ENVIRONMENT) == "http://gpu9:1234"
    assert hosts.remarks(place, "production") == []


def test_a_server_that_is_no_address_is_refused(tmp_path: Path) -> None:
    place = _place(tmp_path, '[models.hosts]\nstaging = "ftp://gpu1"\n')
    with pytest.raises(UsageError):
        hosts.stage_host(place, "staging", {})


def test_names_come_from_the_key_because_keys_are_never_shared() -> None:
    assert hosts.alias("llama3.1-8b") == "llama3.1-8b:production"
    assert hosts.kept("llama3.1-8b", "v1") == "llama3.1-8b:v1"
