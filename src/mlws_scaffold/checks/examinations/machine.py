"""What this machine offers to every workspace: Python, uv, git, disk, GPUs."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tomllib

from mlws_scaffold.adapters import process
from mlws_scaffold.checks.examinations.case import SETUP, Case, Finding, Findings
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.gpus import devices

_OLDEST_GIT = (2, 30)
_LITTLE, _TOO_LITTLE = 10 * 2**30, 2**30


def python(case: Case) -> Findings:
    found = f"Python {platform.python_version()} at {sys.executable}"
    wanted = _wanted_python(case)
    if sys.version_info[:2] < wanted:
        needed = ".".join(map(str, wanted))
        yield Finding(
            "python",
            "failure",
            f"{found}; this workspace needs {needed}",
            f"uv python install {needed}, then {SETUP}",
        )
    else:
        yield Finding("python", "ok", found)


def bytecode(case: Case) -> Findings:
    if case.environment.get("PYTHONDONTWRITEBYTECODE"):
        detail = "PYTHONDONTWRITEBYTECODE is set: every start compiles all imports again"
        yield Finding("bytecode", "warning", detail, "unset PYTHONDONTWRITEBYTECODE")
    elif sys.dont_write_bytecode:
        detail = "Python runs with -B: every start compiles all imports again"
        yield Finding("bytecode", "warning", detail, "start Python without -B")
    else:
        yield Finding("bytecode", "ok", "compiled imports are kept")


def uv(case: Case) -> Findings:
    if process.find("uv") is None:
        yield Finding("uv", "failure", "not on PATH; commits and checks call it", SETUP)
        return
    done = process.run(["uv", "--version"], case.root, timeout=30)
    if done.status:
        yield Finding("uv", "failure", f"uv --version fails: {done.said}", SETUP)
    else:
        yield Finding("uv", "ok", done.output.strip())


def git(case: Case) -> Findings:
    try:
        said = case.git.run("version")
    except Unavailable as error:
        yield Finding("git", "failure", error.message, error.cure)
        return
    numbers = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if numbers < _OLDEST_GIT:
        yield Finding("git", "failure", said, "install git 2.30 or newer")
    else:
        yield Finding("git", "ok", said)
    if case.git.has_identity():
        yield Finding(
            "git identity", "ok", case.git.setting("user.email") or "from the environment"
        )
    else:
        cure = (
            "git config --global user.name 'YOUR NAME' and git config --global user.email ADDRESS"
        )
        yield Finding(
            "git identity", "warning", "git does not know who you are: no commit can be made", cure
        )
    if case.config.data.answer == "lfs":
        if case.git.ok("lfs", "version"):
            yield Finding("git lfs", "ok", case.git.run("lfs", "version"))
        else:
            detail = "large files are kept by Git LFS, which is not installed"
            yield Finding("git lfs", "failure", detail, "install git-lfs, then run mlws setup")


def disk(case: Case) -> Findings:
    free = shutil.disk_usage(case.root).free
    detail = f"{free / 2**30:.1f} GiB free at {case.root}"
    if free >= _LITTLE:
        yield Finding("disk space", "ok", detail)
        return
    cure = "remove old outputs/ and checkpoints, or uv cache prune"
    yield Finding("disk space", "failure" if free < _TOO_LITTLE else "warning", detail, cure)


def gpus(case: Case) -> Findings:
    required = case.config.gpus.required
    if case.answers.get("gpus") == "none" and not required:
        yield Finding("GPUs", "ok", "none are used here: that was the answer")
        return
    found = devices.survey()
    if found.trouble is not None:
        absent = found.trouble.kind == "library missing" and not required
        yield Finding("GPUs", "warning" if absent else "failure", found.text, found.trouble.cure)
    elif not found.devices:
        yield Finding(
            "GPUs",
            "failure" if required else "warning",
            found.text,
            "look at lspci and at nvidia-smi",
        )
    elif not found.smi:
        cure = "put the folder of nvidia-smi on PATH"
        yield Finding("GPUs", "warning", f"{found.text}; nvidia-smi is not on PATH", cure)
    else:
        yield Finding("GPUs", "ok", found.text)


def _wanted_python(case: Case) -> tuple[int, ...]:
    try:
        project = tomllib.loads((case.root / "pyproject.toml").read_text("utf-8")).get(
            "project", {}
        )
        found = re.search(r">=\s*(\d+)\.(\d+)", str(project.get("requires-python")))
    except (OSError, ValueError, AttributeError):
        found = None
    return (int(found[1]), int(found[2])) if found else (3, 11)
