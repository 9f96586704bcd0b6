"""Changes merged into a YAML text. What is not meant to change does not, to the byte if possible.

A change is first made to the text itself, at the marks of the parser; where that cannot say it,
ruamel writes the file anew. Either result is read again and taken only when its data is the old
data with the changes and no comment is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.roundtrip import surgery, whole
from mlws_scaffold.errors import MlwsError

Order = Callable[[documents.Keys], Sequence[str]]


class _Remove:
    """The wish that a key goes."""


REMOVE = _Remove()


def _no_order(_above: documents.Keys) -> Sequence[str]:
    return ()


def merge(text: str, name: str, changes: Mapping[str, Any], order: Order = _no_order) -> str:
    """The text with keys set, mappings merged, and keys taken out where the value is REMOVE.

    A new key comes behind those that `order` (of the mapping at the given keys) has before it;
    without an order it is the last. Raises InvalidFile for a text that is no YAML and MlwsError
    when it cannot be edited without touching something else.
    """
    before = documents.parse(text.encode(), name)
    wanted, comments = _expected(before.data, changes), surgery.comments(text)
    said = ""
    for way in (_in_place, _by_ruamel):
        try:
            after = way(text, name, changes, order)
            data = documents.parse(after.encode(), name).data
        except MlwsError as error:
            said = f": {error.message}"
            continue
        lost = surgery.missing(comments, surgery.comments(after))
        if data == wanted and not lost:
            return after
        said = f" without losing {f'the comment {lost[0]!r}' if lost else 'other values'}"
    wish = ", ".join(".".join(keys) for keys in _leaves(changes, ()))
    raise MlwsError(f"{name} cannot be edited{said}", f"set by hand: {wish}")


def _in_place(text: str, name: str, changes: Mapping[str, Any], order: Order) -> str:
    for keys, value in _steps(documents.parse(text.encode(), name).data, changes, ()):
        if value is REMOVE:
            text = surgery.without(text, keys)
        else:
            text = surgery.put(text, keys, value, order(keys[:-1]))
    return text


def _by_ruamel(text: str, name: str, changes: Mapping[str, Any], _order: Order) -> str:
    for keys, value in _steps(documents.parse(text.encode(), name).data, changes, ()):
        if value is REMOVE:
            text = surgery.without(text, keys)
        elif not surgery.is_scalar(text, keys):
            surgery.refuse_braces(text, keys)
            text = surgery.without(text, keys)
    return whole.edit(text, name, lambda data: _merge(data, changes))


def _merge(data: Any, changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if value is REMOVE:
            continue
        if isinstance(value, Mapping):
            if not isinstance(data.get(key), dict):
                data[key] = {}
            _merge(data[key], value)
        elif key not in data or data[key] != value:
            data[key] = whole.written(value)


def _steps(
    data: Any, changes: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each key whose value is to be written or taken out; mappings that are there are entered."""
    for key, value in changes.items():
        present = isinstance(data, dict) and key in data
        if value is REMOVE:
            if present:
                yield (*above, key), REMOVE
        elif isinstance(value, Mapping) and present and isinstance(data[key], dict) and data[key]:
            yield from _steps(data[key], value, (*above, key))
        elif isinstance(value, Mapping):
            filled = _expected({}, value)
            if filled or not present:
                yield (*above, key), filled
        elif not present or data[key] != value or type(data[key]) is not type(value):
            yield (*above, key), value


def _expected(data: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(data) if isinstance(data, dict) else {}
    for key, value in changes.items():
        if value is REMOVE:
            result.pop(key, None)
        else:
            inner = isinstance(value, Mapping)
            result[key] = _expected(result.get(key), value) if inner else value
    return result


def _leaves(changes: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in changes.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        elif value is not REMOVE:
            yield (*above, key)
