"""Guards around every test: no real home, git identity, network, Ollama or GPU."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow, which says nothing about the code: time limits are pytest's.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Downloads are shared between tests and runs; everything else of the real home is out of reach.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
LOOPBACK = ("127.", "localhost", "::1")


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything a person's machine would add is replaced by an empty one with a git identity."""
    home = tmp_path_factory.mktemp("home")
    gitconfig = home / ".gitconfig"
    gitconfig.write_text(
        "[user]\n\tname = Ann Example\n\temail = researcher@example.org\n"
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
        "[commit]\n\tgpgsign = false\n"
    )
    for name in [*os.environ]:
        if name.startswith(("MLWS_", "GIT_", "COPIER_", "MLFLOW_", "OLLAMA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(gitconfig))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(CACHE / "uv"))
    monkeypatch.setenv("PIP_CACHE_DIR", os.environ.get("PIP_CACHE_DIR") or str(CACHE / "pip"))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(home / "copier.yml"))
    monkeypatch.setenv("COPIER_CACHE_DIR", str(home / "copier"))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process only loopback can be connected to."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            pytest.fail(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


def pytest_terminal_summary(terminalreporter: object) -> None:
    """A skip is counted and printed, so that a missing tool never looks green."""
    skipped = getattr(terminalreporter, "stats", {}).get("skipped", [])
    write = getattr(terminalreporter, "write_line", print)
    if skipped:
        write(f"skipped: {len(skipped)} (reasons above)")
    wanted = os.environ.get("MLWS_SKIPS_FILE")
    if wanted:
        Path(wanted).write_text(
            "".join(f"{report.nodeid}: {report.longrepr}\n" for report in skipped)
        )
