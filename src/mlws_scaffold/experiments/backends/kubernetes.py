"""Kubernetes: one Job for each run, applied and read back by kubectl."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mlws_scaffold.adapters import process
from mlws_scaffold.errors import Unavailable, UsageError
from mlws_scaffold.experiments.backends import Situation, Task, Terms, Ticket, Used, manifest
from mlws_scaffold.experiments.backends.slurm import minutes
from mlws_scaffold.workspace.config import Workspace

_SECONDS = 60.0
_KNOWN = ("image", "gpus", "gpu", "memory", "cpus", "time", "queue")


class Kubernetes:
    """`[compute.kubernetes]` and --ask say where and with what.

    A pod sees none of our files: the run's code travels with it, and its results go to the tracking
    server.
    """

    def __init__(self, place: Workspace) -> None:
        self._place = place

    def submit(self, tasks: Sequence[Task], terms: Terms) -> tuple[Ticket, ...]:
        self._has_tracking_server()
        text = self.plan(tasks, terms)
        with tempfile.TemporaryDirectory(prefix="mlws-job-") as scratch:
            path = Path(scratch) / "job.yaml"
            path.write_text(text, encoding="utf-8")
            done = self._kubectl("apply", "--filename", str(path))
        if done.status:
            raise Unavailable(
                f"kubectl did not apply the job: {done.said}", "see [compute.kubernetes]"
            )
        return tuple(Ticket(manifest.name_of(task.run_id), task.log) for task in tasks)

    def plan(self, tasks: Sequence[Task], terms: Terms) -> str:
        asked = request(self._place, terms)
        listed = [each for task in tasks for each in manifest.objects(task, asked)]
        return yaml.safe_dump_all(listed, sort_keys=False)

    def state(self, ticket: Ticket) -> Situation:
        done = self._kubectl("get", "job", ticket.job, "--output", "json")
        if done.status:
            if "NotFound" in done.errors:
                return Situation("unknown", "the cluster has no such job")
            raise Unavailable(f"kubectl does not answer: {done.said}")
        try:
            return situation(json.loads(done.output))
        except ValueError:
            raise Unavailable("kubectl answers with something else than JSON") from None

    def logs(self, ticket: Ticket, skip: int) -> bytes:
        # kubectl counts lines from the end or seconds, never bytes: what was read is left out here.
        done = self._kubectl("logs", f"job/{ticket.job}", "--ignore-errors")
        return b"" if done.status else done.output.encode()[skip:]

    def cancel(self, ticket: Ticket) -> None:
        done = self._kubectl(
            "delete", f"job/{ticket.job}", f"configmap/{ticket.job}",
            "--ignore-not-found", "--wait=false",
        )  # fmt: skip
        if done.status:
            raise Unavailable(f"kubectl did not delete {ticket.job}: {done.said}")

    def _kubectl(self, *arguments: str) -> process.Finished:
        table = self._place.config.compute.kubernetes
        where = [
            *(("--context", table.context) if table.context else ()),
            *(("--namespace", table.namespace) if table.namespace else ()),
        ]
        return process.run(["kubectl", *where, *arguments], Path("/"), timeout=_SECONDS)

    def _has_tracking_server(self) -> None:
        uri = self._place.config.tracking.uri
        if not uri.startswith(("http://", "https://")):
            raise UsageError(
                f"a pod cannot write to the tracking store {uri}",
                "name a tracking server in [tracking] uri: http://…",
            )


def request(place: Workspace, terms: Terms) -> manifest.Request:
    """What is asked for. Raises UsageError for what cannot be."""
    table = place.config.compute.kubernetes
    asked = {"image": table.image, "queue": table.queue, **terms.asks}
    for key in asked:
        if key not in _KNOWN:
            raise UsageError(f"--ask: Kubernetes has no {key!r}", f"known: {', '.join(_KNOWN)}")
    if not asked["image"]:
        raise UsageError(
            "no image to run in", "write image in [compute.kubernetes], or --ask image=…"
        )
    if not asked.get("gpus", "0").isdigit():
        raise UsageError(f"--ask: gpus={asked['gpus']} is no number")
    return manifest.Request(
        image=asked["image"],
        gpus=int(asked.get("gpus", "0")),
        gpu=asked.get("gpu", ""),
        memory=asked.get("memory", ""),
        cpus=asked.get("cpus", ""),
        seconds=minutes(asked["time"]) * 60 if asked.get("time") else 0,
        queue=asked["queue"],
    )


def situation(job: Mapping[str, Any]) -> Situation:
    """What the status of a Job means."""
    status = job.get("status", {})
    conditions = {
        str(one.get("type")): str(one.get("reason", ""))
        for one in status.get("conditions", ())
        if one.get("status") == "True"
    }
    if "Complete" in conditions:
        return Situation("finished", "Complete", _used(job))
    if "Failed" in conditions:
        return Situation("failed", f"Failed {conditions['Failed']}".strip(), _used(job))
    if "Suspended" in conditions:
        return Situation("waiting", "Suspended")
    return Situation("running" if status.get("ready") else "waiting")


def _used(job: Mapping[str, Any]) -> Used | None:
    """The GPUs of a Job that is over, from its start to its end; None before a pod started."""
    status = job.get("status", {})
    ends = [
        status.get("completionTime"),
        *(one.get("lastTransitionTime") for one in status.get("conditions", ())),
    ]
    began, ended = status.get("startTime"), next((one for one in ends if one), None)
    if not began or not ended:
        return None
    pod = job.get("spec", {}).get("template", {}).get("spec", {})
    limits = [
        one.get("resources", {}).get("limits", {}).get(manifest.GPU, 0)
        for one in pod.get("containers", ())
    ]
    model = str(pod.get("nodeSelector", {}).get(manifest.PRODUCT, ""))
    return Used(_instant(began), _instant(ended), sum(map(int, limits)), model)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
