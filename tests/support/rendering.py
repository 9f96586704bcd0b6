"""Renders a kind with real Copier from a plain copy of the template, as an installed bundle is."""

from __future__ import annotations

import functools
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import CopierWarning

ROOT = Path(__file__).parents[2]


@functools.cache
def plain_bundle() -> Path:
    """The template without git and without caches; made once, left to the temporary folder."""
    target = Path(tempfile.mkdtemp(prefix="mlws-bundle-"))
    shutil.copy2(ROOT / "copier.yml", target)
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("templates", "hooks"):
        shutil.copytree(ROOT / part, target / part, ignore=skipped)
    return target


def questions(kind: str) -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load((ROOT / "templates/questions" / f"{kind}.yml").read_text())
    return dict(loaded)


def render(kind: str, answers: dict[str, Any], target: Path) -> Path:
    """Render and return the folder. An answer that the kind does not ask for is a mistake."""
    unknown = {name for name in answers if name[0] != "_"} - set(questions(kind))
    assert not unknown, f"{kind} has no question {unknown}"
    origin = {"_src_path": "https://git.example.org/t/mlws-scaffold.git", "_commit": "v0.1.0"}
    if "_src_path" in answers:
        origin = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CopierWarning)
        copier.run_copy(
            str(plain_bundle()),
            target,
            data={"kind": kind, **origin, **answers},
            defaults=True,
            quiet=True,
            unsafe=True,
            skip_tasks=True,
        )
    return target


def tree(folder: Path, *, answers_file: bool = False) -> dict[str, bytes]:
    """Every file's content with its mode in front, by path; git's own folder left out."""
    return {
        path.relative_to(folder).as_posix(): oct(path.stat().st_mode & 0o777).encode()
        + b" "
        + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and ".git" not in path.relative_to(folder).parts
        and (answers_file or path.name != ".copier-answers.yml")
    }
