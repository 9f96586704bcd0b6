"""The target `kubernetes`: an Argo Rollout moves and judges the shares by itself; it is followed.

What is applied is the overlay deploy/kubernetes/overlays/<env> with the image of the version; its
model first. With components/deployment it is a plain Deployment, which replaces pod after pod. The
journal lies in a ConfigMap beside it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import children, files, process
from mlws_scaffold.adapters import manifests as documents
from mlws_scaffold.adapters.haproxy.runtime import Mark, ServerState
from mlws_scaffold.adapters.process import Finished
from mlws_scaffold.agents.targets import manifests, versions
from mlws_scaffold.agents.targets.manifests import Applied
from mlws_scaffold.agents.targets.target import Look, Release, Shares, Site, Wish
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace import state

OVERLAYS = "deploy/kubernetes/overlays"
_SECONDS = 120.0
_MISSING = "notfound"
# activeDeadlineSeconds of the Job that makes the model, and a little for its pod to be placed.
_MODEL_SECONDS = 3900.0
_PAUSE_SECONDS = 2.0
_LAST_LINES = 20


def target(site: Site) -> Cluster:
    """The target of an agent in its cluster."""
    return Cluster(site)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of a cluster, by `kubectl` and its plugin for Argo Rollouts."""

    site: Site
    shifts: bool = False
    rendered: list[str] = field(default_factory=list)

    def require(self) -> None:
        if process.find("kubectl") is None:
            raise Unavailable(
                "kubectl is not installed or not on PATH",
                "install version 1.27 or newer; on one host without a cluster: --target compose",
            )
        if not self._overlay.is_dir():
            inside = self.site.place.layout.relative(self._overlay)
            raise MlwsError(f"{inside} is missing", "copier update brings it")
        context = self.site.stage.context
        if not context:
            raise UsageError(
                f"[deploy.{self.site.env}] of mlws.toml names no context",
                "kubectl config get-contexts lists them; nothing is deployed to whichever is set",
            )
        known = self._run("config", "get-contexts", "--output", "name", anywhere=True).split()
        if context not in known:
            cure = f"known here: {', '.join(known) or 'none'}"
            raise UsageError(f"kubectl knows no context {context!r}", cure)
        if self._rolls and self._try("argo", "rollouts", "version").status:
            raise Unavailable(
                "kubectl has no plugin for Argo Rollouts",
                "install kubectl-argo-rollouts; without Argo: components/deployment in the overlay",
            )

    @contextlib.contextmanager
    def alone(self, *, wait: bool) -> Iterator[None]:
        """On this machine; two machines are kept apart by the workflow's concurrency group."""
        folder = state.folder(self.site.place.root) / "deploy" / self.site.env / self.site.name
        folder.mkdir(parents=True, exist_ok=True)
        with files.locked(folder, wait=wait):
            yield

    def read(self) -> str | None:
        said = self._get("configmap", self._journal)
        return json.loads(said).get("data", {}).get("journal") if said else None

    def write(self, journal: str) -> None:
        self._keep(self._journal, {"journal": journal})

    def backup(self, label: str) -> str:
        self._keep(self._before, {"id": label, "workload": json.dumps(self._live() or {})})
        return f"configmap/{self._before}"

    def find(self, wish: Wish) -> Release:
        return versions.find(self.site, wish)

    def make(self, release: Release, wish: Wish) -> Release:
        """A cluster takes its images from a registry; CI has put it there."""
        registry = self.site.place.config.deploy.registry
        if wish.build:
            raise UsageError("--build builds on this machine, and a cluster does not see it")
        if not registry:
            raise UsageError("[deploy] registry of mlws.toml is empty", 'such as "ghcr.io/acme"')
        pushed = versions.pushed(self.site, manifests.tag(self.site, release))
        return dataclasses.replace(release, digest=pushed or release.digest)

    def put(self, release: Release, _beside: Release | None) -> Release:
        return release

    def open(self, shares: Shares) -> None:
        """There is no proxy of ours: Service and ingress are part of the overlay."""

    def start(self, release: Release) -> None:
        """The model first: an agent without one never becomes ready, and the deadline runs."""
        applied = self._filled(release)
        job = manifests.model_job(self.site)
        if applied.has_model:
            # A Job cannot be changed, and this one is quick when the model is there already.
            self._run("delete", "job", job, "--ignore-not-found", "--wait")
        self._apply(documents.text(applied.ground))
        if applied.has_model:
            self.site.say(f"making the model {release.model}")
            self._await_model(job)
        self._apply(documents.text([applied.workload]))

    def preview(self, release: Release) -> str:
        """The overlay as it would be applied."""
        applied = self._filled(release)
        return documents.text([*applied.ground, applied.workload])

    def alive(self, _release: Release) -> bool:
        return self._live() is not None

    def ready(self, _release: Release) -> bool:
        live = self._live()
        return live is not None and live.get("status", {}).get("phase") != "Degraded"

    def smoke(self, _release: Release) -> str:
        """Asked by the Rollout's own analysis, in each of its steps."""
        return ""

    def follow(self, _release: Release, seconds: float) -> str:
        seconds *= len(self.site.place.config.deploy.steps)  # that of each of them
        limit = f"--timeout={seconds:.0f}s"
        if self._rolls:
            words: tuple[str, ...] = ("argo", "rollouts", "status", self._name, limit)
        else:
            words = ("rollout", "status", f"deployment/{self._name}", limit)
        done = self._try(*words, seconds=seconds + _SECONDS)
        return "" if done.status == 0 else done.said or f"{self._name} is degraded"

    def share(self, shares: Shares) -> None:
        if shares.percent or shares.newer is None or not self._holds(shares.newer):
            return
        if shares.older is None:
            self._run("delete", "rollout" if self._rolls else "deployment", self._name)
        elif self._rolls:
            self._run("argo", "rollouts", "abort", self._name)
        else:
            self._set_back()

    def busy(self, _release: Release) -> int:
        return 0

    def stop(self, release: Release) -> None:
        """What lost is set back, after the last step, too, when nothing is left to be aborted."""
        if self._holds(release):
            self._set_back()

    def servers(self) -> tuple[ServerState, ...]:
        return ()

    def mark(self) -> Mark:
        return Mark(0, 0)

    def look(self, _since: Mark) -> Look:
        return Look()

    def counters(self, _release: Release) -> Counters | None:
        return None  # the Rollout's analysis asks Prometheus

    def explain(self, _release: Release) -> str:
        if self._rolls:
            return self._try("argo", "rollouts", "get", "rollout", self._name).said
        return self._try("describe", f"deployment/{self._name}").said

    @property
    def _name(self) -> str:
        return manifests.workload(self.site)

    @property
    def _rolls(self) -> bool:
        """Whether the overlay has a Rollout; else it is a plain Deployment."""
        return bool(re.search(r"(?m)^kind: Rollout$", self._rendered()))

    def _holds(self, release: Release) -> bool:
        """Whether the cluster was given this version last: nothing else may be undone."""
        live = self._live()
        return live is not None and manifests.is_of(live, release)

    def _set_back(self) -> None:
        """To what the backup has, exactly: `undo` counts revisions, and one may not exist yet."""
        said = self._get("configmap", self._before)
        kept = json.loads(json.loads(said)["data"]["workload"]) if said else {}
        if not kept:
            raise MlwsError(f"configmap {self._before} has nothing to go back to")
        patch = [{"op": "replace", "path": "/spec/template", "value": kept["spec"]["template"]}]
        kind = "rollout" if self._rolls else "deployment"
        self._run("patch", kind, self._name, "--type=json", "--patch", json.dumps(patch))

    def _live(self) -> dict[str, Any] | None:
        """The Rollout or Deployment as the cluster has it."""
        said = self._get("rollout" if self._rolls else "deployment", self._name)
        return dict(json.loads(said)) if said else None

    def _rendered(self) -> str:
        """The overlay as it lies here; rendered once, for it is asked for at every look."""
        if not self.rendered:
            self.rendered.append(self._run("kustomize", str(self._overlay), anywhere=True))
        return self.rendered[0]

    def _filled(self, release: Release) -> Applied:
        return manifests.fill(self.site, documents.parse(self._rendered()), release)

    def _await_model(self, job: str) -> None:
        end = time.monotonic() + _MODEL_SECONDS
        while time.monotonic() < end:
            said = self._get("job", job)
            status = json.loads(said).get("status", {}) if said else {}
            states = {one["type"]: one["status"] for one in status.get("conditions", ())}
            if states.get("Complete") == "True":
                return
            if states.get("Failed") == "True":
                break
            time.sleep(_PAUSE_SECONDS)
        last = self._try("logs", f"job/{job}", f"--tail={_LAST_LINES}").said
        raise MlwsError(f"the model was not made: {last or 'its Job said nothing'}")

    @property
    def _overlay(self) -> Path:
        return self.site.found.folder / OVERLAYS / self.site.env

    @property
    def _journal(self) -> str:
        return f"{self.site.name}-deployment"

    @property
    def _before(self) -> str:
        return f"{self.site.name}-before"

    @property
    def _words(self) -> tuple[str, ...]:
        stage = self.site.stage
        where = ("--namespace", stage.namespace) if stage.namespace else ()
        return ("kubectl", "--context", stage.context, *where)

    def _keep(self, name: str, data: dict[str, str]) -> None:
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "mlws"}},
            "data": data,
        }
        self._apply(json.dumps(document))

    def _apply(self, text: str) -> None:
        # On the server: kubectl's own way would keep each journal twice.
        words = (*self._words, "apply", "--server-side", "--force-conflicts", "-f", "-")
        done = self._ask(words, text)
        if done.status:
            raise MlwsError(f"the cluster refuses: {done.said}")

    def _get(self, kind: str, name: str) -> str | None:
        done = self._try("get", kind, name, "--output", "json")
        if done.status and _MISSING in done.errors.lower():
            return None
        if done.status:
            raise Unavailable(f"the cluster does not answer: {done.said}")
        return done.output

    def _run(self, *words: str, anywhere: bool = False) -> str:
        done = self._ask(("kubectl", *words), "") if anywhere else self._try(*words)
        if done.status:
            raise MlwsError(f"kubectl {words[0]} failed: {done.said}")
        return done.output

    def _try(self, *words: str, seconds: float = _SECONDS) -> Finished:
        # The plugin takes the context after its own name.
        chosen = (*words[:2], *self._words[1:], *words[2:]) if words[0] == "argo" else None
        return self._ask(("kubectl", *chosen) if chosen else (*self._words, *words), "", seconds)

    def _ask(self, words: tuple[str, ...], said: str, seconds: float = _SECONDS) -> Finished:
        folder = self.site.found.folder
        return children.ask(words, folder, os.environ, timeout=seconds, words=said)
