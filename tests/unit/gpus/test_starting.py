"""What starting `mlws gpu list` may cost: the test of what it must not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import tiny_workspace

# Each costs as much as opening the store, or is needed by other commands alone.
DEAR = {
    "hashlib", "socket", "zoneinfo", "json", "subprocess", "psycopg", "pynvml", "getpass",
    "plumbum", "rich", "yaml", "mlws_scaffold.adapters.git",
    "mlws_scaffold.gpus.reservations.waiting",
}  # fmt: skip
CODE = """
import sys
from mlws_scaffold.cli.app import app
app.main(["gpu", "list"], standalone_mode=False)
print("\\n".join(sys.modules))
"""


def test_listing_imports_nothing_that_only_others_need(tmp_path: Path) -> None:
    root = tiny_workspace.make(tmp_path / "here", config='[gpus]\nstore = "sqlite:///gpus.db"\n')
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True
    )
    said, *loaded = done.stdout.splitlines()
    assert said == "nothing is reserved"
    assert "sqlite3" in loaded
    assert DEAR & set(loaded) == set()
