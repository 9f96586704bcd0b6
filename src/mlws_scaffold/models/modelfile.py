"""What can be told of a Modelfile by simple reading: its base. The full grammar is Ollama's."""

from __future__ import annotations

import re


def base(text: str) -> tuple[int, str]:
    """Line and value of the first FROM outside of a text in triple quotes; (0, "") without one."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not inside and (match := re.match(r"\s*FROM\s+(.*)", line, re.IGNORECASE)):
            return number, match[1].strip().strip('"')
        comment = line.lstrip().startswith("#") and not inside
        if not comment and line.count('"""') % 2:
            inside = not inside
    return 0, ""
