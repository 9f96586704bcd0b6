"""Runs as Kubernetes Jobs: the manifest by the API's own schema, and what kubectl says of it."""

from __future__ import annotations

import base64
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlws_scaffold.errors import Unavailable, UsageError
from mlws_scaffold.experiments.backends import Task, Terms, manifest
from mlws_scaffold.experiments.backends.kubernetes import Kubernetes, situation
from mlws_scaffold.workspace import config
from tests.support import fake_kubectl, tiny_workspace
from tests.support.fake_kubectl import FakeKubectl
from tests.support.template_repo import write

CONFIG = """\
[compute.kubernetes]
context = "lab"
namespace = "research"
image = "registry.example.org/lab@sha256:0"
queue = "gpus"
"""
FOLDER = "experiments/active/ann/first"
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tiny_workspace.make(tmp_path / "ws", config=CONFIG)
    files = {"train.py": "print(1)\n", "outputs/old.npz": "x", "src/pack/a.py": "a = 1\n"}
    write(made, {f"{FOLDER}/{name}": text for name, text in files.items()})
    write(made, {"shared/tools/src/shared_tools/__init__.py": ""})
    return made


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKubectl:
    made = fake_kubectl.make(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    return made


def _task(root: Path, *words: str) -> Task:
    return Task(
        RUN, ("supervise",), root / FOLDER, root, root / "log", ("python", "train.py", *words),
        {"MLFLOW_RUN_ID": RUN, "MLFLOW_TRACKING_URI": "http://t", "PATH": "/home/ann/bin"},
    )  # fmt: skip


def _planned(root: Path, **asks: str) -> list[dict[str, Any]]:
    text = Kubernetes(config.load(root)).plan([_task(root, "--set", "a=it's")], Terms("t", asks))
    return list(yaml.safe_load_all(text))


def test_the_manifest_is_one_that_the_api_knows_and_that_restricted_lets_in(root: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    objects = _planned(root, gpus="2", memory="16Gi", cpus="4", time="4h")
    for version in ("1.28", "1.33"):
        for each in objects:
            validate(each, version, strict=True)
    code, job = objects
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 2, "memory": "16Gi"}
    assert job["spec"]["activeDeadlineSeconds"] == 4 * 3600
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert job["spec"]["suspend"] is True
    # The rules of Pod Security's restricted profile.
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {tuple(volume)[1] for volume in pod["volumes"]} <= {"configMap", "emptyDir"}
    named = [volume["name"] for volume in pod["volumes"]]
    assert sorted(named) == sorted({mount["name"] for mount in container["volumeMounts"]})
    assert "PATH" not in {one["name"] for one in container["env"]}
    assert code["metadata"]["name"] == job["metadata"]["name"]


def test_the_code_that_travels_is_that_of_the_work_tree_and_runs_where_it_lies(root: Path) -> None:
    code, job = _planned(root)
    packed = base64.b64decode(code["binaryData"]["code.tar.gz"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = [entry.name for entry in archive if entry.isfile()]
    assert f"{FOLDER}/train.py" in names
    assert f"{FOLDER}/src/pack/a.py" in names
    assert "mlws.toml" in names
    assert not [name for name in names if "outputs" in name]
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["command"][2].endswith(
        f"cd /code/{FOLDER} && exec python train.py --set 'a=it'\"'\"'s'"
    )


def test_code_that_is_too_large_is_refused_with_its_size(root: Path) -> None:
    (root / FOLDER / "data.bin").write_bytes(os.urandom(manifest.MOST_CODE_BYTES + 1))
    with pytest.raises(UsageError, match=r"0\.7 MB packed"):
        _planned(root)


@pytest.mark.parametrize(
    ("asks", "words"),
    [({"partition": "x"}, "has no 'partition'"), ({"gpus": "two"}, "no number"),
     ({"time": "soon"}, "no time limit")],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_named(root: Path, asks: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _planned(root, **asks)


def test_a_run_is_applied_watched_read_and_deleted(root: Path, kubectl: FakeKubectl) -> None:
    path = root / "mlws.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "http://tracking:5000"))
    backend = Kubernetes(config.load(root))
    [ticket] = backend.submit([_task(root)], Terms("t"))
    assert [each["kind"] for each in kubectl.applied()] == ["ConfigMap", "Job"]
    assert kubectl.calls()[0][:5] == ["--context", "lab", "--namespace", "research", "apply"]
    assert backend.state(ticket).word == "unknown"
    kubectl.status(ready=1)
    assert backend.state(ticket).word == "running"
    kubectl.logs("one\ntwo\n")
    assert backend.logs(ticket, 4) == b"two\n"
    kubectl.status(conditions=[{"type": "Complete", "status": "True"}])
    assert backend.state(ticket).word == "finished"
    backend.cancel(ticket)
    assert backend.state(ticket).word == "unknown"
    (kubectl.folder / "away").touch()
    with pytest.raises(Unavailable, match="could not be reached"):
        backend.state(ticket)


def test_a_pod_cannot_write_to_a_file_of_this_machine(root: Path, kubectl: FakeKubectl) -> None:
    path = root / "mlws.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "sqlite:///mlflow.db"))
    with pytest.raises(UsageError, match="cannot write to the tracking store"):
        Kubernetes(config.load(root)).submit([_task(root)], Terms("t"))
    assert not (kubectl.folder / "calls.jsonl").exists()


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({}, "waiting"),
        ({"active": 1}, "waiting"),
        ({"active": 1, "ready": 1}, "running"),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, "waiting"),
        ({"conditions": [{"type": "Suspended", "status": "False"}], "ready": 1}, "running"),
        ({"conditions": [{"type": "Failed", "status": "True", "reason": "X"}]}, "failed"),
    ],
)
def test_the_status_of_a_job_is_understood(status: dict[str, Any], word: str) -> None:
    assert situation({"status": status}).word == word


def test_what_a_job_used_is_read_from_its_start_to_its_end() -> None:
    limits = {"resources": {"limits": {"nvidia.com/gpu": 2}}}
    pod = {"nodeSelector": {"nvidia.com/gpu.product": "H200"}, "containers": [limits]}
    done = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-01T11:30:00Z"}
    status = {"startTime": "2026-11-01T10:00:00Z", "conditions": [done]}
    used = situation({"spec": {"template": {"spec": pod}}, "status": status}).used
    assert used is not None
    assert (used.ended - used.began, used.gpus, used.model) == (5400.0, 2, "H200")
    assert situation({"status": {"conditions": [done]}}).used is None
