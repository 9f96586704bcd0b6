"""GitHub through `gh`, which knows the repository and the person; it is never waited for long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.workspace.config import Workspace

_SECONDS = 30.0
_ENVIRONMENT = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}


def is_here() -> bool:
    """Whether `gh` is installed on this machine."""
    return process.find("gh") is not None


def rows(place: Workspace, *words: str) -> list[Mapping[str, Any]]:
    """The list of objects that `gh WORDS` answers with. Raises Unavailable."""
    done = process.run(["gh", *words], place.root, timeout=_SECONDS, env=_ENVIRONMENT)
    if done.status:
        raise Unavailable(f"gh says {done.said.partition(chr(10))[0]}", "gh auth status")
    try:
        data = json.loads(done.output)
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise ValueError(data)
    except ValueError:
        raise Unavailable(f"gh {words[0]} answers something else than a list") from None
    return data
