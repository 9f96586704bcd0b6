"""One value put into a YAML text, or taken out of it, at the marks of the parser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mlws_scaffold.adapters import documents
from mlws_scaffold.errors import MlwsError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WIDTH = 1_000_000


def put(text: str, keys: Sequence[str], value: Any, order: Sequence[str] = ()) -> str:
    """The text with the value at the keys; the mapping around the last key must be there.

    Raises MlwsError where only a person can say how to write it.
    """
    above = _at(text, keys[:-1])
    if not isinstance(above, yaml.MappingNode):
        raise MlwsError(f"{'.'.join(keys[:-1]) or 'the file'} is no mapping")
    pair = next((pair for pair in above.value if pair[0].value == keys[-1]), None)
    if pair is not None:
        key, old = pair
        if _is_span(old) and not isinstance(value, Mapping):
            return _replaced(text, key, old, _one_line(value, braces=_is_inside_flow(text, keys)))
        if not old.value and isinstance(value, Mapping) and value and not above.flow_style:
            return _opened(text, key, old, value)
        refuse_braces(text, keys)
        # What is written in its place must not move to another one.
        order = [found.value for found, _ in above.value]
        text = without(text, keys)
        above = _at(text, keys[:-1])
        if not isinstance(above, yaml.MappingNode):
            raise MlwsError(f"{'.'.join(keys)} is the only key", "set it by hand")
    return _inserted(text, above, keys[-1], value, order)


def without(text: str, keys: Sequence[str]) -> str:
    """The text without a key and its value; comments beside and below them stay."""
    above = _at(text, keys[:-1])
    index = next(n for n, pair in enumerate(above.value) if pair[0].value == keys[-1])
    if _is_inside_flow(text, keys):
        return _cut(text, above.value, index)
    key, value = above.value[index]
    first, last = key.start_mark.line, _last(key, value)
    ends: dict[int, int] = {}
    for token in yaml.scan(text, Loader=_Loader):
        mark = token.end_mark
        ends[mark.line] = max(ends.get(mark.line, 0), mark.column)
    lines = text.splitlines(keepends=True)
    kept = []
    for number in range(first, last + 1):
        rest = lines[number][ends.get(number, 0) :].strip()
        if rest.startswith("#"):
            kept.append(f"{' ' * key.start_mark.column}{rest}\n")
    return "".join([*lines[:first], *kept, *lines[last + 1 :]])


def refuse_braces(text: str, keys: Sequence[str]) -> None:
    """Raises MlwsError where a block of lines would have to stand between braces."""
    if _is_inside_flow(text, keys):
        raise MlwsError(f"{'.'.join(keys)} stands in braces", "set it by hand")


def is_scalar(text: str, keys: Sequence[str]) -> bool:
    """Whether a plain value (or none at all) stands at the keys."""
    try:
        return isinstance(_at(text, keys), yaml.ScalarNode)
    except KeyError:
        return True


def comments(text: str) -> list[str]:
    """Every comment: what stands between two tokens and begins with #."""
    found, position = [], 0
    for token in yaml.scan(text, Loader=_Loader):
        if token.end_mark.index <= position and token.start_mark.index <= position:
            continue
        gap = text[position : token.start_mark.index]
        found += [line[line.index("#") :].strip() for line in gap.splitlines() if "#" in line]
        position = max(position, token.end_mark.index)
    return found


def missing(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The comments that are there no more."""
    left = list(after)
    lost = []
    for comment in before:
        if comment in left:
            left.remove(comment)
        else:
            lost.append(comment)
    return lost


def _cut(text: str, pairs: Sequence[tuple[Any, Any]], index: int) -> str:
    """The text without a pair between braces, and without the comma beside it."""
    begin, end = pairs[index][0].start_mark.index, pairs[index][1].end_mark.index
    if index:
        begin = pairs[index - 1][1].end_mark.index
    elif len(pairs) > 1:
        end = pairs[1][0].start_mark.index
    return text[:begin] + text[end:]


def _replaced(text: str, key: Any, old: Any, value: str) -> str:
    begin, end = old.start_mark.index, old.end_mark.index
    if begin < key.end_mark.index:  # an alias lies where it points to
        raise MlwsError(f"{key.value} is an alias", "set it by hand")
    gap = "" if text[:begin].endswith(" ") else " "
    if isinstance(old, yaml.ScalarNode) and old.style in ("|", ">"):
        end = begin + len(text[begin:end].rstrip())
    return f"{text[:begin]}{gap}{value}{text[end:]}"


def _is_span(old: Any) -> bool:
    """Whether a value can be written over: a plain one, or a list between brackets."""
    if isinstance(old, yaml.SequenceNode):
        return bool(old.flow_style)
    return isinstance(old, yaml.ScalarNode)


def _opened(text: str, key: Any, old: Any, value: Mapping[str, Any]) -> str:
    """An empty value (nothing, null, braces) becomes a block below its key."""
    begin, end = old.start_mark.index, old.end_mark.index
    lines = (text[:begin].rstrip(" ") + text[end:]).splitlines(keepends=True)
    number = key.end_mark.line + 1
    if not lines[number - 1].endswith("\n"):
        lines[number - 1] += "\n"
    inner = [
        line
        for name, item in value.items()
        for line in _lines(name, item, key.start_mark.column + 2)
    ]
    return "".join([*lines[:number], *inner, *lines[number:]])


def _inserted(text: str, above: Any, key: str, value: Any, order: Sequence[str]) -> str:
    rank = {name: number for number, name in enumerate(order)}
    mine = rank.get(key, len(rank))
    before = None
    for pair in above.value:
        if not order or rank.get(pair[0].value, len(rank)) <= mine:
            before = pair
    if above.flow_style:
        if not above.value:
            raise MlwsError(f"{key} would be the first in its braces")
        at = (before or above.value[0])[1].end_mark.index
        pair_shown = f"{_one_line(key, braces=True)}: {_one_line(value, braces=True)}"
        if before is None:
            at = above.value[0][0].start_mark.index
            return f"{text[:at]}{pair_shown}, {text[at:]}"
        return f"{text[:at]}, {pair_shown}{text[at:]}"
    first = above.value[0][0].start_mark
    lines = text.splitlines(keepends=True)
    number = first.line if before is None else _last(*before) + 1
    if number and not lines[number - 1].endswith("\n"):
        lines[number - 1] += "\n"
    return "".join([*lines[:number], *_lines(key, value, first.column), *lines[number:]])


def _lines(key: str, value: Any, column: int) -> list[str]:
    """A key and its value in block style; a mapping has a line for each of its keys."""
    margin = " " * column
    if not isinstance(value, Mapping) or not value:
        return [f"{margin}{_one_line(key)}: {_one_line(value)}\n"]
    inner = [line for name, item in value.items() for line in _lines(name, item, column + 2)]
    return [f"{margin}{_one_line(key)}:\n", *inner]


def _one_line(value: Any, *, braces: bool = False) -> str:
    """A value on one line; between `braces` more texts must be quoted."""
    # Double quotes, as the template writes them, wherever quotes are needed.
    needed = isinstance(value, str) and documents.scalar(value) != value
    style: str | None = '"' if needed else None
    if not braces and not isinstance(value, list | tuple | Mapping):
        shown = yaml.safe_dump(value, default_style=style, width=_WIDTH, allow_unicode=True)
        return str(shown).removesuffix("\n...\n").removesuffix("\n")
    if isinstance(value, tuple | Mapping):
        value = dict(value) if isinstance(value, Mapping) else list(value)
    shown = yaml.safe_dump(
        [value],
        default_flow_style=True,
        default_style=style,
        width=_WIDTH,
        allow_unicode=True,
        sort_keys=False,
    )
    return str(shown).strip()[1:-1]


def _at(text: str, keys: Sequence[str]) -> Any:
    node: Any = yaml.compose(text, Loader=_Loader)
    for wanted in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair[1] for pair in pairs if pair[0].value == wanted), None)
        if found is None:
            raise KeyError(wanted)
        node = found
    return node


def _is_inside_flow(text: str, keys: Sequence[str]) -> bool:
    # In braces everything is in braces, so the mapping around the key tells.
    return bool(_at(text, keys[:-1]).flow_style)


def _last(key: Any, value: Any) -> int:
    """The line of the last sign of a value: a block's own end lies behind the comments below."""
    if value.start_mark.index < key.end_mark.index:  # an alias lies where it points to
        return int(key.end_mark.line)
    if isinstance(value, yaml.ScalarNode) or value.flow_style or not value.value:
        mark = value.end_mark
        # A block scalar ends at the beginning of the line behind it.
        back = mark.column == 0 and mark.line > value.start_mark.line
        return int(mark.line - 1 if back else mark.line)
    inner = value.value[-1]
    if isinstance(inner, tuple):
        return _last(*inner)
    return _last(key, inner)
