"""The template's migrations: listed by every update, run only when a person asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.scaffold.updates.rendering import Migration

_SECONDS = 900.0


def run(root: Path, migrations: Sequence[Migration]) -> Iterator[str]:
    """Run each in its project's folder, with the environment that Copier gives; what was run.

    Raises MlwsError for one that fails, or that only Copier can read.
    """
    for one in migrations:
        if "{{" in one.text or "{%" in one.text:
            raise MlwsError(f"{one.project.name}: the migration is a template: {one.text}",
                            "read it and do by hand what it says")  # fmt: skip
        environment = {**os.environ, "STAGE": "after", "VERSION_FROM": one.project.version,
                       "VERSION_TO": one.release.tag}  # fmt: skip
        done = process.run(
            list(one.command), root / one.project.path, timeout=_SECONDS, env=environment
        )
        if done.status:
            raise MlwsError(f"{one.project.name}: {one.text}: {done.said}",
                            "the update itself is done; run the migration by hand")  # fmt: skip
        yield f"{one.project.name}: {one.text}"
