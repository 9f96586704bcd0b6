"""A `docker` that only writes down what it was asked, for tests of what mlws asks of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """\
#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
broken = {broken!r}
known = ("AGENT_IMAGE", "ALERTMANAGER_CONFIG", "ALERTMANAGER_USER")
kept = {{name: os.environ[name] for name in known if name in os.environ}}
call = {{"words": words, "environment": kept, "files": []}}
if words[0] == "build":
    context = pathlib.Path(words[-1])
    call["files"] = sorted(
        path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()
    )
with open({log!r}, "a") as log:
    log.write(json.dumps(call) + "\\n")
if words[0] == broken or words[:2] == broken.split():
    sys.exit("the fake says no to " + broken)
if words[0] == "version":
    print("20.10.24")
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One use of `docker`; `files` are those of a build's context."""

    words: list[str]
    environment: dict[str, str]
    files: list[str]


@dataclass(frozen=True, slots=True)
class FakeDocker:
    """The folder for PATH, and what was asked so far."""

    folder: Path

    def calls(self, *first: str) -> list[Call]:
        """The calls that begin with these words."""
        log = self.folder / "calls.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        calls = [Call(**json.loads(line)) for line in lines]
        return [call for call in calls if tuple(call.words[: len(first)]) == first]


def make(folder: Path, broken: str = "") -> FakeDocker:
    """Write the fake; it fails when its first word, or the first two, are `broken`."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "docker"
    log = str(folder / "calls.jsonl")
    script.write_text(_SCRIPT.format(python=sys.executable, broken=broken, log=log))
    script.chmod(0o755)
    return FakeDocker(folder)
