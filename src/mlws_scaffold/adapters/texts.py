"""Texts that people write, and the marks that we leave where they have to."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.errors import InvalidFile, Problem

# What is written where only a person knows the answer; the rest of the mark is the question.
UNFILLED = "<!-- mlws:fill"
_MOST_BYTES = 1_000_000


def read(path: Path, name: str, most: int = _MOST_BYTES) -> str | None:
    """The text to the byte, None when there is no file; `name` is how messages call it.

    Raises InvalidFile for one that is larger than `most` bytes, no UTF-8, or cannot be read.
    """
    try:
        if path.stat().st_size > most:
            raise InvalidFile([Problem(name, f"is larger than {most // 1000} kB", "shorten it")])
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        problem = Problem(name, f"is not UTF-8 at byte {error.start}", "save it as UTF-8 text")
        raise InvalidFile([problem]) from None
    except OSError as error:
        raise InvalidFile([Problem(name, f"cannot be read: {error.strerror}")]) from None


def unfilled(text: str, name: str) -> list[Problem]:
    """A problem for each line that still waits for a person."""
    cure = "answer the question and delete the mark"
    return [
        Problem(name, "is not filled in here", cure, "", number, 1)
        for number, line in enumerate(text.splitlines(), 1)
        if UNFILLED in line
    ]
