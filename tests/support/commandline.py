"""Runs `mlws` inside the test process, through its one error boundary."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.cli import app, boundary


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code and what it printed."""

    code: object
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Mlws:
    """`mlws` in a folder: `mlws("update", "--diff")`."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Ended:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", ["mlws", *arguments])
        before = signal.getsignal(signal.SIGTERM)
        self.capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                boundary.run(app.app, "mlws")
        finally:
            signal.signal(signal.SIGTERM, before)
        printed = self.capsys.readouterr()
        return Ended(ended.value.code, printed.out, printed.err)
