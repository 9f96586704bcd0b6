"""Examines this machine and this clone; what is not well comes with its cure."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from mlws_scaffold.checks.examinations import clone, machine, services
from mlws_scaffold.checks.examinations.case import Case, Finding, Findings
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.scaffold import setup
from mlws_scaffold.workspace.config import Config, Workspace, WorkspaceTable, load
from mlws_scaffold.workspace.layout import CONFIG, Layout

__all__ = ["EXAMINATIONS", "Finding", "examine"]

EXAMINATIONS: tuple[tuple[str, Callable[[Case], Findings]], ...] = (
    ("python", machine.python),
    ("bytecode", machine.bytecode),
    ("uv", machine.uv),
    ("git", machine.git),
    ("environment", clone.environment),
    ("pre-commit", clone.hooks),
    ("template origin", clone.origin),
    ("settings", clone.settings),
    ("Ollama", services.models),
    ("tracking store", services.tracking),
    ("SQLite files", services.network_disks),
    ("GPUs", machine.gpus),
    ("GPU store", services.gpu_store),
    ("compute", services.compute),
    ("disk space", machine.disk),
)


def examine(root: Path, environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Every finding, in the order of EXAMINATIONS. Never raises for what it finds."""
    given = os.environ if environment is None else environment
    findings = []
    try:
        place = load(root, given)
    except MlwsError as error:
        # The rest is still worth knowing, with every setting at its default.
        findings.append(Finding(CONFIG, "failure", error.message, error.cure or f"mend {CONFIG}"))
        place = Workspace(Layout(root), Config(WorkspaceTable(root.name)), {})
    case = Case(place, setup.recorded_answers(root), given)
    for name, look in EXAMINATIONS:
        try:
            findings.extend(look(case))
        except (MlwsError, ImportError, OSError) as error:
            cure = getattr(error, "cure", "") or "mend that, then run mlws doctor again"
            judged = not isinstance(error, Unavailable)
            findings.append(Finding(name, "failure" if judged else "unknown", str(error), cure))
    return findings
