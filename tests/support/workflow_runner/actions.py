"""The actions that workflows use: each with the effect that later steps rely on, or written down.

An action that is not in the table, and an input that it does not know, fail.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.workflow_runner import records
from tests.support.workflow_runner.records import Event

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Failed(Exception):
    """The action ends with a failure, as it would on GitHub."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a job runs. `origin` is the repository that stands for GitHub's."""

    origin: Path
    workspace: Path
    artifacts: Path
    log: Path
    event: Event
    permissions: Mapping[str, str]


Outputs = dict[str, str]
Inputs = Mapping[str, Any]


def use(name: str, given: Inputs, site: Site) -> Outputs:
    """Do what the action does; raises Failed, AssertionError for what is not known."""
    action, _, commit = name.partition("@")
    assert re.fullmatch(r"[0-9a-f]{40}", commit), f"{name} is not pinned to a commit"
    assert action in _TABLE, f"the runner does not know the action {action}"
    function, inputs = _TABLE[action]
    assert set(given) <= inputs, f"{action}: unknown inputs {set(given) - inputs}"
    records.write_down(site.log, action, [f"{key}={given[key]}" for key in sorted(given)])
    return function(given, site)


def _git(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise Failed(f"git {' '.join(words)}: {done.stderr}")


def _checkout(given: Inputs, site: Site) -> Outputs:
    assert given.get("persist-credentials") is False, "a token would stay in .git/config"
    wanted = str(given.get("ref") or "") or site.event.commit
    place = site.workspace
    address = site.origin.as_uri()
    _git(place, "init", "--quiet")
    _git(place, "remote", "add", "origin", address)
    if given.get("fetch-depth") == 0:
        both = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _git(place, "fetch", "--quiet", "origin", *both, site.event.commit)
    else:
        _git(place, "fetch", "--quiet", "--depth", "1", "origin", wanted)
        wanted = "FETCH_HEAD"
    branch = site.event.ref.removeprefix("refs/heads/")
    named = str(given.get("ref") or "")
    if named and not re.fullmatch(r"[0-9a-f]{40}", named):
        _git(place, "switch", "--quiet", "--force-create", named, f"origin/{named}")
    elif branch != site.event.ref and not named:
        _git(place, "switch", "--quiet", "--force-create", branch, wanted)
    else:
        _git(place, "switch", "--quiet", "--detach", wanted)
    return {}


def _upload(given: Inputs, site: Site) -> Outputs:
    target = site.artifacts / given["name"]
    found = [site.workspace / line for line in str(given["path"]).split("\n") if line.strip()]
    present = [path for path in found if path.exists()]
    if not present and given.get("if-no-files-found") == "error":
        raise Failed(f"nothing at {given['path']}")
    if target.exists():
        raise Failed(f"an artifact {given['name']} is there already")
    for path in present:
        hidden = any(part[0] == "." for part in path.relative_to(site.workspace).parts)
        assert not hidden or given.get("include-hidden-files"), f"{path} would be left out"
        if path.is_dir() and len(found) == 1:
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, target / path.name)
    return {}


def _download(given: Inputs, site: Site) -> Outputs:
    target = site.workspace / given["path"]
    if "name" in given:
        source = site.artifacts / given["name"]
        if not source.exists():
            raise Failed(f"there is no artifact {given['name']}")
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        for source in site.artifacts.glob(given["pattern"]):
            shutil.copytree(source, target / source.name, dirs_exist_ok=True)
    return {}


def _login(given: Inputs, site: Site) -> Outputs:
    if not all(given[name] for name in ("registry", "username", "password")):
        raise Failed("Username and password required")
    return {}


def _attest(given: Inputs, site: Site) -> Outputs:
    assert DIGEST.fullmatch(given["subject-digest"]), given
    assert ":" not in str(given["subject-name"]).rpartition("/")[2], "a name has no tag"
    for scope in ("id-token", "attestations"):
        assert site.permissions.get(scope) == "write", f"attesting needs {scope}: write"
    return {}


def _app_token(given: Inputs, site: Site) -> Outputs:
    if not all(given[name] for name in ("app-id", "private-key")):
        raise Failed("app-id and private-key are required")
    return {"token": "the-token-of-the-app"}


def _nothing(given: Inputs, site: Site) -> Outputs:
    return {}


_FILES = {"name", "path", "pattern", "include-hidden-files", "if-no-files-found"}
_TABLE: dict[str, tuple[Callable[[Inputs, Site], Outputs], set[str]]] = {
    "actions/checkout": (_checkout, {"persist-credentials", "fetch-depth", "ref"}),
    "astral-sh/setup-uv": (_nothing, {"enable-cache", "cache-dependency-glob"}),
    "actions/cache": (_nothing, {"path", "key"}),
    "actions/upload-artifact": (_upload, _FILES),
    "actions/download-artifact": (_download, _FILES),
    "docker/login-action": (_login, {"registry", "username", "password"}),
    "sigstore/cosign-installer": (_nothing, set()),
    "actions/attest-build-provenance": (
        _attest,
        {"subject-name", "subject-digest", "push-to-registry"},
    ),
    "actions/create-github-app-token": (
        _app_token,
        {
            "app-id",
            "private-key",
            "permission-contents",
            "permission-pull-requests",
            "permission-workflows",
        },
    ),
}
