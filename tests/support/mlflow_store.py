"""A migrated SQLite store of MLflow: made once per session (seconds), copied for each test."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from mlws_scaffold.adapters import mlflow

NAME = "mlflow.db"
TRACKING = f'[tracking]\nuri = "sqlite:///{NAME}"\n'


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """The folder of an empty store; it goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="mlws-store-")
    mlflow.prepare(f"sqlite:///{NAME}", Path(folder.name))
    return folder


def put(root: Path) -> Path:
    """Put a copy of the store at the root of a workspace."""
    return Path(shutil.copy2(Path(_made().name) / NAME, root / NAME))
