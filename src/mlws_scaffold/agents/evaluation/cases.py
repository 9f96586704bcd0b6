"""`cases.yaml`: what an agent is asked, and what is expected of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.adapters.schema import Patterns, Repeated, Strict, Texts
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import places
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import Layout

Share = Annotated[float, Field(ge=0, le=1)]


def _name(value: str) -> str:
    if problem := names.problem_with_name(value):
        raise ValueError(problem)
    return value


class Expect(Strict):
    """All of them have to hold for an answer. A list means each of its items."""

    contains: Texts | None = Field(None, description="a text, or a list of texts")
    not_contains: Texts | None = Field(None, description="a text, or a list of texts")
    regex: Patterns | None = Field(
        None, description="a pattern that is found somewhere (Python's re)"
    )
    exact: str | None = Field(None, description="the whole answer, without blanks around it")
    as_json: Literal[True] | Mapping[str, Any] | None = Field(
        None, alias="json", description="true: the answer is JSON; or values that it has to hold"
    )
    refuses: bool | None = Field(None, description="true or false")
    max_seconds: float | None = Field(None, gt=0, description="until the answer is whole")
    max_characters: int | None = Field(None, ge=1, description="a whole number from 1 on")

    @model_validator(mode="after")
    def _expects_something(self) -> Expect:
        if all(value is None or value == () for value in self.__dict__.values()):
            raise ValueError("expects nothing, so it could not fail")
        return self


class Turn(Strict):
    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)


class Case(Repeated):
    """One question. It holds when at least `passes` of its `runs` answers are as expected."""

    id: Annotated[str, AfterValidator(_name)] = Field(description="a short name, used once")
    ask: str | None = Field(None, min_length=1, description="what a person says; or messages")
    messages: tuple[Turn, ...] = Field((), description="a list of {role, content}")
    expect: Expect | None = Field(None, description="what has to hold for an answer")
    references: tuple[str, ...] = Field(
        (), description="good answers; an answer's score is its likeness in words to the nearest"
    )
    tolerance: Share | None = Field(None, description="a fall of the score that is no loss")

    @model_validator(mode="after")
    def _is_consistent(self) -> Case:
        if bool(self.messages) == (self.ask is not None):
            raise ValueError("write ask, or messages: one of the two")
        if self.expect is None and not self.references:
            raise ValueError("write expect, or references: else nothing is judged")
        return self

    @property
    def conversation(self) -> list[dict[str, str]]:
        """The messages as a server takes them."""
        if self.ask is not None:
            return [{"role": "user", "content": self.ask}]
        return [turn.model_dump() for turn in self.messages]


class Cases(Strict):
    """The file: its cases, and what holds for all of them."""

    tolerance: Share = Field(0.1, description="a fall of a score that is no loss, such as 0.1")
    refusals: tuple[str, ...] = Field(
        (), description="words that also mean a refusal, such as [kann ich nicht]"
    )
    cases: tuple[Case, ...] = Field(description="a list of cases")


def load(layout: Layout, found: Found) -> Cases:
    """Read and judge the cases of an agent.

    Raises InvalidFile with line and column of each mistake, MlwsError when there is no file.
    """
    path = places.folder(found) / places.CASES
    name = layout.relative(path)
    if not path.is_file():
        raise MlwsError(f"{name} is missing", "say there what the agent is asked and must answer")
    document = documents.read(path, name)
    cases = documents.validate(Cases, document)
    if problems := list(_mistakes(document, cases)):
        raise InvalidFile(problems)
    return cases


def _mistakes(document: Document, found: Cases) -> Iterator[Problem]:
    if not found.cases:
        yield document.problem(("cases",), "is empty, so nothing could fail", "write a case")
    seen: set[str] = set()
    for index, case in enumerate(found.cases):
        if case.id in seen:
            message = f"a second case is called {case.id!r}"
            yield document.problem(("cases", index, "id"), message, "choose another name")
        seen.add(case.id)
