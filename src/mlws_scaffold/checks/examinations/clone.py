"""What this clone of the workspace has: environment, hooks, origin, settings."""

from __future__ import annotations

import os
from pathlib import Path

from packaging.version import InvalidVersion, Version

from mlws_scaffold import __version__
from mlws_scaffold.adapters import documents, process
from mlws_scaffold.checks.examinations.case import SETUP, Case, Finding, Findings
from mlws_scaffold.errors import InvalidFile, Unavailable

_HOOKS = ".pre-commit-config.yaml"


def environment(case: Case) -> Findings:
    if not (case.root / "uv.lock").is_file():
        cure = "run mlws setup and commit uv.lock"
        yield Finding("uv.lock", "warning", "there is none: everybody gets other versions", cure)
    else:
        yield Finding("uv.lock", "ok", "present")
    folder = case.environment.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    if not (case.root / folder).is_dir():
        yield Finding("environment", "warning", f"there is no {folder}", SETUP)
    elif not (case.root / "uv.lock").is_file() or process.find("uv") is None:
        detail = ".venv is there, but without uv and uv.lock nothing says what belongs in it"
        yield Finding("environment", "unknown", detail, SETUP)
    else:
        yield _in_step(case)


def _in_step(case: Case) -> Finding:
    command = ["uv", "sync", "--check", "--frozen", "--offline", "--quiet"]
    try:
        done = process.run(command, case.root, timeout=60)
    except Unavailable as error:
        return Finding("environment", "unknown", error.message, "run uv sync --check")
    if done.status == 0:
        return Finding("environment", "ok", "in step with uv.lock")
    last = done.said.splitlines()[-1:] or ["uv sync --check says no"]
    return Finding(
        "environment", "warning", f"not in step with uv.lock: {last[0].strip()}", "run uv sync"
    )


def hooks(case: Case) -> Findings:
    if not (case.root / _HOOKS).is_file():
        yield Finding(
            "pre-commit",
            "warning",
            f"there is no {_HOOKS}",
            "take it back from the template: mlws update",
        )
        return
    if case.git.toplevel() is None:
        yield Finding("pre-commit", "warning", "there is no git repository", "run mlws setup")
        return
    folder = case.root / case.git.run("rev-parse", "--git-path", "hooks")
    missing = [kind for kind in _hook_types(case) if not _is_ours(folder / kind)]
    if missing:
        detail = f"not installed: {', '.join(missing)}; broken commits are not stopped"
        yield Finding("pre-commit", "warning", detail, "run mlws setup")
    else:
        yield Finding("pre-commit", "ok", f"installed in {folder}")


def _hook_types(case: Case) -> list[str]:
    try:
        data = documents.read(case.root / _HOOKS, _HOOKS).data
    except InvalidFile:
        return ["pre-commit"]  # the checks name what is wrong in it
    given = data.get("default_install_hook_types") if isinstance(data, dict) else None
    return [str(kind) for kind in given] if isinstance(given, list) else ["pre-commit"]


def _is_ours(hook: Path) -> bool:
    try:
        return "pre-commit" in hook.read_text("utf-8", "replace") and os.access(hook, os.X_OK)
    except OSError:
        return False


def origin(case: Case) -> Findings:
    link = "mlws update --link ADDRESS"
    address = str(case.answers.get("_src_path") or "")
    if not address:
        yield Finding(
            "template origin", "warning", "none is recorded: no update can be found", link
        )
    elif ":" not in address and not Path(address).expanduser().is_dir():
        detail = f"{address} is a folder that this machine does not have"
        yield Finding("template origin", "warning", detail, link)
    else:
        yield Finding("template origin", "ok", address)
    yield _version(str(case.answers.get("_commit") or ""), link)


def _version(recorded: str, link: str) -> Finding:
    if not recorded:
        return Finding("template version", "unknown", "none is recorded", link)
    try:
        # `git describe` adds the distance to the last tag: v1.2.0-3-gabc1234.
        workspace, ours = Version(recorded.partition("-")[0]), Version(__version__)
    except InvalidVersion:
        detail = f"{recorded} is no release; mlws here is {__version__}"
        return Finding("template version", "unknown", detail, "mlws update")
    detail = f"the workspace is at {recorded}, mlws here is {__version__}"
    if workspace < ours:
        return Finding("template version", "warning", detail, "mlws update")
    if workspace > ours:
        return Finding("template version", "warning", detail, "bring mlws in step: uv sync")
    return Finding("template version", "ok", detail)


def settings(case: Case) -> Findings:
    changed = [f"{name} from {variable}" for name, variable in sorted(case.place.sources.items())]
    if case.environment.get("OLLAMA_HOST") and "models.host" not in case.place.sources:
        changed.append("models.host from OLLAMA_HOST")
    yield Finding("settings", "ok", "; ".join(changed) or "all from mlws.toml and its defaults")
