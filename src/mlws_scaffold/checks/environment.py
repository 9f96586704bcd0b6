"""Rules for what is installed: pyproject.toml is the truth, uv.lock and environment.yaml follow
it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from mlws_scaffold.adapters import documents, process
from mlws_scaffold.adapters.documents import Document
from mlws_scaffold.checks import projects, requirements
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import NO_WORKSPACE, Target
from mlws_scaffold.errors import InvalidFile, Problem, Unavailable
from mlws_scaffold.workspace.layout import CONFIG

PYPROJECT, LOCK, CONDA = "pyproject.toml", "uv.lock", "environment.yaml"
# A lock of many packages is larger than any file that people write.
_MOST_BYTES = 20_000_000
_LOCK_AGAIN = "run `uv lock` there and commit both"


class LockCurrent(Check):
    """A lock that does not fit pyproject.toml gives colleagues and CI another environment than
    yours.

    Run `uv lock` beside the pyproject.toml that is named, and commit the lock with it.
    A workspace that has no lock yet gets one from `mlws setup`.
    """

    id, area, title = "WS005", "workspace", "uv.lock is in step with pyproject.toml"

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable(NO_WORKSPACE)
        # An agent's lock is made by its tests, an archived experiment's never again.
        active = [found.folder for found in target.asked_experiments if not found.is_archived]
        unlocked = [*([""] if target.touches(PYPROJECT) else []), *(f"{path}/" for path in active)]
        warnings = [
            Problem(f"{place}{LOCK}", "there is none yet", "`mlws setup` makes it; commit it")
            for place in unlocked
            if (target.root / place / PYPROJECT).exists()
            and not (target.root / place / LOCK).exists()
        ]
        folders = [found.folder for found in target.asked_agents]
        folders += [found.folder for found in target.asked_experiments]
        if (
            target.touches(PYPROJECT)
            or target.touches(LOCK)
            or target.touches("shared/tools/pyproject.toml")
        ):
            folders.insert(0, "")
        problems: list[Problem] = []
        for folder in folders:
            place = f"{folder}/" if folder else ""
            if (
                not (target.root / place / LOCK).is_file()
                or not (target.root / place / PYPROJECT).is_file()
            ):
                continue
            if target.scope.online and process.find("uv"):
                problems += _ask_uv(target, place)
            else:
                problems += _compare(target, place)
        return judged(problems, warnings)


class CondaInStep(Check):
    """environment.yaml brings Python and native packages only; every Python package has its one
    truth in uv.lock.

    Take the channel conda-forge alone (and `nodefaults`), allow no older Python than
    pyproject.toml does, and move a pinned Python package to pyproject.toml.
    """

    id, area, title = (
        "WS006",
        "workspace",
        "environment.yaml is in step with pyproject.toml and uv.lock",
    )

    def run(self, target: Target) -> Result:
        if not target.is_workspace:
            return not_applicable(NO_WORKSPACE)
        if not (target.root / CONDA).exists():
            return not_applicable(f"no {CONDA}: the environment is made by uv alone")
        if not any(target.touches(name) for name in (CONDA, PYPROJECT, LOCK, CONFIG)):
            return not_applicable("not touched")
        if problem := projects.refusal(target.root, CONDA):
            return judged([problem])
        try:
            document = documents.read(target.root / CONDA, CONDA)
        except InvalidFile as error:
            return judged(error.problems)
        if not isinstance(document.data, dict):
            return judged(
                [Problem(CONDA, "is no mapping", "write name, channels and dependencies")]
            )
        return judged([*_channels(document), *_packages(target, document)])


def _ask_uv(target: Target, place: str) -> list[Problem]:
    """uv resolves again, which needs the index. Raises Unavailable when uv cannot tell."""
    done = process.run(["uv", "lock", "--check"], target.root / place, timeout=300)
    if done.status == 0:
        return []
    if "needs to be updated" not in done.said:
        raise Unavailable(
            f"uv lock --check in {place or '.'}: {' '.join(done.said.split())[-200:]}"
        )
    return [Problem(f"{place}{LOCK}", f"does not fit {PYPROJECT}, says uv", _LOCK_AGAIN)]


def _toml(target: Target, name: str) -> dict[str, Any] | Problem:
    if problem := projects.refusal(target.root, name):
        return problem
    try:
        if (target.root / name).stat().st_size > _MOST_BYTES:
            return Problem(
                name, f"is larger than {_MOST_BYTES // 1_000_000} MB", "restore it from git"
            )
        return tomllib.loads((target.root / name).read_bytes().decode())
    except (OSError, ValueError, RecursionError) as error:
        return Problem(name, f"cannot be read as TOML: {error}", "mend it, or restore it from git")


def _compare(target: Target, place: str) -> list[Problem]:
    """Each project of the tree that the lock knows, held against its pyproject.toml."""
    lock, project = _toml(target, f"{place}{LOCK}"), _toml(target, f"{place}{PYPROJECT}")
    if isinstance(lock, Problem) or isinstance(project, Problem):
        return [item for item in (lock, project) if isinstance(item, Problem)]
    path = f"{place}{LOCK}"
    packages = [item for item in _list(lock.get("package")) if isinstance(item, dict)]
    local = {found: item for item in packages if (found := _local_path(item)) is not None}
    if "." not in local:
        return [
            Problem(
                path,
                f"knows no project in this folder: it was made for another {PYPROJECT}",
                _LOCK_AGAIN,
            )
        ]
    problems = []
    asked, given = (
        _text(project.get("project"), "requires-python"),
        _text(lock, "requires-python"),
    )
    if asked and given and not requirements.same_python(asked, given):
        problems.append(
            Problem(path, f"was made for Python {given}, wanted is {asked}", _LOCK_AGAIN)
        )
    for folder, package in local.items():
        inner = project if folder == "." else _toml(target, f"{place}{folder}/{PYPROJECT}")
        if isinstance(inner, Problem):
            problems.append(inner)
        else:
            problems += _stale(path, folder, inner, package)
    return problems


def _stale(
    path: str, folder: str, project: dict[str, Any], package: dict[str, Any]
) -> Iterable[Problem]:
    wanted, locked = requirements.wanted(project), requirements.locked(package)
    table = project.get("project")
    if isinstance(table, dict) and "dependencies" in _list(table.get("dynamic")):
        del wanted[""]
    # The lock records groups only for the project it belongs to.
    groups = wanted.keys() | locked.keys() if folder == "." else {""} & wanted.keys()
    for group in sorted(groups):
        differ = requirements.differences(wanted.get(group, set()), locked.get(group, set()))
        if differ and group in wanted | locked:
            where = f"group {group}" if group else "dependencies"
            where += "" if folder == "." else f" of {folder}"
            shown = ", ".join(differ[:5]) + (" …" if len(differ) > 5 else "")
            yield Problem(path, f"{where} changed since it was made: {shown}", _LOCK_AGAIN)


def _local_path(package: dict[str, Any]) -> str | None:
    source = package.get("source")
    if not isinstance(source, dict):
        return None
    path = next(
        (source[key] for key in ("virtual", "editable", "directory") if key in source), None
    )
    return path if isinstance(path, str) and not path.startswith(("/", "..")) else None


def _channels(document: Document) -> Iterable[Problem]:
    channels = [str(name) for name in _list(document.data.get("channels"))]
    if "conda-forge" not in channels:
        yield document.problem(
            ("channels",), "conda-forge is missing", "write it as the first channel"
        )
    for index, name in enumerate(channels):
        if name not in ("conda-forge", "nodefaults"):
            yield document.problem(
                ("channels", index), f"{name} is another channel", "take conda-forge alone"
            )


def _packages(target: Target, document: Document) -> Iterable[Problem]:
    project, lock = _toml(target, PYPROJECT), _toml(target, LOCK)
    asked = "" if isinstance(project, Problem) else _text(project.get("project"), "requires-python")
    versions = {} if isinstance(lock, Problem) else _versions(lock)
    has_python = False
    for keys, line in _lines(document):
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)", line.rpartition("::")[2])
        if match is None:
            continue
        name, rest = requirements.normal(match[1]), match[2].strip()
        if name == "python":
            has_python = True
            ours, theirs = requirements.lower_bound(asked), requirements.lower_bound(rest)
            if ours and theirs and theirs < ours:
                message = f"{line!r} allows an older Python than {PYPROJECT} ({asked})"
                yield document.problem(keys, message, f"write python{asked}")
        pinned = re.fullmatch(r"==?\s*([0-9][^\s=,*]*)\.?\*?(=.*)?", rest)
        if pinned and name in versions and not f"{versions[name]}.".startswith(f"{pinned[1]}."):
            message = f"pins {name} {pinned[1]}, but {LOCK} has {versions[name]}"
            yield document.problem(keys, message, f"take it out: {LOCK} decides")
    if not has_python:
        yield document.problem(("dependencies",), "python is missing", f"write python{asked}")


def _lines(document: Document) -> Iterable[tuple[tuple[str | int, ...], str]]:
    """Each dependency, those of `pip:` included, with its place."""
    for index, item in enumerate(_list(document.data.get("dependencies"))):
        if isinstance(item, str):
            yield ("dependencies", index), item
        elif isinstance(item, dict):
            for number, line in enumerate(_list(item.get("pip"))):
                yield ("dependencies", index, "pip", number), str(line)


def _versions(lock: dict[str, Any]) -> dict[str, str]:
    packages = [item for item in _list(lock.get("package")) if isinstance(item, dict)]
    return {
        str(item.get("name")): str(item.get("version")) for item in packages if "version" in item
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(table: Any, key: str) -> str:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, str) else ""
