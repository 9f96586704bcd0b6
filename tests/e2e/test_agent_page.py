"""The page of an agent in a real browser: a person asks, the words come, keys suffice."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import browser, tiny_workspace
from tests.support.rendering import render

pytestmark = pytest.mark.services

# Where CI keeps pictures of what people see; nowhere without it.
PICTURES = os.environ.get("MLWS_TEST_PICTURES", "")


@contextlib.contextmanager
def _served(root: Path) -> Iterator[str]:
    """`mlws agent serve helper --model fake` on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mlws = Path(sys.executable).with_name("mlws")
    command = [mlws, "agent", "serve", "helper", "--model", "fake", "--port", str(port)]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("serving at") for line in process.stderr)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_asks_by_keyboard_and_reads_the_answer(scheme: str, tmp_path: Path) -> None:
    root = tiny_workspace.make(tmp_path / "ws")
    render("prototype", {"prototype_name": "helper"}, root / "agents/prototypes/helper")
    size = {"width": 800, "height": 700}
    with _served(root) as address, browser.page(color_scheme=scheme, viewport=size) as page:
        page.goto(address)
        assert page.title() == "helper"
        page.keyboard.type("What is <b>in</b> the box?")
        page.keyboard.press("Enter")
        answer = page.locator("article.assistant")
        answer.filter(has_text="What is <b>in</b> the box?").wait_for()
        page.get_by_role("button", name="Send").wait_for()
        assert answer.inner_text() == "This is a fake model. You said: What is <b>in</b> the box?"
        assert page.locator("article b").count() == 0
        page.keyboard.type("And now?")
        page.keyboard.press("Enter")
        page.locator("article.assistant").nth(1).filter(has_text="And now?").wait_for()
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"agent-page-{scheme}.png")


def test_an_answer_can_be_stopped_by_the_escape_key(tmp_path: Path) -> None:
    root = tiny_workspace.make(tmp_path / "ws")
    render("prototype", {"prototype_name": "helper"}, root / "agents/prototypes/helper")
    with _served(root) as address, browser.page() as page:
        page.goto(address)
        page.locator("#text").fill("word " * 300)
        page.keyboard.press("Enter")
        page.locator("article.assistant").filter(has_text="You said").wait_for()
        page.keyboard.press("Escape")
        page.locator("article.error").filter(has_text="stopped").wait_for()
        page.get_by_role("button", name="Send").wait_for()
