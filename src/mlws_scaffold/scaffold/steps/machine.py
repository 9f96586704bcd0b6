"""The set-up steps that concern this machine: lock, tracking store, GPUs, Ollama."""

from __future__ import annotations

import os
from pathlib import Path

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.scaffold.steps.setting import LATER, Outcome, Setting
from mlws_scaffold.workspace.layout import EXPERIMENTS

_ENVIRONMENT = "later: scripts/setup-env.sh"


def lock(setting: Setting) -> Outcome:
    from mlws_scaffold.adapters import process

    unlocked = [folder for folder in _projects(setting) if not (folder / "uv.lock").is_file()]
    if (setting.root / "pyproject.toml").is_file() and not unlocked:
        return "done", "there is one already"
    # Only a person's own `mlws setup` may ask a package index.
    if not setting.again:
        return "skipped", "made with the environment", _ENVIRONMENT
    if not unlocked:
        return "skipped", "there is no pyproject.toml"
    if process.find("uv") is None:
        return "skipped", "uv is not installed", _ENVIRONMENT
    for folder in unlocked:
        done = process.run(["uv", "lock"], folder, timeout=600)
        if done.status:
            where = setting.place.layout.relative(folder)
            return "failed", f"uv lock in {where}: {done.said}", f"mend that; {LATER}"
    made = ", ".join(f"{setting.place.layout.relative(folder)}/uv.lock" for folder in unlocked)
    return "done", f"made {made}; commit it, so that everybody gets the same versions"


def _projects(setting: Setting) -> list[Path]:
    """The workspace and the active experiments that have an environment of their own."""
    active = [
        folder
        for folder in setting.place.layout.experiments()
        if folder.is_relative_to(setting.root / EXPERIMENTS)
    ]
    folders = [setting.root, *active]
    return [folder for folder in folders if (folder / "pyproject.toml").is_file()]


def tracking(setting: Setting) -> Outcome:
    from mlws_scaffold.adapters import mlflow

    uri, root = setting.place.config.tracking.uri, setting.root
    if not setting.again:
        return "skipped", "made with the environment", _ENVIRONMENT
    if mlflow.sqlite_file(uri, root) is None:
        found = mlflow.look(uri, root)
        cure = "" if found.state == "ready" else f"start it, or correct [tracking] uri; {LATER}"
        return ("done" if found.state == "ready" else "skipped"), found.detail, cure
    if not mlflow.is_installed():
        return "skipped", "MLflow is not installed here", _ENVIRONMENT
    return "done", mlflow.prepare(uri, root)


def gpus(setting: Setting) -> Outcome:
    from mlws_scaffold.gpus import devices

    answer, required = setting.answers.get("gpus"), setting.place.config.gpus.required
    if answer == "none" and not required:
        return "skipped", "the answer was: none"
    found = devices.survey()
    if found.trouble is not None:
        # No driver at all is normal on a colleague's laptop; a broken one never is.
        harmless = found.trouble.kind == "library missing" and not required
        return ("skipped" if harmless else "failed"), found.text, f"{found.trouble.cure}; {LATER}"
    if not found.devices:
        return ("failed" if required else "skipped"), found.text, "look at lspci and nvidia-smi"
    return "done", found.text + ("" if found.smi else "; nvidia-smi is not on PATH")


def ollama(setting: Setting) -> Outcome:
    from mlws_scaffold.adapters import ollama as server
    from mlws_scaffold.models import hosts, registry
    from mlws_scaffold.models.sync import execute, plan
    from mlws_scaffold.models.sync.execute import Options

    host = hosts.host_of(setting.place, os.environ)
    try:
        who = f"Ollama {server.version(host)} at {host}"
        if setting.answers.get("sync_models") is True:
            # What the team locks is for a person to commit: a set-up leaves the work tree alone.
            found = execute.sync(setting.place, host, setting.watch, Options(accept=False)).summary
        else:
            found = plan.make(setting.place, host).summary
    except Unavailable as error:
        return "skipped", error.message, f"{error.cure}; later: mlws model sync"
    if found is None:
        count = len(registry.load(setting.place.layout).models)
        return "done", f"{who}; all {count} models of the registry are there"
    return ("failed" if found.wrong else "done"), f"{who}; {found.text}", found.cure
