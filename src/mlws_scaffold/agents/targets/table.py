"""Which targets there are, and when none may be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlws_scaffold.agents.targets import compose, kubernetes, process
from mlws_scaffold.agents.targets.target import Site, Target
from mlws_scaffold.errors import UsageError, did_you_mean

TARGETS: Mapping[str, Callable[[Site], Target]] = {
    "compose": compose.target,
    "kubernetes": kubernetes.target,
    "process": process.target,
}


def target(site: Site, name: str = "") -> Target:
    """The target of a name, else that of `[deploy] target`.

    Raises UsageError for an unknown one, and on a throwaway runner for one without a host: what is
    deployed there is gone with it.
    """
    name = name or site.place.config.deploy.target
    if name not in TARGETS:
        raise UsageError(f"there is no target {name!r}", did_you_mean(name, TARGETS))
    _refuse_throwaway(site, name)
    return TARGETS[name](site)


def _refuse_throwaway(site: Site, name: str) -> None:
    stage = site.stage
    named = stage.context if name == "kubernetes" else stage.host
    hosted = site.variables.get("GITHUB_ACTIONS") == "true"
    # A runner of one's own says so; what is deployed on it stays.
    own = site.variables.get("RUNNER_ENVIRONMENT") == "self-hosted"
    if hosted and not own and not named:
        key = "context" if name == "kubernetes" else "host"
        raise UsageError(
            f"this is a throwaway runner, and [deploy.{site.env}] of mlws.toml names no {key}:"
            " what is deployed here is gone in a minute",
            f'add {key} = "…" there, or run on a runner of your own (runner = "LABEL")',
        )
