"""`mlws-new --list` says what there is to start from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.cli.new import TABLE
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import write

AGENT = "name: {0}\nowner: ann\nmodel: base\n"


def test_kinds_variants_and_the_agents_of_the_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tiny_workspace.make(tmp_path / "ws")
    folder = "agents/production"
    pages = {f"{folder}/{name}/agent.yaml": AGENT.format(name) for name in ("alpha", "served")}
    pages[f"{folder}/broken/agent.yaml"] = "name: [\n"
    pages["agents/prototypes/light/agent.yaml"] = AGENT.format("light")
    pages[f"{folder}/served/deployments.jsonl"] = "{}\n"
    write(root, pages)
    new = Mlws(root, monkeypatch, capsys, "mlws-new")
    found = json.loads(new("--list", "--json").out)
    names = {
        what: [one["name"] for one in found if one["what"] == what]
        for what in ("kind", "variant", "agent")
    }
    assert names["kind"] == list(TABLE)
    assert names["variant"][0] == "numpy"
    assert {"rag", "torch", "pydantic-ai", "plain"} <= set(names["variant"])
    assert names["agent"] == ["served", "alpha"]
    shown = new("--list").out
    assert "mlws-new experiment NAME --variant rag" in shown
    assert "owner ann, model base, deployed" in shown
    for words in (("--json",), ("--list", "model")):
        assert new(*words).code == 2


def test_outside_of_a_workspace_the_agents_are_said_to_be_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = Mlws(tmp_path, monkeypatch, capsys, "mlws-new")("--list")
    assert ended.code == 0
    assert ended.err == "note: outside of a workspace no agent is known\n"
    assert ended.out.startswith("Kinds\n")
