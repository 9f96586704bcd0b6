"""A production agent: `python -m agent.server` serves what `agent.py` answers."""

from importlib.metadata import distributions


def _version() -> str:
    # The distribution bears the agent's own name, which no file in here knows; the entry point in
    # pyproject.toml leads to it. A folder that was never installed has no version.
    for distribution in distributions():
        if any(point.value == "agent.server:main" for point in distribution.entry_points):
            return distribution.version
    return "0.0.0"


__version__ = _version()
