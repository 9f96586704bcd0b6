"""Edits of `metadata.yaml` that change what they mean to and nothing else.

Comments, order and quoting stay. Every result is parsed and validated again before the old file is
replaced, so an edit never leaves a file that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlws_scaffold.adapters import documents, files, roundtrip
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.experiments.spec import Metadata


class _Remove:
    """The wish that a key goes."""


REMOVE = _Remove()


@dataclass(frozen=True, slots=True)
class Edit:
    """A file as it would be: its new text, and what the text declares."""

    path: Path
    old: str
    text: str
    metadata: Metadata

    @property
    def changes(self) -> bool:
        return self.text != self.old

    def write(self) -> None:
        """Replace the file, unless somebody else changed it meanwhile."""
        with files.locked(self.path.parent):
            if _text(self.path, str(self.path)) != self.old:
                raise MlwsError(f"{self.path} was changed meanwhile", "run the command again")
            if self.changes:
                files.write(self.path, self.text)


def prepare(path: Path, name: str, changes: Mapping[str, Any]) -> Edit:
    """The file with top-level keys set, or taken out where the value is REMOVE.

    A mapping is merged into the mapping that is there. Raises InvalidFile when the file is broken
    or would be, MlwsError when it cannot be edited without touching something else.
    """
    old = _text(path, name)
    before = documents.parse(old.encode(), name)
    documents.validate(Metadata, before)
    text = _apply(old, name, changes)
    after = documents.parse(text.encode(), name)
    metadata = documents.validate(Metadata, after)
    lost = _missing(_comments(old), _comments(text))
    if after.data != _expected(before.data, changes) or lost:
        what = f"the comment {lost[0]!r}" if lost else "other values"
        wish = ", ".join(key for key, value in changes.items() if value is not REMOVE)
        raise MlwsError(f"{name} cannot be edited without losing {what}", f"set by hand: {wish}")
    return Edit(path, old, text, metadata)


def _text(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFile([Problem(name, f"is not UTF-8 at byte {error.start}")]) from None
    except OSError as error:
        raise InvalidFile([Problem(name, f"cannot be read: {error.strerror}")]) from None


def _apply(text: str, name: str, changes: Mapping[str, Any]) -> str:
    for keys in _outdated(documents.parse(text.encode(), name).data, changes, ()):
        text = _without(text, keys)
    return roundtrip.edit(text, name, lambda data: _merge(data, changes))


def _merge(data: Any, changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if value is REMOVE:
            continue
        if isinstance(value, Mapping):
            if not isinstance(data.get(key), dict):
                data[key] = {}
            _merge(data[key], value)
        elif key not in data or data[key] != value:
            data[key] = roundtrip.written(value)


def _expected(data: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(data) if isinstance(data, dict) else {}
    for key, value in changes.items():
        if value is REMOVE:
            result.pop(key, None)
        else:
            inner = isinstance(value, Mapping)
            result[key] = _expected(result.get(key), value) if inner else value
    return result


def _outdated(data: Any, changes: Mapping[str, Any], above: documents.Keys) -> Iterator[Any]:
    """Keys whose present value must go first: removed ones, and a mapping that ends as a scalar."""
    for key, value in changes.items():
        if not isinstance(data, dict) or key not in data:
            continue
        if isinstance(value, Mapping):
            yield from _outdated(data[key], value, (*above, key))
        elif value is REMOVE or isinstance(data[key], dict | list):
            yield (*above, key)


def _without(text: str, keys: documents.Keys) -> str:
    """The text without a key and its value; comments beside and below them stay, as ruamel's
    would go with the key."""
    key, value = _pair(text, keys)
    if value.start_mark.line == key.start_mark.line and _is_inside_flow(text, keys):
        raise MlwsError(f"{'.'.join(map(str, keys))} stands in braces", "take it out by hand")
    first, last = key.start_mark.line, _last(value).line
    ends: dict[int, int] = {}
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        mark = token.end_mark
        ends[mark.line] = max(ends.get(mark.line, 0), mark.column)
    lines = text.splitlines(keepends=True)
    kept = []
    for number in range(first, last + 1):
        rest = lines[number][ends.get(number, 0) :].strip()
        if rest.startswith("#"):
            kept.append(f"{' ' * key.start_mark.column}{rest}\n")
    return "".join([*lines[:first], *kept, *lines[last + 1 :]])


def _pair(text: str, keys: documents.Keys) -> tuple[Any, Any]:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    pair: tuple[Any, Any] = (node, node)
    for wanted in keys:
        pair = next(pair for pair in node.value if pair[0].value == wanted)
        node = pair[1]
    return pair


def _is_inside_flow(text: str, keys: documents.Keys) -> bool:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for wanted in keys:
        if node.flow_style:
            return True
        node = next(pair[1] for pair in node.value if pair[0].value == wanted)
    return False


def _last(node: Any) -> Any:
    """The end of the last sign of a value: a block's own end lies behind the comments below it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        mark = node.end_mark
        # A block scalar ends at the beginning of the line behind it.
        if mark.column == 0 and mark.line > node.start_mark.line:
            return yaml.Mark(mark.name, mark.index, mark.line - 1, 0, None, 0)
        return mark
    inner = node.value[-1]
    return _last(inner[1] if isinstance(inner, tuple) else inner)


def _comments(text: str) -> list[str]:
    """Every comment: what stands between two tokens and begins with #."""
    found, position = [], 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if token.end_mark.index <= position and token.start_mark.index <= position:
            continue
        gap = text[position : token.start_mark.index]
        found += [line[line.index("#") :].strip() for line in gap.splitlines() if "#" in line]
        position = max(position, token.end_mark.index)
    return found


def _missing(before: list[str], after: list[str]) -> list[str]:
    left = list(after)
    lost = []
    for comment in before:
        if comment in left:
            left.remove(comment)
        else:
            lost.append(comment)
    return lost
