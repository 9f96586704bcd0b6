"""What the workspace talks to: Ollama, the tracking store, the GPU store, other compute."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import urlsplit

from mlws_scaffold.adapters import mlflow, ollama, process
from mlws_scaffold.checks.examinations.case import SETUP, Case, Finding, Findings, State
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models import hosts, registry
from mlws_scaffold.models.sync import plan

# Locks of SQLite do not hold there: two writers can destroy the file.
_NETWORK = re.compile(
    r"nfs4?|cifs|smb3|smbfs|afs|9p|lustre|beegfs|gpfs|ceph|glusterfs|orangefs|panfs|vboxsf"
    r"|fuse\.(sshfs|ceph|glusterfs|rclone|s3fs|juicefs)"
)


def models(case: Case) -> Findings:
    host = hosts.host_of(case.place, case.environment)
    try:
        version, held = ollama.version(host), ollama.held(host)
    except Unavailable as error:
        yield Finding("Ollama", "warning", error.message, error.cure)
        return
    yield Finding("Ollama", "ok", f"{version} at {host}")
    try:
        count = len(registry.load(case.place.layout).models)
        found = plan.make(case.place, host, held=held).summary
    except Unavailable as error:
        yield Finding("models", "unknown", error.message, error.cure)
    except MlwsError as error:
        yield Finding("models", "failure", error.message, "mend models/registry.yaml")
    else:
        if found is None:
            yield Finding("models", "ok", f"all {count} of the registry are on the server")
        else:
            state: State = "failure" if found.wrong else "warning"
            yield Finding("models", state, found.text, found.cure)


def tracking(case: Case) -> Findings:
    uri = case.config.tracking.uri
    found = mlflow.look(uri, case.root)
    if found.state == "ready":
        yield Finding("tracking store", "ok", found.detail)
    elif found.state in ("absent", "outdated"):
        yield Finding("tracking store", "warning", found.detail, "run mlws setup")
    elif found.state == "newer":
        yield Finding(
            "tracking store", "failure", found.detail, "bring the environment in step: uv sync"
        )
    elif found.state == "unknown":
        yield Finding("tracking store", "unknown", found.detail, SETUP)
    else:
        cure = "start the server, or correct [tracking] uri in mlws.toml"
        if mlflow.sqlite_file(uri, case.root):
            cure = "move the file away and run mlws setup, or restore it from a copy"
        yield Finding("tracking store", "failure", found.detail, cure)


def network_disks(case: Case) -> Findings:
    stores = {"tracking.uri": case.config.tracking.uri, "gpus.store": case.config.gpus.store}
    files = {
        key: path for key, uri in stores.items() if (path := mlflow.sqlite_file(uri, case.root))
    }
    if not files:
        return
    try:
        mounts = case.mounts.read_text("utf-8", "replace")
    except OSError:
        cure = "look with `mount` that no SQLite file lies on a network disk"
        yield Finding("SQLite files", "unknown", f"this system has no {case.mounts}", cure)
        return
    for key, path in files.items():
        kind = filesystem_of(path, mounts)
        if _NETWORK.fullmatch(kind):
            detail = f"{key}: {path} lies on a network disk ({kind}), where SQLite loses data"
            cure = f"move it to a local disk, or name a server in [{key.partition('.')[0]}]"
            yield Finding("SQLite files", "failure", detail, cure)
        else:
            yield Finding("SQLite files", "ok", f"{key}: on a local disk ({kind})")


def filesystem_of(path: Path, mounts: str) -> str:
    """Type of the file system that holds `path`, by the text of /proc/mounts."""
    best, kind = Path("/"), "unknown"
    whole = path.resolve()
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        # Blanks in a mount point are written as octal escapes.
        point = Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), fields[1]))
        # The last mount at a point covers the earlier ones.
        if whole.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, fields[2]
    return kind


def gpu_store(case: Case) -> Findings:
    url = case.config.gpus.store
    scheme = url.partition(":")[0]
    if scheme not in ("postgresql", "postgres"):
        yield Finding("GPU store", "ok", url or "SQLite on this host")
        return
    try:
        parts = urlsplit(url)
        where, secret = parts.hostname or "this host", parts.password or "\0"
    except ValueError as error:
        yield Finding("GPU store", "failure", f"no address: {error}", "correct [gpus] store")
        return
    try:
        import psycopg
    except ImportError:
        detail = f"PostgreSQL at {where}, and psycopg is not installed"
        yield Finding("GPU store", "failure", detail, "add the extra: mlws-scaffold[postgres]")
        return
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            number = connection.info.server_version
    except psycopg.Error as error:
        # The message may repeat the address, which may hold a password.
        said = str(error).strip().partition("\n")[0].replace(secret, "***")
        cure = "start the server, or correct [gpus] store"
        yield Finding(
            "GPU store", "failure", f"PostgreSQL at {where} does not answer: {said}", cure
        )
    else:
        yield Finding("GPU store", "ok", f"PostgreSQL {number // 10000} at {where}")


def compute(case: Case) -> Findings:
    kind = case.config.compute.default
    if kind == "slurm":
        if importlib.util.find_spec("submitit") is None:
            detail = "Slurm is the default, and submitit is not installed"
            yield Finding("compute", "failure", detail, "add the extra: mlws-scaffold[slurm]")
        elif process.find("sbatch") is None:
            detail = "Slurm is the default, and sbatch is not on PATH"
            yield Finding(
                "compute", "failure", detail, "work on a login node, or mlws run --on local"
            )
        else:
            yield Finding("compute", "ok", "Slurm: submitit and sbatch are there")
    elif kind == "kubernetes":
        cure = "kubectl cluster-info says whether the cluster answers"
        yield Finding("compute", "unknown", "Kubernetes is not examined by this version", cure)
    else:
        yield Finding("compute", "ok", "this machine")
