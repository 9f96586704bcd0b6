"""Outside commands: found, run and judged in the environment as it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import Unavailable


def test_a_path_that_changed_since_the_first_command_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.run(["true"], tmp_path)
    tool = tmp_path / "new-tool"
    tool.write_text('#!/bin/sh\necho "$WORD"\n')
    tool.chmod(0o755)
    with pytest.raises(Unavailable, match="not on PATH"):
        process.run(["new-tool"], tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("WORD", "first")
    assert process.run(["new-tool"], tmp_path).output == "first\n"
    assert process.run(["new-tool"], tmp_path, env={"WORD": "own"}).output == "own\n"
    monkeypatch.delenv("WORD")
    assert process.run(["new-tool"], tmp_path).output == "\n"


def test_a_command_that_takes_too_long_gives_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="longer than"):
        process.run(["sleep", "30"], tmp_path, timeout=0.2)
