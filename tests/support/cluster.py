"""A `kubectl` with a cluster of files behind it; what needs no cluster is done by the real one.

The Rollout's controller is played when somebody asks for its state: images whose name ends with a
version in bad.json are taken back, as Argo does after a failed analysis. With a number in die.json
the deployer is killed in front of that change of the cluster.
Usage as a program: `cluster.py FOLDER kubectl-arguments…`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTEXT = "lab"


@dataclass(frozen=True, slots=True)
class Cluster:
    """objects.json holds what was applied, calls.jsonl what was asked."""

    folder: Path

    def read(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def write(self, name: str, data: dict[str, Any]) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(data))

    def calls(self) -> list[list[str]]:
        """All that was asked, without the words that name context and namespace."""
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def kinds(self) -> list[str]:
        return [str(one) for call in self.calls() if call[0] == "applied" for one in call[1:]]

    @property
    def image(self) -> str:
        """The image that serves."""
        agent = _agent(self.read("objects"))
        return str(agent["spec"]["template"]["spec"]["containers"][0]["image"])


def install(folder: Path, programs: Path, real: str) -> Cluster:
    """Write `kubectl` into the folder for PATH."""
    folder.mkdir(parents=True)
    programs.mkdir(parents=True, exist_ok=True)
    script = programs / "kubectl"
    # What needs no cluster does not wait for a Python to start.
    script.write_text(
        f'#!/bin/sh\n[ "$1" = kustomize ] && exec {real} "$@"\n'
        f'exec {sys.executable} {__file__} {folder} "$@"\n'
    )
    script.chmod(0o755)
    return Cluster(folder)


def main(folder: Path, words: list[str]) -> int:
    """Answer one call."""
    cluster = Cluster(folder)
    words = _without_place(words)
    with (folder / "calls.jsonl").open("a") as log:
        log.write(json.dumps(words) + "\n")
    if _changes(words):
        _perhaps_kill(cluster)
    if words[0] == "config":
        print(CONTEXT)
    elif words[0] == "apply":
        _apply(cluster, sys.stdin.read())
    elif words[0] == "get":
        return _get(cluster, f"{words[1]}/{words[2]}")
    elif words[0] == "delete":
        objects = cluster.read("objects")
        objects.pop(f"{words[1]}/{words[2]}", None)
        cluster.write("objects", objects)
    elif words[0] == "logs":
        print("pull model manifest: file does not exist")
    elif words[:2] == ["rollout", "status"] or words[:3] == ["argo", "rollouts", "status"]:
        return _status(cluster)
    elif words[:3] == ["argo", "rollouts", "abort"]:
        _abort(cluster)
    elif words[0] == "patch":
        _set_template(cluster, json.loads(words[-1])[0]["value"])
    return 0


def _without_place(words: list[str]) -> list[str]:
    kept, at = [], 0
    while at < len(words):
        if words[at] in ("--context", "--namespace"):
            assert words[at + 1] in (CONTEXT, "agents")
            at += 2
            continue
        kept.append(words[at])
        at += 1
    return kept


def _changes(words: list[str]) -> bool:
    return words[0] in ("apply", "delete", "patch") or "abort" in words[:3]


def _perhaps_kill(cluster: Cluster) -> None:
    left = cluster.read("die").get("left", 0)
    cluster.write("die", {"left": left - 1, "died": left == 1})
    if left == 1:
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(1)


def _apply(cluster: Cluster, text: str) -> None:
    import yaml

    objects, applied = cluster.read("objects"), ["applied"]
    for one in yaml.safe_load_all(text):
        key = f"{one['kind'].lower()}/{one['metadata']['name']}"
        if one["kind"] == "Job":
            broken = (cluster.folder / "no-model").exists()
            one["status"] = {
                "conditions": [{"type": "Failed" if broken else "Complete", "status": "True"}]
            }
        elif one["kind"] in ("Rollout", "Deployment"):
            one["status"] = {}
        objects[key] = one
        applied.append(key)
    cluster.write("objects", objects)
    with (cluster.folder / "calls.jsonl").open("a") as log:
        log.write(json.dumps(applied) + "\n")


def _get(cluster: Cluster, key: str) -> int:
    found = cluster.read("objects").get(key)
    if found is None:
        print(f'Error from server (NotFound): {key} "x" not found', file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


def _agent(objects: dict[str, Any]) -> dict[str, Any]:
    (one,) = (one for one in objects.values() if one["kind"] in ("Rollout", "Deployment"))
    return dict(one)


def _status(cluster: Cluster) -> int:
    agent = _agent(cluster.read("objects"))
    image = agent["spec"]["template"]["spec"]["containers"][0]["image"]
    bad = [one for one in cluster.read("bad") if image.endswith(one)]
    if not bad:
        return 0
    if agent["kind"] == "Rollout":
        _abort(cluster)
    print("Degraded - RolloutAborted: metric error-ratio assessed Failed", file=sys.stderr)
    return 1


def _abort(cluster: Cluster) -> None:
    objects = cluster.read("objects")
    for one in objects.values():
        if one["kind"] == "Rollout":
            one["status"] = {"abort": True, "phase": "Degraded"}
    cluster.write("objects", objects)


def _set_template(cluster: Cluster, template: dict[str, Any]) -> None:
    objects = cluster.read("objects")
    for one in objects.values():
        if one["kind"] in ("Rollout", "Deployment"):
            one["spec"]["template"], one["status"] = template, {"phase": "Healthy"}
    cluster.write("objects", objects)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
