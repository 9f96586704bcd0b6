"""`models/tests/NAME.yaml`: what a model is asked, and what is expected of its answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.adapters.schema import Patterns, Repeated, Strict, Texts, WithOwnKeys
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models import durations
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import MODEL_CASES, Layout

Kind = Literal["unit", "integration"]

_FUNCTION = re.compile(r"((?:[\w-]+/)*[\w-]+\.py):([A-Za-z_]\w*)")


def _span(value: str | float) -> str | float:
    durations.seconds(value)
    return value


def _line(value: str) -> str:
    if problem := names.problem_with_text(value, least=1, most=80):
        raise ValueError(problem)
    return value


Span = Annotated[str | float, AfterValidator(_span)]


class Expectations(Strict):
    """All of them have to hold for an answer. A list means each of its items."""

    contains: Texts | None = Field(None, description="a text, or a list of texts")
    not_contains: Texts | None = Field(None, description="a text, or a list of texts")
    regex: Patterns | None = Field(
        None, description="a pattern that is found somewhere (Python's re)"
    )
    json_schema: Mapping[str, Any] | None = Field(
        None, description="a JSON Schema that the answer, read as JSON, fulfils"
    )
    exact: str | None = Field(None, description="the whole answer, without blanks around it")
    refuses: bool | None = Field(None, description="true or false")
    max_latency: Span | None = Field(None, description="a time for the whole answer, such as 2s")
    function: str | None = Field(
        None, description="FILE.py:FUNCTION in models/tests, called with answer and case"
    )

    @field_validator("function")
    @classmethod
    def _names_function(cls, value: str | None) -> str | None:
        if value is not None and not _FUNCTION.fullmatch(value):
            raise ValueError(f"{value!r} is no FILE.py:FUNCTION below {MODEL_CASES}")
        return value

    @model_validator(mode="after")
    def _expects_something(self) -> Expectations:
        if all(value is None or value == () for value in self.__dict__.values()):
            raise ValueError("expects nothing, so it could not fail")
        return self


class Message(Strict):
    role: Literal["system", "user", "assistant"]
    content: str


class Case(Repeated):
    """One question. It passes when at least `passes` of its `runs` answers are as expected."""

    name: Annotated[str, AfterValidator(_line)] = Field(description="one line, used once")
    kind: Kind = Field("unit", description="unit (the model) or integration (through its agents)")
    prompt: str | None = Field(None, description="what the user says; or write messages")
    messages: tuple[Message, ...] = Field((), description="a list of {role, content}")
    options: Mapping[str, Any] = Field(
        default_factory=dict, description="options of Ollama such as {temperature: 0}"
    )
    format: Literal["json"] | Mapping[str, Any] | None = Field(
        None, description="json, or a JSON Schema, which the server holds the answer to"
    )
    timeout: Span = Field("2min", description="a time for one answer, such as 2min")
    expect: Expectations

    @model_validator(mode="after")
    def _is_consistent(self) -> Case:
        if bool(self.messages) == (self.prompt is not None):
            raise ValueError("write prompt, or messages: one of the two")
        if "seed" in self.options:
            raise ValueError("write seed beside options: each run has its own")
        if self.kind == "integration" and (self.options or self.format is not None):
            raise ValueError("options and format are the agent's own business: see its config.yaml")
        if self.kind == "integration" and any(one.role == "system" for one in self.messages):
            raise ValueError("what the system says is the agent's own business: see its prompts")
        return self

    @property
    def conversation(self) -> list[dict[str, str]]:
        """The messages as a server takes them."""
        if self.prompt is not None:
            return [{"role": "user", "content": self.prompt}]
        return [message.model_dump() for message in self.messages]


class Cases(WithOwnKeys):
    """The file: its cases, and words that also mean a refusal (in the team's language).

    Keys that start with `x_` pass unread: a place for what several cases share (YAML anchors).
    """

    refusals: tuple[str, ...] = Field((), description="a list of words such as [kann ich nicht]")
    cases: tuple[Case, ...] = Field(description="a list of cases")

    def of(self, kind: Kind) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.kind == kind)


def name_of(key: str) -> str:
    """The path of a model's cases from the root."""
    return f"{MODEL_CASES}/{key}.yaml"


def load(layout: Layout, key: str) -> Cases | None:
    """Read and judge the cases of a model; None when it has no file.

    Raises InvalidFile with line and column of each mistake.
    """
    name = name_of(key)
    path = layout.root / name
    if not path.exists():
        return None
    document = documents.read(path, name)
    found = documents.validate(Cases, document)
    if problems := [*_repeated(document, found), *_unusable(layout, document, found)]:
        raise InvalidFile(problems)
    return found


def _repeated(document: Document, found: Cases) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, case in enumerate(found.cases):
        if case.name in seen:
            message = f"a second case is called {case.name!r}"
            yield document.problem(("cases", index, "name"), message, "choose another name")
        seen.add(case.name)


def _unusable(layout: Layout, document: Document, found: Cases) -> Iterator[Problem]:
    folder = layout.root / MODEL_CASES
    for index, case in enumerate(found.cases):
        at = ("cases", index, "expect")
        if case.expect.function is not None:
            file = case.expect.function.partition(":")[0]
            path = folder / file
            inside = path.resolve().is_relative_to(folder.resolve())
            if not inside or not path.is_file():
                message = f"{MODEL_CASES}/{file} is no file there"
                yield document.problem((*at, "function"), message, "commit it, or correct the name")
        if case.expect.json_schema is not None and (said := _schema_problem(case)):
            yield document.problem((*at, "json_schema"), f"is no JSON Schema: {said}", "mend it")


def _schema_problem(case: Case) -> str:
    try:
        from jsonschema import Draft202012Validator, SchemaError
        from jsonschema.validators import validator_for
    except ImportError:  # whoever judges an answer by it says that it is missing
        return ""
    schema: Any = case.expect.json_schema
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return str(error.message)[:200]
    return ""
