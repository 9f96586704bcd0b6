"""The target `kubernetes`: what it refuses, and what it would apply."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.deployed import Deployed

TO_CLUSTER = ("--target", "kubernetes")
ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: helper}
spec:
  template:
    spec:
      containers:
        - name: agent
          image: helper
        - name: other
          image: helper-side:1
"""
# Keeps what is applied; a Rollout ends as `verdict` beside it says.
KUBECTL = """\
#!{python}
import json, os, pathlib, subprocess, sys
folder, words = pathlib.Path({folder!r}), sys.argv[1:]
with open(folder / "calls.jsonl", "a") as log:
    log.write(json.dumps(words) + "\\n")
words = [word for word in words if word not in ("--context", "prod", "--namespace", "agents")]
if words[0] == "kustomize":
    os.execv({real!r}, [{real!r}, *words])
if words[:2] == ["config", "get-contexts"]:
    print("prod")
elif words[0] == "get":
    path = folder / (words[1] + "-" + words[2])
    if not path.exists():
        sys.exit("Error from server (NotFound): no such thing")
    print(path.read_text())
elif words[0] == "apply":
    text = sys.stdin.read()
    if text.startswith("{{"):
        name = "configmap-" + json.loads(text)["metadata"]["name"]
    else:
        name, text = "rollout-helper", json.dumps({{"spec": text, "status": {{}}}})
    (folder / name).write_text(text)
elif words[:3] == ["argo", "rollouts", "abort"]:
    path = folder / "rollout-helper"
    path.write_text(json.dumps({{**json.loads(path.read_text()), "status": {{"abort": True}}}}))
elif words[:3] == ["argo", "rollouts", "status"]:
    verdict = (folder / "verdict").read_text()
    if verdict:
        sys.exit(verdict)
"""


@pytest.fixture
def cluster(deployed: Deployed, tmp_path: Path) -> Path:
    """The folder of a stand-in for the cluster; kustomize is the real one."""
    real = shutil.which("kubectl")
    if real is None:
        pytest.skip("kubectl is not installed")
    overlay = deployed.house.agent / "deploy/kubernetes/overlays/production"
    overlay.mkdir(parents=True)
    (overlay / "rollout.yaml").write_text(ROLLOUT)
    (overlay / "kustomization.yaml").write_text("resources: [rollout.yaml]\n")
    config = deployed.house.root / "mlws.toml"
    text = config.read_text().replace('target = "process"', 'registry = "ghcr.io/acme"')
    text = text.replace("[deploy.production]", '[deploy.production]\ncontext = "prod"')
    config.write_text(text)
    deployed.house.commit("1.0.1")
    folder, programs = tmp_path / "cluster", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (folder / "verdict").write_text("")
    script = programs / "kubectl"
    script.write_text(KUBECTL.format(python=sys.executable, folder=str(folder), real=real))
    script.chmod(0o755)
    deployed.first.append(programs)
    return folder


def calls(cluster: Path, *first: str) -> list[list[str]]:
    lines = map(json.loads, (cluster / "calls.jsonl").read_text().splitlines())
    return [words for words in lines if tuple(words[: len(first)]) == first]


def test_the_overlay_is_applied_with_the_image_of_the_version_and_followed(
    deployed: Deployed, cluster: Path
) -> None:
    deployed.mlws("deploy", "helper", *TO_CLUSTER)

    applied = json.loads((cluster / "rollout-helper").read_text())["spec"]
    assert "image: ghcr.io/acme/helper:1.0.1" in applied
    assert "image: helper-side:1" in applied
    (followed,) = calls(cluster, "argo", "rollouts")[1:2]
    assert followed[:2] == ["argo", "rollouts"]
    assert "prod" in followed
    journal = json.loads((cluster / "configmap-helper-deployment").read_text())["data"]["journal"]
    assert json.loads(journal)["stable"]["version"] == "1.0.1"
    assert deployed.house.records()[-1]["result"] == "done"


def test_a_rollout_that_degrades_is_aborted_and_set_back(deployed: Deployed, cluster: Path) -> None:
    deployed.mlws("deploy", "helper", *TO_CLUSTER)
    deployed.house.commit("1.1.0")
    (cluster / "verdict").write_text("Degraded - RolloutAborted: metric errors failed")

    deployed.mlws("deploy", "helper", *TO_CLUSTER, status=1)

    assert "metric errors failed" in str(deployed.house.records()[-1]["reason"])
    said = [" ".join(words) for words in calls(cluster, "argo", "rollouts")]
    assert any("abort" in words for words in said)
    assert any("undo" in words for words in said)


def test_a_cluster_that_nobody_named_or_nobody_knows_is_refused(
    deployed: Deployed, cluster: Path
) -> None:
    config = deployed.house.root / "mlws.toml"
    config.write_text(config.read_text().replace('context = "prod"', 'context = "other"'))
    said = deployed.errors("deploy", "helper", *TO_CLUSTER, "--dry-run", status=2)
    assert "kubectl knows no context 'other'" in said

    config.write_text(config.read_text().replace('context = "other"', ""))
    said = deployed.errors("deploy", "helper", *TO_CLUSTER, "--dry-run", status=2)
    assert "[deploy.production] of mlws.toml names no context" in said
    assert not (cluster / "rollout-helper").exists()
