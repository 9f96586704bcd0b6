"""A page whose shell blocks are executed, chapter by chapter, as one session of a shell."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.installation import run

_SHELL = """\
set -euo pipefail
[ -f {state} ] && . {state}
cd "$(cat {place})"
{script}
declare -px | grep -v -E '^declare -[a-zA-Z-]*r' > {state}
for name in address again load run; do [ -z "${{!name-}}" ] || declare -p "$name" >> {state}; done
pwd > {place}
"""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A section with commands: its title, and its blocks in order."""

    title: str
    script: str


@dataclass(slots=True)
class Session:
    """A shell that keeps its folder and its variables from one chapter to the next."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / ".place").write_text(str(self.folder))

    def play(self, chapter: Chapter) -> str:
        """Run a chapter; what it printed. Raises AssertionError where a command fails."""
        state, place = (shlex.quote(str(self.folder / name)) for name in (".state", ".place"))
        script = _SHELL.format(state=state, place=place, script=chapter.script)
        begin = time.monotonic()
        said = run(["bash", "-c", script], self.folder, self.extra).output
        self.seconds[chapter.title] = time.monotonic() - begin
        return said


def chapters(page: Path) -> list[Chapter]:
    """The sections of a page that have shell blocks."""
    found = []
    for section in re.split(r"^## ", page.read_text(), flags=re.MULTILINE):
        blocks = re.findall(r"^```bash\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        if blocks:
            found.append(Chapter(section.partition("\n")[0], "\n".join(blocks)))
    return found
