"""deploy/kubernetes of an agent, rendered by the real kustomize of kubectl."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import rendering

NAME = "helper"


@dataclass(frozen=True, slots=True)
class Overlay:
    """The objects of one overlay, by kind and name."""

    objects: dict[tuple[str, str], dict[str, Any]]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        return self.objects[kind, f"{NAME}-{name}"]

    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.objects}

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pod templates, by the kind of their owner."""
        return {
            kind: one["spec"]["template"]
            for (kind, _), one in self.objects.items()
            if "template" in one.get("spec", {})
        }


def make(folder: Path) -> Path:
    """Render the agent; returns its deploy/kubernetes."""
    answers = {"agent_name": NAME, "agent_deployment": "kubernetes"}
    return rendering.render("agent", answers, folder) / "deploy/kubernetes"


def build(home: Path, env: str, *components: str) -> Overlay:
    """The overlay as `kubectl kustomize` prints it, with components that are commented out."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: no overlay was rendered")
    path = home / "overlays" / env / "kustomization.yaml"
    before = path.read_text()
    text = before
    for one in components:
        assert f"# - ../../components/{one}" in text
        text = text.replace(f"# - ../../components/{one}", f"- ../../components/{one}")
    path.write_text(text)
    try:
        done = subprocess.run(
            [kubectl, "kustomize", str(path.parent)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    finally:
        path.write_text(before)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return Overlay({(one["kind"], one["metadata"]["name"]): one for one in found})
