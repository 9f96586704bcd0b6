"""Edits of a YAML text that keep its comments, order and quoting. ruamel does it, and only here."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.errors import MlwsError


def edit(text: str, name: str, change: Callable[[Any], None]) -> str:
    """The text after `change` altered its top mapping in place; `name` is how messages call it.

    Raises MlwsError for a text that is no mapping or cannot be edited, and what `change` raises.
    """
    from ruamel.yaml.error import YAMLError

    editor = _editor()
    editor.preserve_quotes = True
    editor.width = 1_000_000
    # Lists stay where the file has them: at the column of their key, or two further in.
    if not any(line.startswith("- ") for line in text.splitlines()):
        editor.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    try:
        data = editor.load(text)
        if not isinstance(data, dict):
            raise MlwsError(f"{name} is no list of `key: value` lines", "set it by hand")
        change(data)
        editor.dump(data, out)
    except (YAMLError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise MlwsError(f"{name} cannot be edited: {first}", "set it by hand") from None
    return out.getvalue()


def written(value: Any) -> Any:
    """A value as ruamel takes it: quoted wherever one of the two readers would take it for more."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and documents.scalar(value) != value:
        return DoubleQuotedScalarString(value)
    return value


def _editor() -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):
        """Writes 1e-05 as 1.0e-05: without the point PyYAML reads a text."""

    Representer.add_representer(
        float,
        lambda writer, value: writer.represent_scalar(
            "tag:yaml.org,2002:float", documents.scalar(value)
        ),
    )
    editor = YAML()
    editor.Representer = Representer
    return editor
