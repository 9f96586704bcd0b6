"""A real Slurm of the machine's own packages: one node with two GPUs that are only device files."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GPUS = 2
_CONFIG = """\
ClusterName=mlws
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}/socket,cred_expire=5
CryptoType=crypto/munge
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=20
SchedulerParameters=batch_sched_delay=1,sched_min_interval=100000,bf_interval=1
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1500 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=normal Nodes=localhost Default=YES MaxTime=60 PriorityTier=1 OverSubscribe=FORCE:8
PartitionName=urgent Nodes=localhost MaxTime=60 PriorityTier=9 OverSubscribe=FORCE:8
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster. Its commands find it by SLURM_CONF."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout


def missing() -> str:
    """Why there can be no cluster here; empty when there can."""
    needed = ("slurmctld", "slurmd", "munged", "sbatch")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    absent = [name for name in needed if shutil.which(name, path=path) is None]
    if absent:
        return f"no Slurm: {', '.join(absent)} not installed (apt: slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "a Slurm of one's own needs root, for its device files"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Start munge and Slurm in `folder`, and end both with whatever still runs on them."""
    folder.mkdir(parents=True)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    # Not below pytest's folder, which every new session closes to other users.
    munge = Path(tempfile.mkdtemp(prefix="mlws-munge-"))
    _configure(folder, munge)
    cluster = Cluster(folder)
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_munge(munge, folder / "munged.log"))
        for program in (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", "localhost"]):
            started.append(_start(cluster, program))
        _wait(cluster)
        yield cluster
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            cluster.run("scancel", "--user=root", "--signal=KILL", "--full")
            cluster.run("scancel", "--user=root")
        for process in reversed(started):
            process.terminate()
        for process in reversed(started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(munge)


def _configure(folder: Path, munge: Path) -> None:
    for number in range(GPUS):
        # Plain files would count as GPUs too, but no job would be told which it got.
        os.mknod(folder / f"nvidia{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (folder / "gres.conf").write_text(
        f"AutoDetect=off\nName=gpu File={folder}/nvidia[0-{GPUS - 1}]\n"
    )
    text = _CONFIG.format(
        folder=folder,
        munge=munge,
        controller=_port(),
        daemon=_port(),
        cpus=os.cpu_count(),
        gpus=GPUS,
    )
    (folder / "slurm.conf").write_text(text)


def _munge(folder: Path, log_file: Path) -> subprocess.Popen[bytes]:
    """munged with a key of its own, as the user of its package, which it insists on."""
    key = folder / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    shutil.chown(key, "munge", "munge")
    shutil.chown(folder, "munge", "munge")
    folder.chmod(0o711)
    # A shared folder above it, such as /tmp, is one that munge would refuse.
    command = [
        "/usr/sbin/munged", "--foreground", "--force", "--num-threads=2",
        f"--key-file={key}", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
        f"--seed-file={folder}/seed",
    ]  # fmt: skip
    command = ["runuser", "-u", "munge", "--", *command]
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    end = time.monotonic() + 30
    while not (folder / "socket").exists():
        assert process.poll() is None, "munged ended"
        assert time.monotonic() < end, "munged did not start"
        time.sleep(0.05)
    return process


def _start(cluster: Cluster, program: list[str]) -> subprocess.Popen[bytes]:
    path = shutil.which(program[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert path is not None
    with (cluster.folder / f"{program[0]}.out").open("wb") as log:
        return subprocess.Popen(
            [path, *program[1:], "-f", str(cluster.folder / "slurm.conf")],
            env={**os.environ, **cluster.environment},
            stdout=log,
            stderr=log,
        )


def _wait(cluster: Cluster) -> None:
    end = time.monotonic() + 90
    while True:
        with contextlib.suppress(subprocess.SubprocessError):
            if cluster.run("sinfo", "--noheader", "--format=%T").split()[:1] == ["idle"]:
                return
        logs = [path.read_text(errors="replace")[-1500:] for path in cluster.folder.glob("*.log")]
        assert time.monotonic() < end, "Slurm did not become idle:\n" + "\n".join(logs)
        time.sleep(0.2)


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
