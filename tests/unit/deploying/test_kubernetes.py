"""The target `kubernetes`: the overlay that is rendered, applied and followed; no cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.support import cluster as clusters
from tests.support import rendering
from tests.support.cluster import Cluster
from tests.support.deployed import Deployed

KUBECTL = shutil.which("kubectl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
]

PLACE = """\
[deploy]
target = "kubernetes"
registry = "ghcr.io/acme"
[deploy.staging]
context = "lab"
[deploy.production]
context = "lab"
namespace = "agents"
"""
DOCKER = """\
#!/bin/sh
# The registry has an image for each tag; its digest tells which.
for word; do case $word in ghcr.io/*) tag=${word##*:} ;; esac; done
[ "$tag" = 9.9.9 ] && { echo "not found" >&2; exit 1; }
echo "sha256:$tag"
"""


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deploy/kubernetes of an agent that is called as the one below."""
    answers = {"agent_name": "helper", "agent_deployment": "kubernetes"}
    folder = rendering.render("agent", answers, tmp_path_factory.mktemp("agent") / "helper")
    return folder / "deploy/kubernetes"


@pytest.fixture
def cluster(deployed: Deployed, manifests: Path, tmp_path: Path) -> Cluster:
    """A cluster that the workspace names and that has nothing yet."""
    shutil.copytree(manifests, deployed.house.agent / "deploy/kubernetes")
    config = deployed.house.root / "mlws.toml"
    head, _, rest = config.read_text().partition("[deploy]")
    config.write_text(head + PLACE + rest[rest.index("[tracking]") :])
    programs = tmp_path / "programs"
    made = clusters.install(tmp_path / "cluster", programs, str(KUBECTL))
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    deployed.first.append(programs)
    deployed.house.commit("1.0.0")
    return made


def test_a_version_is_applied_by_its_digest_after_its_model(
    deployed: Deployed, cluster: Cluster
) -> None:
    deployed.mlws("deploy", "helper")

    applied = [one for one in cluster.kinds() if not one.startswith("configmap/helper-deployment")]
    assert applied[-1] == "rollout/helper-agent"
    assert applied.index("job/helper-model") < applied.index("rollout/helper-agent")
    assert cluster.image == "ghcr.io/acme/helper@sha256:1.0.0"
    model = cluster.read("objects")["configmap/helper-model"]["data"]
    assert model == {"name": "base", "base": "m:1"}
    assert ["argo", "rollouts", "status", "helper-agent", "--timeout=5400s"] in cluster.calls()
    (record,) = deployed.house.records()
    assert (record["result"], record["digest"]) == ("done", "sha256:1.0.0")


def test_a_version_that_the_rollout_takes_back_is_undone_and_said(
    deployed: Deployed, cluster: Cluster
) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    cluster.write("bad", {"1.1.0": True})

    said = deployed.mlws("deploy", "helper", status=1)

    assert "taken back, 1.0.0 serves production as before" in said
    assert "metric error-ratio assessed Failed" in said
    assert cluster.image.endswith(":1.0.0")
    assert deployed.house.records()[-1]["result"] == "aborted"


def test_a_rollback_applies_the_version_before(deployed: Deployed, cluster: Cluster) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    deployed.mlws("deploy", "helper")
    assert cluster.image.endswith(":1.1.0")

    deployed.mlws("rollback", "helper", "--reason", "wrong doses")

    assert cluster.image == "ghcr.io/acme/helper@sha256:1.0.0"
    assert [one["action"] for one in deployed.house.records()] == ["deploy", "deploy", "rollback"]


def test_a_model_that_cannot_be_made_leaves_the_agent_alone(
    deployed: Deployed, cluster: Cluster
) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.2.0")
    (cluster.folder / "no-model").touch()

    said = deployed.mlws("deploy", "helper", status=1)

    assert "the model was not made: pull model manifest" in said
    assert cluster.image.endswith(":1.1.0")
    undone = [call for call in cluster.calls() if call[0] == "patch" or "abort" in call]
    assert not undone, "what was not applied is not undone: that would go back one too far"


def test_the_first_version_that_fails_leaves_nothing(deployed: Deployed, cluster: Cluster) -> None:
    cluster.write("bad", {"1.0.0": True})

    assert "nothing serves production" in deployed.mlws("deploy", "helper", status=1)

    assert "rollout/helper-agent" not in cluster.read("objects")


@pytest.mark.parametrize(
    ("act", "how"),
    [(2, "--resume"), (8, "--abort"), (11, "--resume"), (13, "--abort"), (16, "--abort")],
)
def test_a_killed_deployer_is_followed_by_one_that_ends_it(
    deployed: Deployed, cluster: Cluster, act: int, how: str
) -> None:
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.1.0")
    cluster.write("die", {"left": act})
    deployed.mlws("deploy", "helper", status=-9)
    assert cluster.read("die")["died"]

    deployed.mlws("deploy", "helper", how)

    resumed = how == "--resume"
    assert cluster.image.endswith(":1.1.0" if resumed else ":1.0.0")
    record = deployed.house.records()[-1]
    assert (record["version"], record["result"]) == ("1.1.0", "done" if resumed else "aborted")
    status = json.loads(deployed.mlws("status", "helper", "--json"))
    assert not any(one["under_way"] for one in status)


def test_a_plain_deployment_is_followed_and_undone(deployed: Deployed, cluster: Cluster) -> None:
    overlay = deployed.house.agent / "deploy/kubernetes/overlays/production/kustomization.yaml"
    overlay.write_text(
        overlay.read_text().replace("# - ../../components/d", "- ../../components/d")
    )
    deployed.house.commit("1.1.0")
    deployed.mlws("deploy", "helper")
    deployed.house.commit("1.2.0")
    cluster.write("bad", {"1.2.0": True})

    deployed.mlws("deploy", "helper", status=1)

    assert cluster.image.endswith(":1.1.0")
    assert not [call for call in cluster.calls() if call[0] == "argo"]
    assert ["patch", "deployment", "helper-agent"] in [call[:3] for call in cluster.calls()]


def test_a_dry_run_prints_what_would_be_applied_and_applies_nothing(
    deployed: Deployed, cluster: Cluster
) -> None:
    plan = json.loads(deployed.mlws("deploy", "helper", "--dry-run", "--json"))

    objects = {one["kind"]: one for one in yaml.safe_load_all(plan["manifests"])}
    (container,) = objects["Rollout"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "ghcr.io/acme/helper:1.0.0"
    assert not cluster.kinds()
    assert "kind: Rollout" in deployed.mlws("deploy", "helper", "--dry-run")


def test_steps_that_the_rollout_does_not_have_are_refused(
    deployed: Deployed, cluster: Cluster
) -> None:
    said = deployed.errors("deploy", "helper", "--steps", "50,100", status=2)
    assert "its Rollout has steps of its own" in said

    config = deployed.house.root / "mlws.toml"
    config.write_text(config.read_text().replace("[deploy]\n", "[deploy]\nsteps = [20, 100]\n"))
    deployed.house.commit("1.1.0")
    said = deployed.errors("deploy", "helper", "--dry-run", status=1)
    assert "the Rollout has the steps 10, 50, 100, [deploy] steps of mlws.toml are 20, 100" in said
    assert not cluster.kinds()


def test_an_image_that_the_registry_lacks_is_not_deployed(
    deployed: Deployed, cluster: Cluster
) -> None:
    deployed.house.commit("9.9.9")

    assert "9.9.9 is not in the registry" in deployed.errors("deploy", "helper", status=1)
    assert not cluster.kinds()


def test_thresholds_are_what_agent_yaml_promises(deployed: Deployed, cluster: Cluster) -> None:
    path = deployed.house.agent / "agent.yaml"
    path.write_text(path.read_text() + "slo: {error_rate: 0.002}\n")
    deployed.house.commit("1.1.0")
    deployed.mlws("deploy", "helper")

    templates = [
        one for key, one in cluster.read("objects").items() if key.startswith("analysistemplate/")
    ]
    given = {
        one["name"]: one["value"]
        for template in templates
        for one in template["spec"]["args"]
        if "value" in one
    }
    assert given["most-errors"] == "0.004"
    assert given["far-too-many"] == "0.01"
    assert given["least"] == "50"


def test_a_cluster_that_nobody_named_or_nobody_knows_is_refused(
    deployed: Deployed, cluster: Cluster
) -> None:
    config = deployed.house.root / "mlws.toml"
    text = config.read_text()
    config.write_text(text.replace('context = "lab"', 'context = "other"'))
    said = deployed.errors("deploy", "helper", "--dry-run", status=2)
    assert "kubectl knows no context 'other'" in said

    config.write_text(text.replace('context = "lab"', ""))
    said = deployed.errors("deploy", "helper", "--dry-run", status=2)
    assert "[deploy.production] of mlws.toml names no context" in said
    assert not cluster.kinds()
