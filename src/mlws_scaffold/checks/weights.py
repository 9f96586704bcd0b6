"""Rules for trained weights: what git keeps of them."""

from __future__ import annotations

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.workspace.layout import CHECKPOINTS


class WeightsDescribed(Check):
    """Who pulls weights believes their description: where they are kept, and which bytes they must
    have.

    Let `mlws model add` write it, or correct the line that is named. Fields of your own may begin
    with `x_`.
    """

    id, area, title = "MOD010", "models", "trained weights are described soundly"

    def run(self, target: Target) -> Result:
        if not target.touches(CHECKPOINTS):
            return not_applicable("no description of weights was touched")
        return judged(manifest.known(target.layout).problems)
