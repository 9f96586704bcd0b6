"""Which server understands which field of a build.

A server ignores what it does not know, so that an older one would build another model and call it
a success. Versions: the first tag of ollama/ollama whose api/types.go has the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlws_scaffold.adapters.ollama.reading import version
from mlws_scaffold.adapters.ollama.wire import CONNECT
from mlws_scaffold.errors import Unavailable

_BUILDING = "0.5.5"  # before it, create took the text of a Modelfile
_FIELDS = {
    "renderer": "0.12.0",
    "parser": "0.12.0",
    "requires": "0.14.0",
    "draft_files": "0.30.0",
    "draft_quantize": "0.30.0",
}


class TooOld(Unavailable):
    """Asking the same server again cannot help."""


def demand(host: str, body: Mapping[str, object], timeout: float = CONNECT) -> None:
    """Raises TooOld when the server is older than a field of `body` needs, Unavailable without."""
    asked = {field: _FIELDS[field] for field in _FIELDS if body.get(field)}
    named = version(host, timeout)
    found = _numbers(named)
    # Built from source, it says 0.0.0 or nothing of that form. A pre-release of the version that
    # brought a field has it.
    if not found or found == (0, 0, 0):
        return
    for field, least in {"building models": _BUILDING, **asked}.items():
        if found < _numbers(least):
            raise TooOld(
                f"Ollama {named} at {host} is too old: {field} needs {least} or newer",
                "bring the server up to date",
            )


def _numbers(text: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()
