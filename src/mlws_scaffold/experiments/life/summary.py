"""`results/summary.md`: the part that people write, and the part that `sync` writes."""

from __future__ import annotations

import re
from pathlib import Path

from mlws_scaffold.adapters import texts
from mlws_scaffold.errors import InvalidFile, Problem

SUMMARY = "results/summary.md"
_WHAT = "write the best configuration, the metrics, the conclusion"
_METRICS = re.compile(r"(<!-- mlws:metrics -->\n).*?(^<!-- /mlws:metrics -->)", re.DOTALL | re.M)


def read(folder: Path, name: str, shown: str = "") -> str | None:
    """The text of a file of an experiment, None when it is missing. Raises InvalidFile."""
    path, called = folder / name, shown or name
    if path.exists() or path.is_symlink():
        try:
            if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
                raise InvalidFile([Problem(called, "is no ordinary file here", "put a text here")])
        except OSError as error:
            raise InvalidFile([Problem(called, f"cannot be read: {error.strerror}")]) from None
    return texts.read(path, called)


def problems(folder: Path, prefix: str) -> list[Problem]:
    """What is missing in the summary of an experiment; `prefix` leads to its folder in messages."""
    shown = prefix + SUMMARY
    try:
        text = read(folder, SUMMARY, shown)
    except InvalidFile as error:
        return list(error.problems)
    return [Problem(shown, "missing", _WHAT)] if text is None else judge(text, shown)


def judge(text: str, shown: str) -> list[Problem]:
    """What is missing in a summary with this text."""
    if not text.strip():
        return [Problem(shown, "is empty", _WHAT)]
    return texts.unfilled(text, shown)


def with_metrics(text: str, block: str) -> str | None:
    """The text with `block` between the markers, or None where it has none."""
    if not _METRICS.search(text):
        return None
    return _METRICS.sub(lambda match: f"{match[1]}{block}\n{match[2]}", text, count=1)
