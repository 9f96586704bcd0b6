"""What Copier makes of a written answer: the six types of its questions.

https://copier.readthedocs.io/en/stable/configuring/#advanced-prompt-formatting
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_YES = frozenset({"y", "yes", "t", "true", "on"})
_NO = frozenset({"", "n", "no", "f", "false", "off", "~", "null", "none"})


def to_bool(value: Any) -> bool:
    """Numbers first, then YAML's words, then Python's own idea of truth."""
    try:
        return bool(float(value))
    except (TypeError, ValueError):
        pass
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
    return bool(value)


def to_text(value: Any) -> str:
    """Text and numbers as text. Raises ValueError for anything else."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    if isinstance(value, (str, float, int)):
        return str(value)
    raise ValueError(f"Could not convert {value} to string")


def from_yaml(value: Any) -> Any:
    """Text is parsed, data stays. Raises ValueError for text that is no YAML."""
    if not isinstance(value, str):
        return value
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def items(text: str) -> list[str]:
    """The items of a YAML list as they were written, quotes around a text taken off."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.SequenceNode):
        raise ValueError(f"Not a YAML list: {text!r}")
    found = []
    for item in node.value:
        raw = text[item.start_mark.index : item.end_mark.index].strip()
        quoted = isinstance(item, yaml.ScalarNode) and raw[:1] in ('"', "'") and raw[0] == raw[-1]
        found.append(raw[1:-1] if quoted else raw)
    return found


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


CASTS: Mapping[str, Callable[[Any], Any]] = {
    "bool": to_bool,
    "float": float,
    "int": int,
    "json": _from_json,
    "path": str,
    "str": to_text,
    "yaml": from_yaml,
}
