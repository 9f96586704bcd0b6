"""axe-core, the accessibility checker, from its npm package; a test without it is skipped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.installation import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACKAGE = "axe-core@4.10.3"
SERIOUS = ("serious", "critical")


def installed(folder: Path) -> str:
    """The text of its script; skips the test where npm cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so axe-core cannot look at the page")
    run(["npm", "install", "--silent", "--no-audit", "--no-fund", PACKAGE], folder)
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def serious(page: Page, script: str) -> list[str]:
    """What it finds serious or critical in the page as it is now."""
    # In the tester's world, as the page's own policy forbids scripts that are not the page's.
    said = page.evaluate(f"async () => {{ {script}; return JSON.stringify(await axe.run()); }}")
    found = json.loads(said)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]
