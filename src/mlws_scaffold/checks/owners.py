"""The rule about who is asked to review."""

from __future__ import annotations

from mlws_scaffold.agents import codeowners
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import InvalidFile, Problem
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import AGENT, CONFIG


class CodeownersCurrent(Check):
    """A review that nobody is asked for does not happen: CODEOWNERS must name the people of [team]
    and the owners of the agents as they are now.

    Write it anew with `mlws team sync`, or `mlws check git --fix`, and commit it. Your own lines
    belong below the end mark. A file without the marks is yours alone and is not judged.
    """

    id, area, title = "GIT007", "git", "CODEOWNERS names the team as it is"

    def run(self, target: Target) -> Result:
        place = _place(target)
        if place is None:
            return not_applicable(target.no_config)
        if target.changed is not None and not any(
            path in (CONFIG, codeowners.PATH) or path.endswith(f"/{AGENT}")
            for path in target.changed
        ):
            return not_applicable("nothing it follows from was touched")
        try:
            planned = codeowners.plan(place)
        except InvalidFile as error:
            # A broken agent.yaml is AGT001's to name; a broken name in [team] is nobody else's.
            ours = [one for one in error.problems if one.path == CONFIG]
            return judged(ours) if ours else not_applicable("an agent.yaml is broken (AGT001)")
        if planned.old is None:
            return not_applicable(f"there is no {codeowners.PATH}: mlws team sync writes it")
        if planned.taken_over:
            return not_applicable(f"{codeowners.PATH} has no part written by mlws team sync")
        if not planned.drifted:
            return judged([])
        message = "does not name the team and the owners as they are now"
        return judged([Problem(codeowners.PATH, message, "mlws team sync")])

    def fix(self, target: Target) -> list[str]:
        place = _place(target)
        if place is None or self.run(target).answer != "no":
            return []
        codeowners.sync(place)
        return [f"{codeowners.PATH}: written anew from {CONFIG} and the agents"]


def _place(target: Target) -> Workspace | None:
    return Workspace(target.layout, target.config, {}) if target.config else None
