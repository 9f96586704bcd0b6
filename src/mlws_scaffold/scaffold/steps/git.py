"""The set-up steps that concern git: repository, large files, first commit, hooks."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.scaffold.steps.setting import LATER, Outcome, Setting

_MESSAGE = "Start the workspace"


def repository(setting: Setting) -> Outcome:
    if "GIT_DIR" in os.environ:
        cure = f"unset GIT_DIR; {LATER}"
        return "skipped", "GIT_DIR is set: git would act on another repository", cure
    top = setting.git.toplevel()
    if top is not None:
        where = "here" if _same(top, setting.root) else f"at {top}"
        return "done", f"there is one already {where}"
    setting.git.run("init", "--quiet", "-b", setting.place.config.workspace.default_branch)
    return "done", "made"


def large_files(setting: Setting) -> Outcome:
    answer = setting.place.config.data.answer
    if answer == "dvc":
        if (setting.root / ".dvc").is_dir():
            return "done", "DVC is set up"
        cure = "uv add --dev dvc && uv run dvc init && uv run dvc remote add -d NAME ADDRESS"
        return "skipped", "DVC was chosen; where it stores is yours to say", cure
    if answer != "lfs":
        return "skipped", "manifests need no set-up"
    if not _own(setting):
        return "skipped", "no git repository of its own", LATER
    if setting.git.ok("config", "--local", "--get", "filter.lfs.process"):
        return "done", "Git LFS is set up"
    if not setting.git.ok("lfs", "version"):
        return "failed", "Git LFS was chosen and is not installed", f"install git-lfs; {LATER}"
    setting.git.run("lfs", "install", "--local")
    return "done", "Git LFS is set up"


def first_commit(setting: Setting) -> Outcome:
    git, branches = setting.git, setting.place.config.workspace
    main, develop = branches.default_branch, branches.integration_branch
    if not _own(setting):
        why = "the repository around this folder is yours to commit to"
        return "skipped", why if _top(setting) else "no git repository"
    if git.commit_of("HEAD"):
        # Made before, but perhaps interrupted between the commit and its branch.
        if not git.run("remote") and not git.commit_of(f"refs/heads/{develop}"):
            git.run("branch", develop)
            return "done", f"there are commits already; branch {develop} was made"
        return "done", "there are commits already"
    if not git.has_identity():
        cure = (
            "git config --global user.name 'YOUR NAME' && git config --global user.email ADDRESS"
            f' && git add -A && git commit --no-verify -m "{_MESSAGE}" && git switch -c {develop}'
        )
        return "skipped", "git does not know who you are; all files are kept", cure
    git.run("symbolic-ref", "HEAD", f"refs/heads/{main}")
    git.run("add", "--all")
    # No hooks: the environment that they call does not exist yet.
    git.run("commit", "--quiet", "--no-verify", "-m", _MESSAGE)
    git.run("switch", "--quiet", "--create", develop)
    return "done", f"on {main}; the current branch is {develop}"


def pre_commit(setting: Setting) -> Outcome:
    from mlws_scaffold.adapters import process

    if not _own(setting):
        return "skipped", "hooks are installed at the top level of a repository, which this is not"
    if not (setting.root / ".pre-commit-config.yaml").is_file():
        return "skipped", "there is no .pre-commit-config.yaml"
    if elsewhere := setting.git.setting("core.hooksPath"):
        cure = f"git config --unset-all core.hooksPath (also with --global); {LATER}"
        return "failed", f"core.hooksPath sends git's hooks to {elsewhere}", cure
    local = setting.root / ".venv/bin/pre-commit"
    if local.is_file():
        command = [str(local)]
    elif importlib.util.find_spec("pre_commit"):
        command = [sys.executable, "-m", "pre_commit"]
    elif found := process.find("pre-commit"):
        command = [found]
    else:
        return "skipped", "pre-commit is not installed yet", "later: scripts/setup-env.sh"
    done = process.run([*command, "install"], setting.root, timeout=120)
    if done.status:
        return "failed", f"pre-commit install: {done.said}", f"mend that; {LATER}"
    return "done", "hooks are installed"


def _own(setting: Setting) -> bool:
    """Whether the workspace is the top level of its repository, not a folder of another one."""
    top = _top(setting)
    return top is not None and _same(top, setting.root)


def _top(setting: Setting) -> Path | None:
    if "GIT_DIR" in os.environ:
        return None
    try:
        return setting.git.toplevel()
    except Unavailable:  # no git: the first step has said so
        return None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
