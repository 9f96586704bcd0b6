"""The set-up steps that concern this machine: lock, tracking store, GPUs, Ollama."""

from __future__ import annotations

import os

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.scaffold.steps.setting import LATER, Outcome, Setting

_ENVIRONMENT = "later: scripts/setup-env.sh"


def lock(setting: Setting) -> Outcome:
    from mlws_scaffold.adapters import process

    if (setting.root / "uv.lock").is_file():
        return "done", "there is one already"
    # Only a person's own `mlws setup` may ask a package index.
    if not setting.again:
        return "skipped", "made with the environment", _ENVIRONMENT
    if not (setting.root / "pyproject.toml").is_file():
        return "skipped", "there is no pyproject.toml"
    if process.find("uv") is None:
        return "skipped", "uv is not installed", _ENVIRONMENT
    done = process.run(["uv", "lock"], setting.root, timeout=600)
    if done.status:
        return "failed", f"uv lock: {done.said}", f"mend that; {LATER}"
    return "done", "made; commit it, so that everybody gets the same versions"


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
