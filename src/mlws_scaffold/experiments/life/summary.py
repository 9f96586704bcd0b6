"""`results/summary.md`: the part that people write, and the part that `sync` writes."""

from __future__ import annotations

import re
from pathlib import Path

from mlws_scaffold.errors import InvalidFile, Problem

SUMMARY = "results/summary.md"
# What the template and `mlws experiment handoff` write where a person has to.
UNFILLED = "<!-- mlws:fill"

_MOST_BYTES = 1_000_000
_WHAT = "write the best configuration, the metrics, the conclusion"
_METRICS = re.compile(r"(<!-- mlws:metrics -->\n).*?(^<!-- /mlws:metrics -->)", re.DOTALL | re.M)


def read(folder: Path, name: str, shown: str = "") -> str | None:
    """The text of a file of an experiment, None when it is missing. Raises InvalidFile."""
    path, called = folder / name, shown or name
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise InvalidFile([Problem(called, "is no ordinary file here", "put a text here")])
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidFile([Problem(called, "is larger than 1000 kB", "shorten it")])
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        problem = Problem(called, f"is not UTF-8 at byte {error.start}", "save it as UTF-8 text")
        raise InvalidFile([problem]) from None
    except OSError as error:
        raise InvalidFile([Problem(called, f"cannot be read: {error.strerror}")]) from None


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
    return unfilled(text, shown)


def unfilled(text: str, shown: str) -> list[Problem]:
    """A problem for each line that still waits for a person."""
    cure = "answer the question and delete the mark"
    return [
        Problem(shown, "is not filled in here", cure, "", number, 1)
        for number, line in enumerate(text.splitlines(), 1)
        if UNFILLED in line
    ]


def with_metrics(text: str, block: str) -> str | None:
    """The text with `block` between the markers, or None where it has none."""
    if not _METRICS.search(text):
        return None
    return _METRICS.sub(lambda match: f"{match[1]}{block}\n{match[2]}", text, count=1)
