"""The `run:` steps of workflows as scripts, for a linter that reads no YAML."""

from __future__ import annotations

from pathlib import Path

import yaml


def scripts(workflow: Path, folder: Path) -> list[Path]:
    """Write each step of a workflow to a file of its own, as bash runs it."""
    made = []
    for name, job in yaml.safe_load(workflow.read_text())["jobs"].items():
        for number, step in enumerate(job["steps"], 1):
            if "run" in step:
                path = folder / f"{workflow.stem}-{name}-{number}.sh"
                # -e and pipefail are set by the runner; the environment comes from outside.
                path.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{step['run']}")
                made.append(path)
    return made
