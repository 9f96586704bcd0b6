"""Who deploys: the person, or the workflow for somebody."""

from __future__ import annotations

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents.targets.target import Site
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace import people


def acts(site: Site, named: str = "") -> str:
    """The handle of the acting member; in a workflow, whoever started it.

    A rollback never waits for a name: who is not in the team goes by the address git has. Raises
    UsageError for a named one that is not in the team.
    """
    if not named and (actor := site.variables.get("GITHUB_ACTOR")):
        return actor
    try:
        email = Git(site.place.root).setting("user.email")
    except MlwsError:
        email = ""
    try:
        handle, remark = people.acting(site.place.config, email, named)
    except UsageError:
        if named:
            raise
        return email or "unknown"
    if remark:
        site.say(f"note: {remark}")
    return handle
