"""Turns what is known into answers, as Copier does when it asks nobody.

An answer comes from what was given, else from what was recorded last time, else from what is
suggested, else from the question's default. A given one that does not fit is an error; a recorded
one is dropped and its question answered anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer
from mlws_scaffold.scaffold.rendering.values import CASTS, items, to_bool

if TYPE_CHECKING:
    from mlws_scaffold.scaffold.rendering.environment import Jinja

_KNOWN = frozenset({
    "type", "help", "default", "when", "ask", "choices", "multiselect", "validator", "placeholder",
    "multiline", "qmark",
})  # fmt: skip
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the answers beforehand, the strongest first. Names may hold `_src_path`."""

    given: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    suggested: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers. `context` is what templates see; `recorded` what the answers file keeps."""

    context: Mapping[str, Any]
    recorded: Mapping[str, Any]
    dropped: tuple[str, ...]  # recorded last time, but of no use now


def answer(
    questions: Mapping[str, Mapping[str, Any]],
    known: Known,
    jinja: Jinja,
    computed: Mapping[str, Any],
) -> Answered:
    """Answer every question in order. Raises UsageError for a given answer that does not fit."""
    session = _Session(questions, known, jinja, computed)
    for name, details in questions.items():
        session.take(name, details)
    return session.result()


class _Session:
    """The answers so far; a later question sees the earlier ones."""

    def __init__(
        self,
        questions: Mapping[str, Mapping[str, Any]],
        known: Known,
        jinja: Jinja,
        computed: Mapping[str, Any],
    ) -> None:
        self._questions = questions
        self._known = known
        self._last = dict(known.last)
        self._jinja = jinja
        self._computed = computed
        self._found: dict[str, Any] = {}
        self._hidden: set[str] = set()
        self._dropped: list[str] = []

    def result(self) -> Answered:
        context = self._context()
        recorded = {
            name: value
            for name, value in context.items()
            if name in self._questions and name not in self._hidden and _is_plain(value)
        }
        return Answered(context, recorded, tuple(self._dropped))

    def take(self, name: str, details: Mapping[str, Any]) -> None:
        _refuse_beyond(name, details)
        kind = details.get("type", "")
        cast = CASTS[str(kind) if kind else _type_of(details.get("default"))]
        question = _Question(name, details, cast)
        if name in self._last:
            self._keep_or_drop(question)
        asked = to_bool(self._rendered(details.get("when", True)))
        if not asked:
            self._hidden.add(name)
            self._last.pop(name, None)
        if name in self._known.given:
            value = self._parsed(question, self._known.given[name])
            self._validate(question, value)
        elif name in self._last and asked and not to_bool(self._rendered(details.get("ask", True))):
            value = self._last[name]
        else:
            value = self._default(question, validated=asked)
        if value is not _MISSING:
            self._found[name] = value

    def _context(self) -> dict[str, Any]:
        known = self._known
        return {**self._computed, **known.suggested, **self._last, **known.given, **self._found}

    def _rendered(self, value: Any, extra: Mapping[str, Any] | None = None) -> Any:
        if isinstance(value, list):
            return [self._rendered(item) for item in value]
        if not isinstance(value, str):
            return value
        return self._jinja.text(value, {**self._context(), **(extra or {})})

    def _keep_or_drop(self, question: _Question) -> None:
        try:
            value = self._parsed(question, self._last[question.name])
            self._validate(question, value)
        except UsageError:
            del self._last[question.name]
            self._dropped.append(question.name)

    def _default(self, question: _Question, *, validated: bool) -> Any:
        name, details = question.name, question.details
        for known in (self._last, self._known.suggested):
            if name in known:
                value = known[name]
                break
        else:
            if "default" not in details:
                if validated:
                    raise UsageError(f"{name} is missing: {details.get('help', '')}")
                return _MISSING
            value = self._rendered(details["default"])
        value = self._parsed(question, value)
        if validated:
            self._validate(question, value)
        return value

    def _parsed(self, question: _Question, value: Any) -> Any:
        try:
            choices = self._choices(question)
            if not question.details.get("multiselect"):
                return self._chosen(question, value, choices)
            given = items(value) if isinstance(value, str) else value
            taken = [self._chosen(question, item, choices) for item in given]
            return [choice for choice in choices if choice in taken]
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{question.name}: {value!r} does not fit: {error}") from None

    def _choices(self, question: _Question) -> list[Any]:
        given = question.details.get("choices") or []
        values = given.values() if isinstance(given, dict) else given
        return [question.cast(self._rendered(value)) for value in values]

    def _chosen(self, question: _Question, value: Any, choices: list[Any]) -> Any:
        if value is None and question.details.get("type") not in ("yaml", "json"):
            raise ValueError("write a value")
        taken = question.cast(value)
        if choices and taken not in choices:
            raise ValueError(f"{taken!r} is not in {choices}")
        return taken

    def _validate(self, question: _Question, value: Any) -> None:
        rule = str(question.details.get("validator", ""))
        said = str(self._rendered(rule, {question.name: value})).strip()
        if said:
            raise UsageError(f"{question.name}: {value!r} does not fit: {said}")


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    details: Mapping[str, Any]
    cast: Any


def _refuse_beyond(name: str, details: Mapping[str, Any]) -> None:
    unknown = [key for key in details if key not in _KNOWN]
    if unknown:
        raise BeyondRenderer(f"question {name}: {unknown[0]} is Copier's own")
    if str(details.get("type", "")) not in ("", *CASTS):
        raise BeyondRenderer(f"question {name}: type {details['type']}")
    choices = details.get("choices") or []
    values = choices.values() if isinstance(choices, dict) else choices
    if isinstance(choices, str) or any(isinstance(value, (dict, list)) for value in values):
        raise BeyondRenderer(f"question {name}: choices that are no plain values")


def _type_of(default: Any) -> str:
    """The type of a question that names none, by its default, as Copier guesses it."""
    name = type(default).__name__
    return name if name in CASTS else "yaml"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (dict, list, str, int, float, bool))
