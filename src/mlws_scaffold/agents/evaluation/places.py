"""Where the files of an agent's behaviour lie, in both tracks."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.agents.catalog import Found

CASES = "cases.yaml"
BASELINE = "baseline.json"
RECORDINGS = "recordings.json"
# Written by an evaluation beside the cases, so that they are no change of the agent.
WRITTEN = (BASELINE, RECORDINGS)

PRODUCTION = "tests/behaviour"


def folder(found: Found) -> Path:
    """The folder of the cases and of what an evaluation writes beside them."""
    return found.folder / PRODUCTION if found.track == "production" else found.folder


def recordings(found: Found) -> Path:
    """The answers that an evaluation wrote down: of the agent, but no part of it."""
    return folder(found) / RECORDINGS


def agent_file(found: Found) -> Path:
    """The team's agent.py."""
    return found.folder / ("src/agent/agent.py" if found.track == "production" else "agent.py")
