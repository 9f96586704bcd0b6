"""The Kubernetes objects of one run: a Job, and the code it runs, as plain data."""

from __future__ import annotations

import base64
import io
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments.backends import Task

# Kubernetes keeps no ConfigMap above 1 MiB; base64 needs a third more than the bytes.
MOST_CODE_BYTES = 700_000
GPU = "nvidia.com/gpu"
_LEFT_OUT = (".git", ".venv", "outputs", "mlruns", "mlartifacts", "__pycache__")
PRODUCT = "nvidia.com/gpu.product"
_QUEUE = "kueue.x-k8s.io/queue-name"
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the cluster for one run. `memory` is Kubernetes' own word, as in 16Gi."""

    image: str
    gpus: int = 0
    gpu: str = ""  # which: the nodes' label nvidia.com/gpu.product
    memory: str = ""
    cpus: str = ""
    seconds: int = 0  # limit; 0: none
    queue: str = ""


def name_of(run_id: str) -> str:
    """Name of the run's objects; a DNS label."""
    return f"mlws-{run_id[:32].lower()}"


def objects(task: Task, asked: Request) -> list[dict[str, Any]]:
    """The Job and its ConfigMap, as restricted as Pod Security knows it."""
    name = name_of(task.run_id)
    labels = {"app.kubernetes.io/managed-by": "mlws", "mlws/run": task.run_id[:63]}
    if asked.queue:
        labels[_QUEUE] = asked.queue
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels},
        "binaryData": {"code.tar.gz": packed(task)},
    }
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        # A finished Job stays for a week, for its logs; then it goes by itself.
        "ttlSecondsAfterFinished": 7 * 24 * _HOUR,
        "template": {"metadata": {"labels": labels}, "spec": _pod(task, asked, name)},
    }
    if asked.queue:
        spec["suspend"] = True  # Kueue lets it start
    if asked.seconds:
        spec["activeDeadlineSeconds"] = asked.seconds
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {"mlws/command": shlex.join(task.bare)},
        },
        "spec": spec,
    }
    return [code, job]


def packed(task: Task) -> str:
    """The experiment's folder, `shared` and `mlws.toml` of the run's work tree, as base64.

    Raises UsageError when that is too large to travel with the job.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in (task.folder, task.tree / "shared", task.tree / "mlws.toml"):
            if path.exists():
                archive.add(path, path.relative_to(task.tree), filter=_wanted)
    if len(buffer.getvalue()) > MOST_CODE_BYTES:
        raise UsageError(
            f"the code of the experiment is {len(buffer.getvalue()) / 1e6:.1f} MB packed, and"
            f" {MOST_CODE_BYTES / 1e6:.1f} MB can travel with a job",
            "keep data out of the experiment's folder: mlws data add",
        )
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if any(part in _LEFT_OUT for part in Path(entry.name).parts):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _pod(task: Task, asked: Request, name: str) -> dict[str, Any]:
    folder = task.folder.relative_to(task.tree).as_posix()
    unpack = (
        "tar -xzf /mlws/code.tar.gz -C /code"
        f" && cd {shlex.quote(f'/code/{folder}')} && exec {shlex.join(task.bare)}"
    )
    limits: dict[str, Any] = {}
    if asked.gpus:
        limits[GPU] = asked.gpus
    if asked.memory:
        limits["memory"] = asked.memory
    requests = {**limits, **({"cpu": asked.cpus} if asked.cpus else {})}
    container = {
        "name": "run",
        "image": asked.image,
        "command": ["/bin/sh", "-c", unpack],
        "env": [{"name": key, "value": value} for key, value in _environment(task).items()],
        "resources": {"limits": limits, "requests": requests},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "code", "mountPath": "/mlws", "readOnly": True},
            {"name": "tree", "mountPath": "/code"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
    }
    return {
        "restartPolicy": "Never",
        **({"nodeSelector": {PRODUCT: asked.gpu}} if asked.gpu else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "code", "configMap": {"name": name}},
            {"name": "tree", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _environment(task: Task) -> Mapping[str, str]:
    """What MLflow in the pod needs, and no path of this machine."""
    own = {key: value for key, value in task.environment.items() if key.startswith("MLFLOW_")}
    return {**own, "PYTHONPATH": "/code/shared/tools/src", "HOME": "/tmp"}  # noqa: S108
