"""Renders one kind of the bundle into a folder; Copier is asked only where a person answers."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.scaffold import bundle
from mlws_scaffold.scaffold.rendering import sources
from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer
from mlws_scaffold.scaffold.rendering.tree import Template


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known before rendering.

    `given` is final, `suggested` replaces the template's defaults. With `ask` the open questions
    are asked on the terminal, with `ask_all` also those that normally keep their default.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    suggested: Mapping[str, Any] = field(default_factory=dict)
    ask: bool = False
    ask_all: bool = False


def render(kind: str, answers: Answers, recorded: Mapping[str, str], destination: Path) -> None:
    """Render `kind` into `destination`. Raises UsageError naming the answer that does not fit."""
    questions = bundle.questions(kind)
    for name in answers.given:
        if name not in questions or questions[name].get("when") is False:
            known = [key for key, value in questions.items() if value.get("when") is not False]
            raise UsageError(f"{kind} has no question {name!r}", did_you_mean(name, known))
    if answers.ask:
        _ask_and_render(kind, answers, recorded, destination)
        return
    _require(questions, answers)
    try:
        template = Template(sources.Folder(bundle.folder()))
        given = {**answers.given, **recorded}
        tree = template.render(kind, Known(given, suggested=answers.suggested))
    except BeyondRenderer:
        _ask_and_render(kind, answers, recorded, destination)
        return
    try:
        tree.write(destination)
    except OSError as error:
        raise _stopped(error) from error


def _ask_and_render(
    kind: str, answers: Answers, recorded: Mapping[str, str], destination: Path
) -> None:
    """Through Copier, which can talk to a person: the heaviest import of all."""
    import copier
    from copier.errors import CopierAnswersInterrupt, CopierError, CopierWarning
    from jinja2 import TemplateError

    asked = [name for name, value in bundle.questions(kind).items() if value.get("ask") is False]
    try:
        with _plain_bundle() as template, warnings.catch_warnings():
            warnings.simplefilter("ignore", CopierWarning)
            copier.run_copy(
                str(template),
                destination,
                data={**answers.given, **recorded, "kind": kind},
                user_defaults=dict(answers.suggested),
                defaults=not answers.ask,
                ask=asked if answers.ask_all and answers.ask else (),
                quiet=True,
                unsafe=True,
                skip_tasks=True,
            )
    except CopierAnswersInterrupt:
        raise KeyboardInterrupt from None
    except ValueError as error:
        raise _wrong_answer(error, answers) from None
    except (CopierError, TemplateError) as error:
        raise MlwsError(f"the template could not be rendered: {error}") from error
    except OSError as error:
        raise _stopped(error) from error


def _stopped(error: OSError) -> MlwsError:
    return MlwsError(f"rendering stopped: {error.strerror or error}", "free space, or mend rights")


def _require(questions: Mapping[str, Mapping[str, Any]], answers: Answers) -> None:
    for name, question in questions.items():
        if (
            "default" not in question
            and name not in answers.given
            and name not in answers.suggested
        ):
            raise UsageError(
                f"{name} is missing and there is nobody to ask: {question['help']}",
                f"add -d {name}=…",
            )


def _wrong_answer(error: ValueError, answers: Answers) -> UsageError:
    """Copier's words, with the field and the value that was given."""
    said = str(error)
    match = re.search(r"question '(\w+)':? ?(.*)", said, re.DOTALL)
    if not match:
        return UsageError(f"an answer does not fit: {said}")
    name, rule = match[1], match[2].strip()
    value = answers.given.get(name, answers.suggested.get(name))
    return UsageError(f"{name}: {value!r} does not fit: {rule or said}")


@contextlib.contextmanager
def _plain_bundle() -> Iterator[Path]:
    """The bundle as a folder without git: a checkout Copier would clone, at its last commit."""
    source = bundle.folder()
    if not (source / ".git").exists():
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="mlws-bundle-") as name:
        copy = Path(name)
        shutil.copy2(source / "copier.yml", copy)
        skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
        for part in ("templates", "hooks"):
            shutil.copytree(source / part, copy / part, ignore=skipped)
        yield copy
