"""YAML files read with the place of every value, and judged by a pydantic model.

PyYAML's C loader reads; only plain data can come out of it, so nothing in a file can run code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from mlws_scaffold.errors import InvalidFile, Problem, did_you_mean

MOST_BYTES = 1_000_000
# The C loader recurses without a guard and would end the process; a text this short cannot reach
# that depth.
_SHORT = 4_000
_MOST_DEPTH = 100
# Aliases share what they name, but whoever walks the data meets it again each time.
_MOST_VALUES = 100_000

Keys = tuple[str | int, ...]
Place = tuple[int, int]
M = TypeVar("M")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """Parsed YAML: the data, and line and column (from 1) of each key and list item."""

    name: str
    data: Any
    places: Mapping[Keys, Place]

    def problem(self, keys: Keys, message: str, cure: str = "") -> Problem:
        """A problem at the given keys, or at the nearest parent that has a place."""
        place, at = None, keys
        while place is None and at:
            place, at = self.places.get(at), at[:-1]
        line, column = place or self.places.get((), (1, 1))
        dotted = ".".join(str(key) for key in keys)
        return Problem(self.name, message, cure, dotted, line, column)


def read(path: Path, name: str = "") -> Document:
    """Read one YAML file; `name` is how messages call it. Raises InvalidFile."""
    shown = name or str(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            size = path.stat().st_size // 1000
            raise InvalidFile(
                [Problem(shown, f"is {size} kB", "keep it below 1000 kB; move data out")]
            )
        return parse(path.read_bytes(), shown)
    except OSError as error:
        raise InvalidFile([Problem(shown, f"cannot be read: {error.strerror}")]) from None


def parse(content: bytes, name: str) -> Document:
    """Parse the bytes of a YAML file. Raises InvalidFile with the place of the mistake."""
    try:
        text = content.decode("utf-8-sig")
        if len(text) > _SHORT:
            _refuse_depth(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if "*" in text and node is not None:
                _refuse_unfolding(node, name)
            places: dict[Keys, Place] = {}
            _locate(node, (), places, name, set())
            data = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        problem = Problem(name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8 text")
        raise InvalidFile([problem]) from None
    except yaml.MarkedYAMLError as error:
        raise InvalidFile([_syntax(name, text, error)]) from None
    except yaml.YAMLError as error:
        raise InvalidFile([Problem(name, f"is no YAML: {error}", "remove the character")]) from None
    except RecursionError:
        raise InvalidFile([Problem(name, "is nested too deeply", "write it flatter")]) from None
    except ValueError as error:  # a date such as 2026-13-45 has the form of one but is none
        raise InvalidFile([Problem(name, f"holds an impossible value: {error}")]) from None
    return Document(name, data, places)


def validate(model: type[M], document: Document) -> M:
    """Build the pydantic model from the document. Raises InvalidFile with every problem placed."""
    from pydantic import BaseModel, ValidationError

    if document.data is None:
        raise InvalidFile([Problem(document.name, "is empty", "write its fields", "", 1, 1)])
    if not isinstance(document.data, dict):
        raise InvalidFile(
            [Problem(document.name, "is no mapping", "write `key: value` lines", "", 1, 1)]
        )
    assert issubclass(model, BaseModel)  # noqa: S101 - narrows the type
    try:
        return cast(M, model.model_validate(document.data))
    except ValidationError as error:
        problems = [_explain(document, model, item) for item in error.errors(include_url=False)]
        raise InvalidFile(
            sorted(problems, key=lambda problem: (problem.line, problem.column))
        ) from None


def _refuse_depth(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MOST_DEPTH:
                mark: Any = event.start_mark
                place = (mark.line + 1, mark.column + 1)
                raise InvalidFile(
                    [Problem(name, "is nested too deeply", "write it flatter", "", *place)]
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse_unfolding(node: Any, name: str) -> None:
    sizes: dict[int, int] = {}

    def size(part: Any) -> int:
        if id(part) not in sizes:
            sizes[id(part)] = _MOST_VALUES + 1  # met again below itself: without end
            inner = (
                [side for pair in part.value for side in pair]
                if isinstance(part, yaml.MappingNode)
                else []
            )
            inner = part.value if isinstance(part, yaml.SequenceNode) else inner
            sizes[id(part)] = 1 + sum(size(item) for item in inner)
        return sizes[id(part)]

    if size(node) > _MOST_VALUES:
        problem = Problem(
            name, f"its aliases unfold to more than {_MOST_VALUES} values", "write them out"
        )
        raise InvalidFile([problem])


def scalar(value: str | float) -> str:
    """A text or number as YAML writes it on one line, quoted only where it must be."""
    return str(yaml.safe_dump(value, width=10_000, allow_unicode=True)).partition("\n")[0]


def _locate(node: Any, keys: Keys, places: dict[Keys, Place], name: str, above: set[int]) -> None:
    if node is None or id(node) in above:  # an alias: placed where it was first written
        return
    above.add(id(node))
    places.setdefault(keys, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                problem = Problem(
                    name, "a key must be plain text", "write `key: value`", "", *place
                )
                raise InvalidFile([problem])
            inner = (*keys, str(key.value))
            if inner in places and key.value != "<<":
                dotted = ".".join(str(part) for part in inner)
                first = places[inner][0]
                raise InvalidFile(
                    [
                        Problem(
                            name,
                            f"is there twice (first in line {first})",
                            "keep one",
                            dotted,
                            *place,
                        )
                    ]
                )
            places[inner] = place
            _locate(value, inner, places, name, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _locate(value, (*keys, index), places, name, above)


def _syntax(name: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    said = error.problem or error.context or "broken"
    cure = "mend the syntax"
    if (
        mark
        and text.splitlines()[mark.line : mark.line + 1]
        and "\t" in text.splitlines()[mark.line]
    ):
        said, cure = "a tab stands where YAML allows none", "indent with spaces"
    elif "mapping values are not allowed" in said:
        cure = "put a text that holds `: ` in quotes"
    elif "could not determine a constructor" in said:
        cure = "only plain values are allowed: remove the `!` tag"
    return Problem(name, f"is no YAML: {said}", cure, "", line, column)


def _explain(document: Document, model: Any, item: Any) -> Problem:
    kind, context = item["type"], item.get("ctx", {})
    # pydantic adds the names of union members to the location; only real keys have a place.
    keys: Keys = ()
    for key in item["loc"]:
        if (*keys, key) in document.places:
            keys = (*keys, key)
    if kind == "missing":
        keys = (*keys, item["loc"][-1])
    if kind == "missing":
        return document.problem(keys, "missing", _advice(model, keys) or "add it")
    if kind == "extra_forbidden":
        return document.problem(
            keys, "unknown field", did_you_mean(str(keys[-1]), _fields(model, keys[:-1]))
        )
    if kind in ("literal_error", "enum"):
        return document.problem(
            keys, f"unknown value {_show(item['input'])}", f"write one of: {context['expected']}"
        )
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind != "value_error":
        message = f"{_show(item['input'])} does not fit: {message[:1].lower()}{message[1:]}"
    return document.problem(keys, message, _advice(model, keys))


def _show(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _step(model: Any, key: str | int) -> Any:
    """The field of a pydantic model behind a key, or None where the model is no model."""
    fields = getattr(model, "model_fields", {})
    for name, found in fields.items():
        if key in (name, found.alias):
            return found
    return None


def _model_at(model: Any, keys: Keys) -> Any:
    from pydantic import BaseModel

    for key in keys:
        found = _step(model, key)
        kinds = _kinds(found.annotation) if found is not None else _kinds(model)
        model = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
        )
    return model


def _kinds(annotation: Any) -> Iterable[Any]:
    from typing import get_args

    yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)


def _fields(model: Any, keys: Keys) -> list[str]:
    found = _model_at(model, keys)
    return [item.alias or name for name, item in getattr(found, "model_fields", {}).items()]


def _advice(model: Any, keys: Keys) -> str:
    if not keys:
        return ""
    found = _step(_model_at(model, keys[:-1]), keys[-1])
    return f"write {found.description}" if found is not None and found.description else ""
