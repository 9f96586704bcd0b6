"""Slurm: jobs go in through submitit; their states come from whichever of its commands knows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import Unavailable, UsageError
from mlws_scaffold.experiments.backends import Situation, Task, Terms, Ticket, Word, tail
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace

_SECONDS = 30.0
_WORDS: Mapping[str, Word] = {
    "PENDING": "waiting",
    "REQUEUED": "waiting",
    "REQUEUE_HOLD": "waiting",
    "SPECIAL_EXIT": "waiting",
    "PREEMPTED": "waiting",
    "CONFIGURING": "running",
    "RUNNING": "running",
    "SUSPENDED": "running",
    "STOPPED": "running",
    "RESIZING": "running",
    "SIGNALING": "running",
    "STAGE_OUT": "running",
    "COMPLETING": "running",
    "COMPLETED": "finished",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
    "TIMEOUT": "failed",
    "DEADLINE": "failed",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "BOOT_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
}
# The keys that have a word of their own in submitit; all others go to sbatch as they are.
_PLAIN = ("partition", "account", "gres", "qos", "constraint", "nodelist", "exclude")
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$")


class Slurm:
    """`[compute.slurm]` and --ask say with what; the folder of our state must be a shared one."""

    def __init__(self, place: Workspace) -> None:
        self._place = place

    def submit(self, tasks: Sequence[Task], terms: Terms) -> tuple[Ticket, ...]:
        executor, function = self._executor(tasks, terms)
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            with executor.batch():
                jobs = [
                    executor.submit(function(list(task.command), cwd=str(task.tree), verbose=False))
                    for task in tasks
                ]
            return tuple(
                Ticket(str(job.job_id), task.log) for job, task in zip(jobs, tasks, strict=True)
            )
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            said = [line for line in str(error).splitlines() if line.strip()] or [""]
            raise Unavailable(
                f"Slurm did not take the job: {_reason(said)}", "see [compute.slurm] and --ask"
            ) from None

    def plan(self, tasks: Sequence[Task], terms: Terms) -> str:
        asked = parameters(self._place, terms)
        extra = asked.pop("additional_parameters")
        flags = "".join(
            f"#SBATCH --{key}={value}\n" for key, value in sorted({**asked, **extra}.items())
        )
        return flags + "".join(f"{' '.join(task.command)}\n" for task in tasks)

    def state(self, ticket: Ticket) -> Situation:
        for ask in (_by_squeue, _by_scontrol, _by_sacct):
            found = ask(ticket.job)
            if found is not None:
                return found
        return Situation("unknown", "Slurm does not know the job any more")

    def logs(self, ticket: Ticket, skip: int) -> bytes:
        return tail(ticket.log, skip)

    def cancel(self, ticket: Ticket) -> None:
        done = _run(["scancel", ticket.job])
        if done.status and "nvalid job id" not in done.said:
            raise Unavailable(f"scancel {ticket.job}: {done.said}")

    def _executor(self, tasks: Sequence[Task], terms: Terms) -> tuple[Any, Any]:
        try:
            from submitit import SlurmExecutor
            from submitit.helpers import CommandFunction
        except ImportError:
            raise Unavailable(
                "jobs for Slurm need submitit", "pip install 'mlws-scaffold[slurm]'"
            ) from None
        if process.find("sbatch") is None or process.find("srun") is None:
            raise Unavailable(
                "no sbatch on PATH: this machine hands no jobs to Slurm", "log in to its login node"
            )
        folder = state.folder(self._place.root) / "slurm" / (terms.name or tasks[0].run_id)
        folder.mkdir(parents=True, exist_ok=True)
        executor = SlurmExecutor(folder=folder, max_num_timeout=0)
        executor.update_parameters(**parameters(self._place, terms))
        return executor, CommandFunction


def parameters(place: Workspace, terms: Terms) -> dict[str, Any]:
    """What submitit is given. Raises UsageError for a time that Slurm would not understand."""
    table = place.config.compute.slurm
    own = {key: str(getattr(table, key)) for key in ("partition", "account", "time", "memory")}
    asked = {**own, "gres": table.gres, **table.extra, **terms.asks}
    asked = {key.replace("_", "-"): value for key, value in asked.items() if value}
    if gpus := asked.pop("gpus", ""):
        asked["gres"] = f"gpu:{gpus}"
    found: dict[str, Any] = {key: asked.pop(key) for key in _PLAIN if key in asked}
    if limit := asked.pop("time", ""):
        found["time"] = minutes(limit)
    if memory := asked.pop("memory", ""):
        asked["mem"] = memory
    if terms.parallel:
        found["array_parallelism"] = terms.parallel
    # submitit asks with USR2 before the limit, which ends a process that does not know it. Slurm's
    # own SIGTERM at the limit is what a run understands.
    fixed = {"requeue": True, "signal": "CONT@1", "comment": f"mlws:{terms.name}"}
    return {
        **found,
        "job_name": f"mlws-{terms.name[:8]}",
        "additional_parameters": {**fixed, **asked},
    }


def minutes(text: str) -> int:
    """Slurm's time limits: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:…].

    Also 90m, 4h and 2d. Rounded up.
    """
    if short := re.fullmatch(r"(\d+)([mhd])", text):
        return int(short[1]) * {"m": 1, "h": 60, "d": 1440}[short[2]]
    found = _TIME.match(text)
    if found is None:
        raise UsageError(f"time: {text!r} is no time limit of Slurm", "write 4:00:00, 90m or 1-12")
    days, *parts = (int(part) if part else 0 for part in found.groups())
    if found[1]:
        hours, mins, seconds = parts
    elif found[4] is None:
        hours, (mins, seconds) = 0, parts[:2]
    else:
        hours, mins, seconds = parts
    return days * 1440 + hours * 60 + mins + (seconds > 0)


def restarts(job: str) -> int:
    """How often Slurm has put the job back into the queue, so far; 0 when it does not say."""
    found = re.search(r"\bRestarts=(\d+)", _shown(job))
    return int(found[1]) if found else 0


def own_job() -> str:
    """Id of the job that this process belongs to; empty outside of Slurm."""
    return os.environ.get("SLURM_JOB_ID", "")


def gpus_of(job: str) -> int | None:
    """How many GPUs Slurm has given to a job; None when it does not say."""
    found = re.search(r"\bTRES=\S*?gres/gpu(?::\w+)?=(\d+)", _shown(job))
    if found is None and (listed := os.environ.get("SLURM_JOB_GPUS")):
        return len(listed.split(","))
    return int(found[1]) if found else None


def _by_squeue(job: str) -> Situation | None:
    done = _run(["squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T|%r"])
    if done.status and "nvalid job id" not in done.said:
        raise Unavailable(f"Slurm does not answer: {done.said}", "see sinfo")
    lines = [line for line in done.output.splitlines() if "|" in line]
    if done.status or not lines:
        return None
    word, _, reason = lines[0].strip().partition("|")
    return _situation(word, "" if reason == "None" else reason)


def _by_scontrol(job: str) -> Situation | None:
    found = re.search(r"\bJobState=(\w+)", _shown(job))
    return _situation(found[1]) if found else None


def _by_sacct(job: str) -> Situation | None:
    # Without an accounting database sacct fails or says nothing; then it does not count.
    if process.find("sacct") is None:
        return None
    done = _run(["sacct", "-X", "-P", "-n", "-j", job, "--format=State"])
    lines = done.output.split()
    return _situation(lines[0]) if not done.status and lines else None


def _situation(word: str, reason: str = "") -> Situation:
    return Situation(_WORDS.get(word.rstrip("+"), "unknown"), f"{word} {reason}".strip())


def _shown(job: str) -> str:
    done = _run(["scontrol", "--oneliner", "show", "job", job])
    return "" if done.status else done.output


def _run(command: list[str]) -> process.Finished:
    return process.run(command, Path("/"), timeout=_SECONDS)


def _reason(said: Sequence[str]) -> str:
    """The line that sbatch wrote, out of what submitit says about it."""
    errors = [line.strip() for line in said if "error:" in line]
    return (errors or [said[-1].strip()])[-1]
