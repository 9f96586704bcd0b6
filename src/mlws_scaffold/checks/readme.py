"""The rule about an experiment's README."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import Experiment, text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem

_GOAL = re.compile(r"\b(goals?|aims?|objectives?|purpose)\b", re.IGNORECASE)
_RUN = re.compile(r"\b(run|running|usage|reproduce|quick ?start|getting started)\b", re.IGNORECASE)


class ReadmeComplete(Check):
    """A colleague should understand and repeat the experiment from its README.

    Give it a heading with the goal and a heading that says how to run it, each with text below.
    """

    id, area, title = "EXP007", "experiments", "README says the goal and how to run"

    def run(self, target: Target) -> Result:
        if not target.asked_experiments:
            return not_applicable("no experiment here, or none was touched")
        return judged(
            problem for found in target.asked_experiments for problem in _gaps(target, found)
        )


def _gaps(target: Target, found: Experiment) -> Iterable[Problem]:
    path = f"{found.folder}/README.md"
    if not (target.root / path).exists():
        yield Problem(path, "missing", "write the goal and how to run it")
        return
    text = text_of(target.root, path)
    if isinstance(text, Problem):
        yield text
        return
    sections = _sections(text)
    for pattern, what in ((_GOAL, "the goal"), (_RUN, "how to run it")):
        fitting = [(line, body) for line, heading, body in sections if pattern.search(heading)]
        if not fitting:
            yield Problem(path, f"no heading says {what}", f"add a section with {what}")
        elif not any(body for _, body in fitting):
            yield Problem(
                path, f"the section with {what} is empty", "fill it", "", fitting[0][0], 1
            )


def _sections(text: str) -> list[tuple[int, str, str]]:
    """Line, heading and text of each section. What stands under a smaller heading belongs to
    both."""
    found: list[tuple[int, int, str, list[str]]] = []
    fenced, lines = False, re.sub(r"<!--.*?-->", _blank, text, flags=re.DOTALL).splitlines()
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        heading = None if fenced else re.match(r" {0,3}(#{1,6})\s+(.*)", line)
        underlined = (
            not fenced and number < len(lines) and re.fullmatch(r"(=+|-+)\s*", lines[number])
        )
        if heading:
            found.append((len(heading[1]), number, heading[2], []))
        elif underlined and line.strip():
            found.append((1 if lines[number].startswith("=") else 2, number, line, []))
        elif line.strip() and not re.fullmatch(r"(=+|-+)\s*", line):
            for section in _open(found):
                section[3].append(line)
    return [(number, heading, "\n".join(body)) for _, number, heading, body in found]


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _open(found: list[tuple[int, int, str, list[str]]]) -> list[tuple[int, int, str, list[str]]]:
    """The last section and those that it lies in."""
    inside, level = [], 7
    for section in reversed(found):
        if section[0] < level:
            inside.append(section)
            level = section[0]
    return inside
