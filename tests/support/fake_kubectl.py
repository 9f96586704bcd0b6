"""A `kubectl` that keeps what is applied in a folder, and answers with what a test puts there."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_SCRIPT = """\
#!{python}
import json, pathlib, sys
words, home = sys.argv[1:], pathlib.Path({home!r})
with (home / "calls.jsonl").open("a") as log:
    log.write(json.dumps(words) + "\\n")
where = []
while words and words[0] in ("--context", "--namespace"):
    where, words = where + words[:2], words[2:]
if (home / "away").exists():
    sys.exit("error: the server could not be reached")
if words[0] == "apply":
    given = pathlib.Path(words[words.index("--filename") + 1])
    (home / "applied.yaml").write_text(given.read_text())
elif words[:2] == ["get", "job"]:
    if not (home / "status.json").exists():
        sys.exit(f'Error from server (NotFound): jobs.batch "{{words[2]}}" not found')
    print(json.dumps({{"status": json.loads((home / "status.json").read_text())}}))
elif words[0] == "logs":
    print((home / "logs").read_text() if (home / "logs").exists() else "", end="")
elif words[0] == "delete":
    (home / "status.json").unlink(missing_ok=True)
"""


@dataclass(frozen=True, slots=True)
class FakeKubectl:
    """The folder for PATH."""

    folder: Path

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def applied(self) -> list[dict[str, Any]]:
        return list(yaml.safe_load_all((self.folder / "applied.yaml").read_text()))

    def status(self, **status: Any) -> None:
        """What the cluster says of the job from now on."""
        (self.folder / "status.json").write_text(json.dumps(status))

    def logs(self, text: str) -> None:
        (self.folder / "logs").write_text(text)


def make(folder: Path) -> FakeKubectl:
    folder.mkdir(parents=True)
    script = folder / "kubectl"
    script.write_text(_SCRIPT.format(python=sys.executable, home=str(folder)))
    script.chmod(0o755)
    return FakeKubectl(folder)
