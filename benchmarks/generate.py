"""What generating costs, and whether it is what was promised.

Processor time of whole process trees, in turn: bare Python, the imports that nothing here can do
without, a bare Jinja loop over the same templates, `cp -r` of the result, `copier copy
--skip-tasks`, and `mlws-new`. Another benchmark on this machine is waited for (--lock).

python benchmarks/generate.py [--rounds N] [--lock FILE]
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Case, medians, table

from mlws_scaffold.scaffold.rendering.questions import Known
from mlws_scaffold.scaffold.rendering.sources import Folder
from mlws_scaffold.scaffold.rendering.tree import Template

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LOOP = Path(__file__).parent / "bare_loop.py"
GOAL = "Find out what generating costs"
BARE, IMPORTS, JINJA = "bare python", "import click, jinja2", "bare Jinja loop"
COPY, COPIER = "cp -r", "copier copy"


def _bundle(work: Path) -> Path:
    """The template as it lies in a wheel: a plain folder."""
    bundle = work / "bundle"
    bundle.mkdir()
    shutil.copy2(ROOT / "copier.yml", bundle)
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("templates", "hooks"):
        shutil.copytree(ROOT / part, bundle / part, ignore=skipped)
    return bundle


def cases(work: Path, bundle: Path, kind: str, made: Path, new: list[str | Path]) -> list[Case]:
    """All cases of a kind. `made` is what `new` makes; it is made here once, and kept as `like`."""
    like, looped, copied, theirs = (work / f"{kind}-{name}" for name in ("like", "j", "cp", "c"))
    subprocess.run([str(part) for part in new], check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(made, like)
    given = {"experiment_goal": GOAL} if kind == "experiment" else {}
    known = work / f"{kind}.json"
    context = Template(Folder(bundle)).context(kind, Known({**given, "_src_path": ""}))
    known.write_text(json.dumps({**context, "_commit": ""}))

    def clear() -> None:
        for folder in (made, looped, copied, theirs):
            shutil.rmtree(folder, ignore_errors=True)

    copier = [BIN / "copier", "copy", "--trust", "--skip-tasks", "--defaults", "--quiet"]
    copier += [f"-d{name}={value}" for name, value in {"kind": kind, **given}.items()]
    return [
        Case(BARE, [sys.executable, "-c", "pass"]),
        Case(IMPORTS, [sys.executable, "-c", "import click, jinja2"]),
        Case(JINJA, [sys.executable, LOOP, bundle, kind, known, looped], clear),
        Case(COPY, ["cp", "-r", like, copied], clear),
        Case(COPIER, [*copier, bundle, theirs], clear),
        Case(f"mlws-new {kind}", new, clear),
    ]


def workspace_cases(work: Path, bundle: Path) -> list[Case]:
    made = work / "workspace"
    new = [BIN / "mlws-new", "workspace", made, "--defaults", "--skip-hooks"]
    return cases(work, bundle, "workspace", made, new)


def experiment_cases(work: Path, bundle: Path) -> list[Case]:
    """In a workspace under git, which `mlws-new experiment` asks for branches and people."""
    place = work / "place"
    command = [BIN / "mlws-new", "workspace", place, "--defaults", "--skip-hooks"]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--no-verify", "-m", "First"]):
        subprocess.run(["git", *words], cwd=place, check=True)
    made = place / "experiments/active/researcher/first"
    new = [BIN / "mlws-new", "--root", place, "experiment", "first", "--goal", GOAL]
    return cases(work, bundle, "experiment", made, [*new, "--no-branch", "--defaults"])


def goal(words: str, ratio: float, *, most: float | None = None, least: float = 0.0) -> str:
    """One line: whether the goal is met, the ratio, and the goal."""
    met = least <= ratio and (most is None or ratio <= most)
    wanted = f"at least {least}" if most is None else f"at most {most}"
    return f"{'met   ' if met else 'MISSED'}  {words}: {ratio:.2f} ({wanted})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lock", type=Path, default=Path(tempfile.gettempdir()) / "bench.lock")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name,
        asked.lock.open("a") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        work = Path(name)
        bundle = _bundle(work)
        against = [IMPORTS, JINJA, COPY, COPIER]
        made = medians(workspace_cases(work, bundle), asked.rounds)
        print(table(made, against), end="\n\n")
        project = medians(experiment_cases(work, bundle), asked.rounds)
        print(table(project, against), end="\n\n")
    new, small = made["mlws-new workspace"], project["mlws-new experiment"]
    print(goal("mlws-new workspace / bare Jinja loop", new / made[JINJA], most=1.5))
    print(goal("copier copy / mlws-new workspace", made[COPIER] / new, least=5.0))
    print(goal("mlws-new experiment / import click, jinja2", small / project[IMPORTS], most=3.0))


if __name__ == "__main__":
    main()
