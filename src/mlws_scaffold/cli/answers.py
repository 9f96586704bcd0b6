"""The options by which answers are given, shared by all commands of `mlws-new`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold.render import Answers

F = TypeVar("F", bound=Callable[..., Any])


def options(command: F) -> F:
    """Add -d, --answers, --defaults and --ask-all."""
    for option in (
        click.option("--ask-all", is_flag=True, help="Ask also what normally keeps its default."),
        click.option(
            "--defaults", is_flag=True, help="Ask nothing: take defaults for what is not given."
        ),
        click.option(
            "--answers",
            "answers_file",
            type=click.Path(dir_okay=False, exists=True, path_type=Path),
            help="A YAML file of answers, `question: value` each.",
        ),
        click.option(
            "-d", "--data", "data", multiple=True, metavar="KEY=VALUE", help="One answer."
        ),
    ):
        command = option(command)
    return command


def collect(
    data: tuple[str, ...],
    answers_file: Path | None,
    named: Mapping[str, object],
    *,
    defaults: bool,
    ask_all: bool,
) -> Answers:
    """All answers together: file, then -d, then the command's own options, the last one wins."""
    given = {**_from_file(answers_file), **_from_words(data)}
    given.update({name: value for name, value in named.items() if value is not None})
    terminal = sys.stdin.isatty()
    if ask_all and not terminal:
        raise UsageError("--ask-all needs a terminal", "give the answers with -d or --answers")
    return Answers(given, {}, ask=terminal and not defaults, ask_all=ask_all)


def prompt(text: str | None, path: Path | None) -> str | None:
    """A prompt given as an option or as a file, without the end of its last line; None without.

    Raises UsageError when both are given, or when there is nothing in it.
    """
    if text is not None and path is not None:
        raise UsageError("--system and --system-file exclude each other", "choose one")
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{path} is not UTF-8 at byte {error.start}", "save it as UTF-8 text"
            ) from None
    if text is None:
        return None
    if not text.strip():
        raise UsageError("the system prompt is empty", "write what the model should be told")
    return text.rstrip("\n")


def _from_words(data: tuple[str, ...]) -> dict[str, Any]:
    given = {}
    for word in data:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"-d {word!r} has no value", "write -d question=value")
        given[key] = value
    return given


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        loaded = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict):
        raise UsageError(f"{path} holds no mapping", "write `question: value` lines")
    # An answers file of Copier may be given as it is: what Copier itself recorded is no answer.
    return {
        str(key): value
        for key, value in loaded.items()
        if not str(key).startswith("_") and key != "kind"
    }
