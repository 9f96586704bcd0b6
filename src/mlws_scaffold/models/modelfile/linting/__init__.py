"""What is wrong, or likely not meant, in a Modelfile and in how the registry names it.

An error is what Ollama would refuse or what makes another model than the registry says; a warning
is what it takes and people rarely mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.models.modelfile.linting import bases, commands, texts
from mlws_scaffold.models.modelfile.linting.case import Case, Judge
from mlws_scaffold.models.modelfile.recipe import read
from mlws_scaffold.models.registry import Model, Registry
from mlws_scaffold.workspace.layout import Layout

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; its code is for ever. `title` says what is so where it is kept."""

    code: str
    severity: Severity
    title: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken in one place."""

    code: str
    problem: Problem
    severity: Severity

    @property
    def coded(self) -> Problem:
        """The problem with its code in front of what it says."""
        return replace(self.problem, message=f"{self.code} {self.problem.message}")


_UNREADABLE = Rule("MF001", "error", "Ollama can read the Modelfile", lambda _case: ())

RULES = (
    _UNREADABLE,
    Rule("MF002", "error", "every parameter is one that Ollama knows", commands.unknown),
    Rule("MF003", "error", "every value has the type of its parameter", commands.ill_typed),
    Rule("MF004", "error", "FROM agrees with base_model in the registry", bases.disagreeing),
    Rule("MF005", "error", "a template holds .Prompt or .Messages", texts.without_prompt),
    Rule("MF006", "error", "every {{ of a template is closed", texts.unbalanced),
    Rule("MF007", "warning", "no character is dropped silently", texts.dropped),
    Rule("MF008", "error", "the file is UTF-8, or UTF-16 with a mark", texts.undecoded),
    Rule("MF009", "error", "local paths lead to files of a model", bases.without_files),
    Rule("MF010", "error", "nothing looks like a secret", texts.secret),
    Rule("MF011", "warning", "no stop sequence is part of the model's own template", texts.stopped),
    Rule("MF012", "warning", "no model of a cloud is used", bases.in_a_cloud),
    Rule(
        "MF013",
        "error",
        "FROM names another model, as Ollama spells names",
        bases.misnamed,
    ),
    Rule("MF014", "error", "REQUIRES is a version", commands.no_version),
    Rule("MF015", "warning", "REQUIRES asks for a version that knows REQUIRES", commands.too_old),
    Rule("MF016", "warning", "no command is replaced by a later one", commands.replaced),
    Rule("MF017", "warning", "no command is left without effect", commands.without_effect),
    Rule("MF018", "warning", "no parameter is named like a command", commands.disguised),
    Rule("MF019", "warning", "beside a model no other FROM is named", bases.unused),
)


def lint(layout: Layout, key: str, model: Model, registry: Registry) -> list[Finding]:
    """The findings for one entry, in the order of lines. Hashes nothing, asks nobody."""
    case = Case(layout, key, model, registry)
    if model.source == "custom" and model.modelfile:
        try:
            case = case.having(read(layout, layout.root / model.modelfile))
        except InvalidFile as error:
            return [Finding(_UNREADABLE.code, found, "error") for found in error.problems]
    found = [
        Finding(rule.code, problem, rule.severity) for rule in RULES for problem in rule.judge(case)
    ]
    return sorted(found, key=lambda one: (one.problem.path, one.problem.line, one.problem.column))


def lint_all(
    layout: Layout, models: Mapping[str, Model], registry: Registry
) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of several entries, one after the other."""
    for key, model in models.items():
        yield key, lint(layout, key, model, registry)


def title(code: str) -> str:
    """What a rule asks for."""
    return next(rule.title for rule in RULES if rule.code == code)


def prefix(layout: Layout) -> str:
    """The way from the top of the repository to the workspace; empty without git."""
    done = Git(layout.root).attempt("rev-parse", "--show-prefix")
    return done.stdout.strip() if done.returncode == 0 else ""
