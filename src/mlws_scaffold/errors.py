"""What can go wrong, and the exit code it ends with.

    MlwsError             1  the thing asked for failed: a gate, a check, a conflict
        InvalidFile       1  a file of the workspace is wrong; carries every Problem found
        UsageError        2  asked wrongly: an argument, a name, a place
        Unavailable       4  could not be judged: a server, a network, a tool is missing

Anything else that reaches the boundary in `cli/boundary.py` is a bug of ours and ends with 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in one place. Lines and columns count from 1; 0 means the whole file."""

    path: str
    message: str
    cure: str = ""
    field: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = self.path
        if self.line:
            place += f":{self.line}:{self.column}"
        field = f" {self.field}:" if self.field else ""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{place}:{field} {self.message}{cure}"


class MlwsError(Exception):
    """The thing asked for failed. `cure` says what to do about it."""

    exit_code = 1

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


class InvalidFile(MlwsError):
    """A file cannot be used as it stands."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(MlwsError):
    """The command was asked for something it cannot take."""

    exit_code = 2


class Unavailable(MlwsError):
    """Something outside (a server, a tool, the network) is missing, so there is no verdict."""

    exit_code = 4


def worst(codes: Iterable[int]) -> int:
    """The exit code of several findings: a proven failure counts most, then what was not judged."""
    found = set(codes)
    return next((code for code in (1, 4, 2) if code in found), 0)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the whole list when nothing is near."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
