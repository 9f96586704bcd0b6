"""What `mlws-new` can make: kinds with their variants, and agents of the team to learn from."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.agents import catalog
from mlws_scaffold.scaffold import bundle
from mlws_scaffold.workspace.layout import DEPLOYMENTS, Layout

_VARIANTS = {
    "experiment": ("experiment_variant", "--variant"),
    "prototype": ("prototype_framework", "--framework"),
    "agent": ("agent_framework", "--framework"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to start from. `what` is variant or agent; `how` is the command."""

    what: str
    kind: str
    name: str
    about: str
    how: str


def variants() -> list[Offer]:
    """The variants of each kind as the template's questions state them, its default first."""
    found = []
    for kind, (question, option) in _VARIANTS.items():
        asked = bundle.questions(kind)[question]
        default = asked["default"]
        offers = []
        for label, name in asked["choices"].items():
            about = str(label).partition("(")[2].rstrip(")") or str(label)
            said = f"{about} (default)" if name == default else about
            offers.append(
                Offer("variant", kind, name, said, f"mlws-new {kind} NAME {option} {name}")
            )
        found += sorted(offers, key=lambda offer: offer.name != default)
    return found


def agents(layout: Layout) -> list[Offer]:
    """Agents in production, those that were deployed first: their folders show how it is done.

    An agent whose `agent.yaml` is broken is none to learn from, and is left out.
    """
    return sorted(
        (_agent(layout, one) for one in catalog.every(layout)[0] if one.track == "production"),
        key=lambda offer: ("deployed" not in offer.about, offer.name),
    )


def _agent(layout: Layout, one: catalog.Found) -> Offer:
    parts = [f"owner {one.agent.owner}", f"model {one.agent.model}"]
    if one.agent.promoted_from:
        parts.append(f"from {one.agent.promoted_from.path}")
    if (one.folder / DEPLOYMENTS).is_file() and (one.folder / DEPLOYMENTS).stat().st_size:
        parts.append("deployed")
    folder = layout.relative(one.folder)
    return Offer("agent", "agent", one.folder.name, ", ".join(parts), f"look at {folder}")
