"""What generating costs: `mlws-new` against `cp -r` of the result, `copier copy --skip-tasks`, a
bare Jinja2 loop over the same templates (no questions, no answers file, no command line).

python benchmarks/generate.py [--rounds N]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Case, medians, table

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
GOAL = "Find out what generating costs"


# Every file of a kind rendered or copied: the least that a generator with Jinja2 does.
BARE = """
import pathlib, sys
import jinja2.sandbox
source, kind, target = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
class Quiet(jinja2.ChainableUndefined):
    __call__ = lambda self, *a, **k: self
environment = jinja2.sandbox.SandboxedEnvironment(
    loader=jinja2.FileSystemLoader(source), undefined=Quiet, keep_trailing_newline=True)
environment.filters.update({name: lambda value, *a, **k: str(value) for name in (
    "realpath", "regex_replace", "regex_search", "strftime", "to_json", "to_nice_yaml")})
top = source / "templates" / kind
for path in sorted(top.rglob("*")):
    name = str(path.relative_to(top))
    if not path.is_file() or "_copier_conf" in name:
        continue
    place = target / environment.from_string(name).render(kind=kind)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        continue
    if path.suffix == ".jinja":
        template = environment.get_template(str(path.relative_to(source)))
        place.with_suffix("").write_text(template.render(kind=kind))
    else:
        place.write_bytes(path.read_bytes())
"""


def _bundle(work: Path) -> Path:
    """The template as it lies in a wheel: a plain folder."""
    bundle = work / "bundle"
    bundle.mkdir()
    shutil.copy2(ROOT / "copier.yml", bundle)
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("templates", "hooks"):
        shutil.copytree(ROOT / part, bundle / part, ignore=skipped)
    return bundle


def workspace_cases(work: Path, bundle: Path) -> list[Case]:
    ours, theirs, copied = work / "ours", work / "copier", work / "cp"
    new = [BIN / "mlws-new", "workspace", ours, "--defaults", "--skip-hooks"]
    subprocess.run(
        [str(part) for part in [*new[:2], work / "made", *new[3:]]],
        check=True,
        stdout=subprocess.DEVNULL,
    )

    def clear() -> None:
        for folder in (ours, theirs, copied):
            shutil.rmtree(folder, ignore_errors=True)

    copier = [
        BIN / "copier",
        "copy",
        "--trust",
        "--skip-tasks",
        "--defaults",
        "--quiet",
        bundle,
        theirs,
    ]
    return [
        Case("cp -r", ["cp", "-r", work / "made", copied], clear),
        Case("copier copy", copier, clear),
        Case("bare loop", [sys.executable, "-c", BARE, bundle, "workspace", ours], clear),
        Case("mlws-new workspace", new, clear),
    ]


def experiment_cases(work: Path, bundle: Path) -> list[Case]:
    place = work / "made"
    ours = place / "experiments/active/researcher/first"
    theirs, copied = work / "copier-experiment", work / "cp-experiment"
    new = [
        BIN / "mlws-new",
        "--root",
        place,
        "experiment",
        "first",
        "--goal",
        GOAL,
        "--no-branch",
        "--defaults",
    ]
    subprocess.run([str(part) for part in new], check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(ours, work / "experiment")

    def clear() -> None:
        for folder in (ours, theirs, copied):
            shutil.rmtree(folder, ignore_errors=True)

    copier = [BIN / "copier", "copy", "--trust", "--skip-tasks", "--defaults", "--quiet"]
    copier += ["-d", "kind=experiment", "-d", f"experiment_goal={GOAL}", bundle, theirs]
    return [
        Case("cp -r", ["cp", "-r", work / "experiment", copied], clear),
        Case("copier copy", copier, clear),
        Case("click and jinja2", [sys.executable, "-c", "import click, jinja2"]),
        Case("mlws-new experiment", new, clear),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name:
        work = Path(name)
        bundle = _bundle(work)
        against = ["cp -r", "copier copy", "bare loop"]
        print(table(medians(workspace_cases(work, bundle), rounds), against))
        print()
        against = ["cp -r", "copier copy", "click and jinja2"]
        print(table(medians(experiment_cases(work, bundle), rounds), against))


if __name__ == "__main__":
    main()
