"""`mlws model lint`: text, JSON, annotations, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.unit.models.building import HELPER, REGISTRY, workspace

TEXT = "FROM llama3.1:8b\nPARAMETER mirostat 1\nPARAMETER temprature 1\n"
ERROR = f"{HELPER}:3:1: MF002 unknown parameter 'temprature' (did you mean 'temperature'?)"


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws", registry=REGISTRY)
    workspace(root, {HELPER: TEXT})
    return Mlws(root, monkeypatch, capsys)


def test_findings_are_lines_and_an_error_ends_with_1(mlws: Mlws) -> None:
    ended = mlws("model", "lint")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith(f"warning: {HELPER}:2:1: MF017 Ollama leaves mirostat out")
    assert lines[1:] == [ERROR, "2 models: 1 error, 1 warning"]


def test_warnings_alone_end_with_0(mlws: Mlws) -> None:
    workspace(mlws.folder, {HELPER: TEXT.replace("temprature", "temperature")})
    ended = mlws("model", "lint", "helper")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "1 model: 0 errors, 1 warning")


def test_json_names_model_code_and_place(mlws: Mlws) -> None:
    ended = mlws("model", "lint", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)[1] == {
        "model": "helper",
        "code": "MF002",
        "severity": "error",
        "path": HELPER,
        "message": "unknown parameter 'temprature'",
        "cure": "did you mean 'temperature'?",
        "field": "",
        "line": 3,
        "column": 1,
    }


def test_annotations_name_the_file_from_the_top_of_the_repository(mlws: Mlws) -> None:
    subprocess.run(["git", "init", "-q"], cwd=mlws.folder.parent, check=True)
    ended = mlws("model", "lint", "--format", "github")
    assert ended.code == 1
    assert (
        f"::error file=ws/{HELPER},line=3,col=1,title=MF002 every parameter is one that Ollama"
        " knows::unknown parameter 'temprature' (did you mean 'temperature'?)"
    ) in ended.out.splitlines()


def test_an_unknown_name_is_a_wrong_question(mlws: Mlws) -> None:
    ended = mlws("model", "lint", "halper")
    assert (ended.code, "did you mean 'helper'?" in ended.err) == (2, True)
