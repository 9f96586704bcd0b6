"""The target `kubernetes`: an Argo Rollout moves and judges the shares by itself; it is followed.

What is applied is the overlay deploy/kubernetes/overlays/<env> with the image of the version. The
journal lies in a ConfigMap beside the Rollout.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, files, process
from mlws_scaffold.adapters.haproxy.runtime import Mark, ServerState
from mlws_scaffold.adapters.process import Finished
from mlws_scaffold.agents.targets import versions
from mlws_scaffold.agents.targets.target import Look, Release, Shares, Site, Wish
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.workspace import state

OVERLAYS = "deploy/kubernetes/overlays"
_SECONDS = 120.0
_MISSING = "notfound"


def target(site: Site) -> Cluster:
    """The target of an agent in its cluster."""
    return Cluster(site)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace of a cluster, by `kubectl` and its plugin for Argo Rollouts."""

    site: Site
    shifts: bool = False

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
        if self._try("argo", "rollouts", "version").status:
            raise Unavailable(
                "kubectl has no plugin for Argo Rollouts", "install kubectl-argo-rollouts"
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
        name = f"{self.site.name}-before-{re.sub('[^a-z0-9-]', '-', label.lower())}"
        kept = {"rollout": self._get("rollout", self.site.name) or ""}
        self._keep(name, kept)
        return f"configmap/{name}"

    def find(self, wish: Wish) -> Release:
        return versions.find(self.site, wish)

    def make(self, release: Release, wish: Wish) -> Release:
        """A cluster takes its images from a registry; CI has put it there."""
        registry = self.site.place.config.deploy.registry
        if wish.build:
            raise UsageError("--build builds on this machine, and a cluster does not see it")
        if not registry:
            raise UsageError("[deploy] registry of mlws.toml is empty", 'such as "ghcr.io/acme"')
        return release

    def put(self, release: Release, _beside: Release | None) -> Release:
        return release

    def open(self, shares: Shares) -> None:
        """There is no proxy of ours: Service and ingress are part of the overlay."""

    def start(self, release: Release) -> None:
        self._apply(self.manifests(release))

    def manifests(self, release: Release) -> str:
        """The overlay with the image of a version."""
        rendered = self._run("kustomize", str(self._overlay), anywhere=True)
        registry = self.site.place.config.deploy.registry
        image = f"{registry}/{self.site.name}:{release.version.replace('+', '-')}"
        pattern = rf"(?m)^(\s*(?:- )?image:\s+)(?:\S*/)?{re.escape(self.site.name)}(?:[:@]\S*)?$"
        text, count = re.subn(pattern, rf"\g<1>{image}", rendered)
        if not count:
            raise MlwsError(f"{OVERLAYS} has no container with the image {self.site.name}")
        return text

    def alive(self, _release: Release) -> bool:
        return self._get("rollout", self.site.name) is not None

    def ready(self, release: Release) -> bool:
        return self.alive(release)

    def smoke(self, _release: Release) -> str:
        """Asked by the Rollout's own analysis, before and in each of its steps."""
        return ""

    def follow(self, _release: Release, seconds: float) -> str:
        words = ("argo", "rollouts", "status", self.site.name, "--timeout", f"{seconds:.0f}s")
        done = self._try(*words, seconds=seconds + _SECONDS)
        return "" if done.status == 0 else done.said or "the Rollout is degraded"

    def share(self, shares: Shares) -> None:
        if shares.percent == 0 and shares.newer is not None:
            self._run("argo", "rollouts", "abort", self.site.name)

    def busy(self, _release: Release) -> int:
        return 0

    def stop(self, _release: Release) -> None:
        """The Rollout ends the pods that lost by itself; what it should be is set back."""
        said = self._get("rollout", self.site.name)
        status = json.loads(said).get("status", {}) if said else {}
        if status.get("abort"):
            self._run("argo", "rollouts", "undo", self.site.name)

    def servers(self) -> tuple[ServerState, ...]:
        return ()

    def mark(self) -> Mark:
        return Mark(0, 0)

    def look(self, _since: Mark) -> Look:
        return Look()

    def counters(self, _release: Release) -> Counters | None:
        return None  # the Rollout's analysis asks Prometheus

    def explain(self, _release: Release) -> str:
        done = self._try("argo", "rollouts", "get", "rollout", self.site.name)
        return done.said

    @property
    def _overlay(self) -> Path:
        return self.site.found.folder / OVERLAYS / self.site.env

    @property
    def _journal(self) -> str:
        return f"{self.site.name}-deployment"

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
