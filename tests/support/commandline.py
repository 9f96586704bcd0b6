"""Runs `mlws` inside the test process, through its one error boundary."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.cli import app, boundary, new

_GROUPS = {"mlws": app.app, "mlws-new": new.new}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code and what it printed."""

    code: object
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Mlws:
    """`mlws` in a folder: `mlws("update", "--diff")`; with `program` as `mlws-new`, that one."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    program: str = "mlws"

    def __call__(self, *arguments: str) -> Ended:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", [self.program, *arguments])
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                boundary.run(_GROUPS[self.program], self.program)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        printed = self.capsys.readouterr()
        return Ended(ended.value.code, printed.out, printed.err)
