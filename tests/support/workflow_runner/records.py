"""What is asked of the runner, and what it tells afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """What starts a workflow. `ref` is a full name; `commit` what it is at; secrets and variables
    are those of the repository (a fork's pull request has no secrets)."""

    name: str
    ref: str
    commit: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was reached. `key` is WORKFLOW/JOB/NUMBER; `result` success, failure, skipped."""

    key: str
    name: str
    is_run: bool
    result: str
    output: str = ""


@dataclass(slots=True)
class Leg:
    """One run of a job, for one point of its matrix."""

    result: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""


@dataclass(slots=True)
class Job:
    """A job with all of its legs; without legs it was skipped."""

    result: str
    legs: list[Leg] = field(default_factory=list)

    @property
    def outputs(self) -> Mapping[str, str]:
        return self.legs[-1].outputs if self.legs else {}


@dataclass(frozen=True, slots=True)
class Ran:
    """A whole run of a workflow."""

    workflow: str
    jobs: Mapping[str, Job]

    @property
    def steps(self) -> Iterator[Step]:
        for job in self.jobs.values():
            for leg in job.legs:
                yield from leg.steps

    @property
    def executed(self) -> set[str]:
        """Keys of the `run:` steps that were executed."""
        return {step.key for step in self.steps if step.is_run and step.result != "skipped"}

    def results(self) -> dict[str, str]:
        return {name: job.result for name, job in self.jobs.items()}

    def said(self) -> str:
        """What went wrong, for the message of a failed assertion."""
        lines = [json.dumps(self.results())]
        for step in self.steps:
            if step.result == "failure":
                lines.append(f"--- {step.key} {step.name}\n{step.output[-4000:]}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a stub, or of an action that only is written down."""

    tool: str
    words: list[str]


def calls(log: Path, tool: str) -> list[Call]:
    """The calls of a tool, in order."""
    lines = log.read_text().splitlines() if log.exists() else []
    found = [Call(**json.loads(line)) for line in lines]
    return [call for call in found if call.tool == tool]


def write_down(log: Path, tool: str, words: list[str]) -> None:
    with log.open("a") as stream:
        stream.write(json.dumps({"tool": tool, "words": words}) + "\n")
