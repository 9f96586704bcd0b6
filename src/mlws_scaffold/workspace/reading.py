"""Turns a parsed TOML table into a frozen dataclass and says, with the line, what does not fit."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from mlws_scaffold.errors import InvalidFile, Problem, did_you_mean

T = TypeVar("T")
Path = tuple[str | int, ...]

_WORDS: dict[object, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date such as 2026-01-01",
}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Source:
    """The file's name and text, to find the line of a key again (tomllib keeps no positions).

    `variables` names the environment variable behind a key that did not come from the file.
    """

    name: str
    text: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """Line of a key or table, else of the nearest table above it; 0 when there is none."""
        names = [part for part in path if isinstance(part, str)]
        best, table = 0, []
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[\[?\s*([^\[\]]+?)\s*\]", line):
                table = _split(header[1])
                if table == names:
                    return number
                if table and table == names[: len(table)]:
                    best = number
            elif (key := re.match(r"\s*([\w.\"'-]+)\s*=", line)) and [
                *table,
                *_split(key[1]),
            ] == names:
                return number
        return best

    def problem(self, path: Path, message: str, cure: str) -> Problem:
        dotted = ".".join(str(part) for part in path)
        if variable := self.variables.get(dotted):
            return Problem(variable, message, cure, dotted)
        line = self.line_of(path)
        return Problem(self.name, message, cure, dotted, line, 1 if line else 0)


def syntax_problem(name: str, message: str) -> Problem:
    """The problem behind tomllib's message, whose place is only in its text."""
    place = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    plain = re.sub(r"\s*\(at .*\)$", "", message)
    return Problem(name, f"is no TOML: {plain}", "mend the syntax", "", line, column)


def read(cls: type[T], data: Mapping[str, Any], source: Source) -> T:
    """Build `cls` from the table. Raises InvalidFile with all problems at once."""
    problems: list[Problem] = []
    value = _dataclass(cls, data, (), source, problems)
    if problems:
        raise InvalidFile(problems)
    return value  # type: ignore[no-any-return]


def override(data: dict[str, Any], cls: type, environment: Mapping[str, str]) -> dict[str, str]:
    """Put `MLWS_<TABLE>_<KEY>` values into `data`; returns the variable behind each setting."""
    sources: dict[str, str] = {}
    if not any(name.startswith("MLWS_") for name in environment):
        return sources
    for table, table_type in get_type_hints(cls).items():
        if not dataclasses.is_dataclass(table_type):
            continue
        for key, kind in get_type_hints(table_type).items():
            variable = f"MLWS_{table}_{key}".upper()
            plain = kind in (str, int, float, bool)
            if variable in environment and plain and isinstance(data.setdefault(table, {}), dict):
                data[table][key] = _typed(environment[variable], kind)
                sources[f"{table}.{key}"] = variable
    return sources


def _typed(text: str, kind: type) -> object:
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def _dataclass(cls: Any, data: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    if not isinstance(data, Mapping):
        problems.append(source.problem(path, f"is {data!r}, not a table", "write a table"))
        return None
    hints = get_type_hints(cls)
    fields = {item.name: item for item in dataclasses.fields(cls)}
    problems.extend(
        source.problem((*path, key), "unknown key", did_you_mean(key, fields))
        for key in data
        if key not in fields
    )
    values: dict[str, Any] = {}
    for name, item in fields.items():
        if name in data:
            value = _value(hints[name], data[name], (*path, name), source, problems)
            choices = item.metadata.get("choices")
            if choices and isinstance(value, str) and value not in choices:
                cure = "write one of: " + ", ".join(choice for choice in choices if choice)
                problems.append(source.problem((*path, name), f"unknown value {value!r}", cure))
            values[name] = value
        elif _required(item):
            problems.append(source.problem((*path, name), "missing", f"write {_word(hints[name])}"))
            values[name] = None
    return cls(**values)


def _required(item: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return item.default is missing and item.default_factory is missing


def _word(kind: object) -> str:
    return _WORDS.get(kind, "a table")


def _value(kind: Any, data: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, data, path, source, problems)
    origin, arguments = get_origin(kind), get_args(kind)
    inner: Callable[[Any, Path], Any] = lambda item, place: _value(  # noqa: E731
        arguments[0 if origin is tuple else 1], item, place, source, problems
    )
    if origin is tuple and isinstance(data, list):
        return tuple(inner(item, (*path, index)) for index, item in enumerate(data))
    if origin is not None and origin is not tuple and isinstance(data, dict):
        return types.MappingProxyType(
            {key: inner(item, (*path, key)) for key, item in data.items()}
        )
    if origin is None and _fits(kind, data):
        return data
    wanted = "a list" if origin is tuple else "a table" if origin else _word(kind)
    problems.append(source.problem(path, f"{data!r} does not fit", f"write {wanted}"))
    return None


def _fits(kind: Any, data: object) -> bool:
    if kind is float:
        return isinstance(data, int | float) and not isinstance(data, bool)
    return type(data) is kind


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
