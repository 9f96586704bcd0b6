"""Files that the team took over from the template: `[update] own` in mlws.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from mlws_scaffold.workspace.layout import CONFIG


def patterns(root: Path) -> tuple[str, ...]:
    """The patterns of files that updates leave alone, read as in a `.gitignore` at the root."""
    try:
        text = (root / CONFIG).read_text(encoding="utf-8")
        table = tomllib.loads(text).get("update", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ()
    own = table.get("own", []) if isinstance(table, dict) else []
    return tuple(one for one in own if isinstance(one, str)) if isinstance(own, list) else ()
