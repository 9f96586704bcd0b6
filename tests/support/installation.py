"""An installed wheel in an environment of its own, built from a tagged clone of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold import __version__

ROOT = Path(__file__).parents[2]
TAG = f"v{__version__}"
UV = Path(sys.executable).with_name("uv")
# Left out, since it points back into this checkout or its virtual environment.
DROPPED = (
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
    "PYTEST_ADDOPTS",
    "UV_PROJECT_ENVIRONMENT",
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it printed, both streams together."""

    status: int
    output: str


@dataclass(frozen=True, slots=True)
class Installation:
    """The commands of an installed wheel."""

    bin: Path
    extra: dict[str, str] = field(default_factory=dict)

    def run(
        self, *command: str | Path, folder: Path, status: int | None = 0, stdin: str | None = None
    ) -> Done:
        """Run `bin/COMMAND ARGUMENTS`; `status` None accepts any."""
        return run([self.bin / command[0], *command[1:]], folder, self.extra, status, stdin)


def run(
    command: list[str | Path],
    folder: Path,
    extra: dict[str, str] | None = None,
    status: int | None = 0,
    stdin: str | None = None,
) -> Done:
    """Run a command as a person would, without a terminal."""
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    own = str(Path(sys.executable).parent)
    parts = [part for part in environment["PATH"].split(os.pathsep) if part != own]
    # Where scripts/setup-env.sh puts uv on a machine that has none.
    parts.append(str(Path(environment.get("XDG_DATA_HOME", "/nowhere")) / "mlws/bin"))
    environment["PATH"] = os.pathsep.join(parts)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**environment, **(extra or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        text=True,
        check=False,
        timeout=600,
    )
    if status is not None and done.returncode != status:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return Done(done.returncode, done.stdout)


def tagged_clone(folder: Path, *, tag: str = TAG) -> Path:
    """What `git clone` of this checkout would give, as one commit with the version's tag."""
    listed = run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT
    ).output
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (
        ["init", "-q"],
        ["add", "-A", "-f"],
        ["commit", "-q", "-m", "Release"],
        ["tag", tag],
    ):
        run(["git", *command], folder)
    return folder


def build_wheel(clone: Path, folder: Path) -> Path:
    """The wheel of a clone."""
    run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, clone],
        folder,
    )
    return next(folder.glob("*.whl"))


def install(
    wheel: Path, folder: Path, python: str | Path = sys.executable, extras: str = ""
) -> Installation:
    """A virtual environment that holds the wheel and its dependencies, nothing of this checkout."""
    environment = folder / "environment"
    run([UV, "venv", "-q", "--python", python, environment], folder)
    wanted = f"mlws-scaffold{extras} @ {wheel.as_uri()}"
    constraints = ROOT / "constraints.txt"
    run([UV, "pip", "install", "-q", "--python", environment, "-c", constraints, wanted], folder)
    return Installation(environment / "bin")
