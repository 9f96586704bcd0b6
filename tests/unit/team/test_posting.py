"""Posting a report: only where the environment says, and never at the cost of the report."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import fake_gh, tiny_workspace
from tests.support.commandline import Mlws

SECRET = "T000/B000/XXXX"


class Channel(BaseHTTPRequestHandler):
    """A webhook that keeps what it is sent, and answers `status`."""

    status = 200
    got: list[bytes] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        type(self).got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"ok" if self.status == 200 else b"no_service")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[str]:
    Channel.status, Channel.got = 200, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Channel)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{SECRET}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    fake_gh.absent(monkeypatch, tmp_path / "bin")
    root = tiny_workspace.make(tmp_path / "ws", config='[reports]\nwebhook_env = "TEAM_HOOK"\n')
    return Mlws(root, monkeypatch, capsys)


@pytest.mark.parametrize("name", ["standup", "weekly"])
def test_the_payload_that_is_shown_is_the_one_that_is_sent(
    mlws: Mlws, webhook: str, name: str
) -> None:
    mlws.monkeypatch.setenv("TEAM_HOOK", webhook)
    shown = json.loads(mlws("report", name, "--since", "2026-03-01", "--dry-run").out)
    assert Channel.got == []
    ended = mlws("report", name, "--since", "2026-03-01", "--post")
    assert ended.code == 0
    assert "not measured: gh is not installed here" in ended.out
    sent = json.loads(Channel.got[0])
    shown["text"] = sent["text"] = ""
    shown["blocks"][1] = sent["blocks"][1] = {}  # the minute of the report
    assert sent == shown
    assert SECRET not in ended.out + ended.err


def test_a_post_that_fails_exits_with_1_after_the_report(mlws: Mlws, webhook: str) -> None:
    Channel.status = 403
    mlws.monkeypatch.setenv("TEAM_HOOK", webhook)
    ended = mlws("report", "standup", "--post")
    assert ended.code == 1
    assert ended.out.startswith("Standup in tiny")
    assert "Needs attention" in ended.out
    assert "the webhook of TEAM_HOOK answers 403: no_service" in ended.err
    assert SECRET not in ended.err


def test_a_channel_that_is_away_exits_with_1_and_its_address_stays_secret(mlws: Mlws) -> None:
    mlws.monkeypatch.setenv("TEAM_HOOK", f"http://127.0.0.1:9/{SECRET}")
    ended = mlws("report", "standup", "--post")
    assert (ended.code, "not posted" in ended.err) == (1, True)
    assert ended.out.startswith("Standup in tiny")
    assert SECRET not in ended.err


@pytest.mark.parametrize("given", ["", "file:///etc/passwd", "https://"])
def test_without_an_address_the_report_is_still_printed(mlws: Mlws, given: str) -> None:
    mlws.monkeypatch.setenv("TEAM_HOOK", given)
    ended = mlws("report", "standup", "--post")
    assert (ended.code, ended.out.startswith("Standup in tiny")) == (2, True)
    assert "TEAM_HOOK" in ended.err


def test_a_dry_run_needs_no_address(mlws: Mlws) -> None:
    ended = mlws("report", "weekly", "--post", "--dry-run")
    assert ended.code == 0
    assert json.loads(ended.out)["blocks"][0]["type"] == "header"


def test_the_audit_can_be_a_gate(mlws: Mlws) -> None:
    assert mlws("report", "audit").code == 0
    ended = mlws("report", "audit", "--check")
    assert (ended.code, "model base (ann): no card" in ended.out) == (1, True)
