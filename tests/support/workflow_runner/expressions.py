"""GitHub's expression language: what stands between `${{` and `}}`, and in `if:`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[<>!().,*\[\]]))"
)
_MARK = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_STATUS = ("success", "failure", "always", "cancelled")


class Known(dict[str, Any]):
    """A context in which a name that is not there is a mistake of the workflow."""


class Unknown(Exception):
    """An expression holds something that this runner does not know."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression sees. `ok`: nothing before it failed. `root` is what hashFiles reads."""

    contexts: Mapping[str, Any]
    ok: bool
    root: Path


def truth(value: Any) -> bool:
    return value not in (None, False, 0, "")


def shown(value: Any) -> str:
    """A value as text, the way GitHub puts it into a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def fill(text: Any, scope: Scope) -> Any:
    """Replace every `${{ }}` of a value; one that is the whole text keeps its type."""
    if isinstance(text, dict):
        return {key: fill(value, scope) for key, value in text.items()}
    if isinstance(text, list):
        return [fill(value, scope) for value in text]
    if not isinstance(text, str):
        return text
    if (whole := _MARK.fullmatch(text.strip())) and "}}" not in whole[1]:
        return evaluate(whole[1], scope)
    return _MARK.sub(lambda found: shown(evaluate(found[1], scope)), text)


def condition(text: Any, scope: Scope) -> bool:
    """Judge an `if:`; without a status function it also asks for success, as GitHub does."""
    if text is None:
        return scope.ok
    plain = str(text).strip()
    if whole := _MARK.fullmatch(plain):
        plain = whole[1]
    asked = any(re.search(rf"\b{name}\s*\(", plain) for name in _STATUS)
    return truth(evaluate(plain, scope)) and (asked or scope.ok)


def evaluate(text: str, scope: Scope) -> Any:
    """The value of an expression. Raises Unknown."""
    tokens, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            raise Unknown(f"{text.strip()!r} at {stripped[at:]!r}")
        tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
        at = found.end()
    parser = _Parser(tokens, scope, text.strip())
    value = parser.either()
    if parser.tokens:
        raise Unknown(f"{text.strip()!r}: {parser.tokens[0][1]!r} is too much")
    return value


@dataclass(slots=True)
class _Parser:
    tokens: list[tuple[str, str]]
    scope: Scope
    text: str

    def _next(self, *signs: str) -> str:
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def _need(self, sign: str) -> None:
        if not self._next(sign):
            raise Unknown(f"{self.text!r}: {sign!r} is missing")

    def either(self) -> Any:
        value = self.both()
        while self._next("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self._next("&&"):
            other = self.compared()
            value = other if truth(value) else value
        return value

    def compared(self) -> Any:
        value = self.turned()
        while sign := self._next("==", "!=", "<", ">", "<=", ">="):
            value = _compare(sign, value, self.turned())
        return value

    def turned(self) -> Any:
        if self._next("!"):
            return not truth(self.turned())
        return self.reached(self.atom())

    def atom(self) -> Any:
        if self._next("("):
            value = self.either()
            self._need(")")
            return value
        if not self.tokens:
            raise Unknown(f"{self.text!r} ends too early")
        kind, word = self.tokens.pop(0)
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if "." in word else int(word)
        if word in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[word]
        if kind == "name" and self._next("("):
            return self.call(word)
        if kind == "name" and word in self.scope.contexts:
            return self.scope.contexts[word]
        raise Unknown(f"{self.text!r}: nothing is known of {word!r}")

    def reached(self, value: Any) -> Any:
        while sign := self._next(".", "["):
            if sign == "[":
                value = _part(value, self.either())
                self._need("]")
            elif self._next("*"):
                value = _Each(value.values() if isinstance(value, dict) else value or [])
            else:
                value = _part(value, self.tokens.pop(0)[1])
        return value

    def call(self, name: str) -> Any:
        given = []
        if not self._next(")"):
            given.append(self.either())
            while self._next(","):
                given.append(self.either())
            self._need(")")
        known: dict[str, Callable[..., Any]] = {
            "success": lambda: self.scope.ok,
            "failure": lambda: not self.scope.ok,
            "always": lambda: True,
            "cancelled": lambda: False,
            "contains": lambda whole, part: _lower(part) in _lower(whole),
            "startsWith": lambda whole, part: _lower(whole).startswith(_lower(part)),
            "endsWith": lambda whole, part: _lower(whole).endswith(_lower(part)),
            "format": lambda form, *parts: shown(form).format(*map(shown, parts)),
            "join": lambda parts, between=",": shown(between).join(map(shown, parts)),
            "toJSON": lambda value: json.dumps(value, indent=2),
            "fromJSON": json.loads,
            "hashFiles": lambda *patterns: _hash(self.scope.root, patterns),
        }
        if name not in known:
            raise Unknown(f"{self.text!r}: no function {name!r}")
        return known[name](*given)


class _Each(list[Any]):
    """What `.*` gave: a property of it is that of each."""


def _part(value: Any, key: Any) -> Any:
    if isinstance(value, _Each):
        return _Each(_part(one, key) for one in value)
    if isinstance(value, list):
        return value[int(key)] if int(key) < len(value) else None
    if isinstance(value, Known) and key not in value:
        raise Unknown(f"there is no {key!r} beside {', '.join(sorted(value)) or 'nothing'}")
    return value.get(key) if isinstance(value, Mapping) else None


def _lower(value: Any) -> Any:
    return [_lower(one) for one in value] if isinstance(value, list) else shown(value).lower()


def _compare(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    elif type(left) is not type(right):
        left, right = _number(left), _number(right)
    if sign in ("==", "!="):
        return bool((left == right) == (sign == "=="))
    return bool(
        {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
    )


def _number(value: Any) -> float:
    try:
        return 0.0 if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _hash(root: Path, patterns: tuple[Any, ...]) -> str:
    files = sorted({path for one in patterns for path in root.glob(one) if path.is_file()})
    if not files:
        return ""
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
