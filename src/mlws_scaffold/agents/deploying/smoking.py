"""The agent's own smoke test against one release, past the proxy."""

from __future__ import annotations

import os
from collections.abc import Callable

from mlws_scaffold.adapters import children
from mlws_scaffold.agents.operations import smoke
from mlws_scaffold.agents.targets.target import Release, Site
from mlws_scaffold.errors import Unavailable

_SECONDS = 300.0


def of(site: Site) -> Callable[[str, Release], str]:
    """A function that asks a release at its address and returns what does not work."""

    def ask(address: str, release: Release) -> str:
        command = smoke.of_release(site.found, address, release.version, site.variables)
        env = {**os.environ, **command.environment}
        try:
            done = children.ask(command.words, command.folder, env, timeout=_SECONDS)
        except Unavailable as error:
            return error.message
        return "" if done.status == 0 else done.said or f"it ended with {done.status}"

    return ask
