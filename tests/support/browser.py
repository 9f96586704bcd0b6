"""A headless Chromium, as Debian installs it, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

# No sandbox: CI runs as root. No network of its own: nothing but what the test asks for.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@contextlib.contextmanager
def page(**context: Any) -> Iterator[Page]:
    """A page of a fresh browser; skips the test where there is none.

    What the page logs as an error, and what it throws, fails the test when the block ends.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed")
    problems: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            opened = browser.new_page(**context)
            opened.on("pageerror", lambda error: problems.append(str(error)))
            opened.on(
                "console",
                lambda entry: problems.append(entry.text) if entry.type == "error" else None,
            )
            yield opened
        finally:
            browser.close()
    assert problems == []
