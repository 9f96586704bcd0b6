"""What of an overlay's objects belongs to one version: image, model, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.manifests import Objects
from mlws_scaffold.agents.targets.target import Release, Site
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.layout import REGISTRY

WORKLOADS = ("Rollout", "Deployment")
# As components/name and base of the template name and hold them.
_CONTAINER = "agent"
_USUAL_ERROR_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Applied:
    """The objects of one version: what the agent stands on first, then the agent itself."""

    ground: Objects
    workload: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.workload["kind"])

    @property
    def has_model(self) -> bool:
        """Whether a Job makes the model; without one the model server is somebody else's."""
        return any(one["kind"] == "Job" for one in self.ground)


def workload(site: Site) -> str:
    """The name of the Rollout or Deployment."""
    return f"{site.name}-agent"


def model_job(site: Site) -> str:
    """The name of the Job that makes the model, and of the ConfigMap that it reads."""
    return f"{site.name}-model"


def tag(site: Site, release: Release) -> str:
    """The image of a version, as CI pushes it."""
    return f"{_repository(site)}:{release.version.replace('+', '-')}"


def _repository(site: Site) -> str:
    return f"{site.place.config.deploy.registry}/{site.name}"


def fill(site: Site, objects: Objects, release: Release) -> Applied:
    """The objects with what the version needs.

    Raises MlwsError when the agent is not among them, or its steps are not those of `[deploy]`.
    """
    name = workload(site)
    agents = [one for one in objects if one["kind"] in WORKLOADS and _name(one) == name]
    if len(agents) != 1:
        cure = "deploy/kubernetes/components/name gives the agent its name"
        raise MlwsError(f"the overlay {site.env} has no Rollout or Deployment {name}", cure)
    (agent,) = agents
    by_digest = release.digest.startswith("sha256:")
    image = f"{_repository(site)}@{release.digest}" if by_digest else tag(site, release)
    _give_image(agent, release, image)
    _compare_steps(site, agent)
    for one in objects:
        if one["kind"] == "AnalysisTemplate":
            _give_thresholds(site, one)
        elif one["kind"] == "ConfigMap" and _name(one) == model_job(site):
            one["data"] = _model(site, release.model)
    return Applied([one for one in objects if one is not agent], agent)


def is_of(agent: Mapping[str, Any], release: Release) -> bool:
    """Whether a Rollout or Deployment, as the cluster has it, is that of a version."""
    found = agent["spec"]["template"].get("metadata", {}).get("annotations", {})
    return bool(_annotations(release).items() <= found.items())


def _annotations(release: Release) -> dict[str, str]:
    return {"mlws/version": release.version, "mlws/commit": release.commit}


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("metadata", {}).get("name", ""))


def _give_image(agent: dict[str, Any], release: Release, image: str) -> None:
    template = agent["spec"]["template"]
    containers = [one for one in template["spec"]["containers"] if one.get("name") == _CONTAINER]
    if not containers:
        raise MlwsError(f"{_name(agent)} has no container named {_CONTAINER}")
    containers[0]["image"] = image
    said = _annotations(release)
    for metadata in (agent["metadata"], template["metadata"]):
        metadata["annotations"] = {**metadata.get("annotations", {}), **said}


def _compare_steps(site: Site, agent: Mapping[str, Any]) -> None:
    """The Rollout follows its own steps; in production they must be those that people were told."""
    canary = agent["spec"]["strategy"].get("canary", {})
    weights = tuple(one["setWeight"] for one in canary.get("steps", ()) if "setWeight" in one)
    if site.env == "production" and agent["kind"] == "Rollout" and weights != _steps(site):
        said = ", ".join(map(str, weights))
        wanted = ", ".join(map(str, _steps(site)))
        raise MlwsError(
            f"the Rollout has the steps {said}, [deploy] steps of mlws.toml are {wanted}",
            "change deploy/kubernetes/base/rollout.yaml, or mlws.toml",
        )


def _steps(site: Site) -> tuple[int, ...]:
    return site.place.config.deploy.steps


def _give_thresholds(site: Site, template: dict[str, Any]) -> None:
    slo = site.found.agent.slo
    promised = slo.error_rate if slo and slo.error_rate is not None else _USUAL_ERROR_RATE
    values = {
        "least": str(site.place.config.deploy.min_requests),
        "most-errors": f"{2 * promised:.6g}",
        "far-too-many": f"{5 * promised:.6g}",
    }
    for argument in template["spec"].get("args", ()):
        if argument["name"] in values:
            argument["value"] = values[argument["name"]]


def _model(site: Site, key: str) -> dict[str, str]:
    """What the Job makes the model of, as models/registry.yaml has it now."""
    root = site.place.root
    data = documents.read(root / REGISTRY, REGISTRY).data
    models = data.get("models") if isinstance(data, dict) else None
    entry = models.get(key) if isinstance(models, dict) else None
    if not isinstance(entry, dict):
        raise MlwsError(f"{REGISTRY} has no model {key!r}", "mlws check models")
    if path := entry.get("modelfile"):
        try:
            return {"name": key, "Modelfile": (root / str(path)).read_text(encoding="utf-8")}
        except (OSError, UnicodeDecodeError) as error:
            raise MlwsError(f"{path} cannot be read: {error}", "mlws check models") from None
    if base := entry.get("model_name"):
        return {"name": key, "base": str(base)}
    raise MlwsError(f"{REGISTRY} says neither modelfile nor model_name for {key!r}")
