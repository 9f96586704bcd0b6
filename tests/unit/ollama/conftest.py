"""Both ways of talking to a server."""

from __future__ import annotations

import sys

import pytest


def patience(kind: str) -> float:
    """Seconds of silence that a test allows: few where silence is what it waits for."""
    return 0.2 if kind in ("stall", "silence") else 30.0


@pytest.fixture(params=["client", "without"])
def talker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the ollama package, and on a machine where it is not installed."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "ollama", None)
    return str(request.param)
