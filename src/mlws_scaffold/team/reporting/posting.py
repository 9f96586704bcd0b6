"""A report to the team's channel: the address is a secret, and only the environment knows it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from mlws_scaffold.adapters import http
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.team.reporting import formats
from mlws_scaffold.team.reporting.page import Page
from mlws_scaffold.workspace.config import Workspace

_SECONDS = 15.0


def address(place: Workspace, environment: Mapping[str, str]) -> str:
    """The webhook of the variable that `[reports] webhook_env` names. Raises UsageError."""
    name = place.config.reports.webhook_env
    found = environment.get(name, "").strip() if name else ""
    if not found:
        raise UsageError(
            f"no address to post to: {name or '[reports] webhook_env'} is not set",
            f"export {name or 'MLWS_WEBHOOK'}=https://… (never write it into a file of git)",
        )
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        raise UsageError(f"{name} holds no address of a page", "it begins with https://")
    return found


def post(page: Page, url: str, name: str) -> None:
    """Send the Slack payload. Raises MlwsError when it was not taken; the address is not told."""
    try:
        reply = http.post(url, formats.payload(page), _SECONDS)
    except Unavailable as error:
        said = error.message.replace(url, f"the webhook of {name}")
        raise MlwsError(f"not posted: {said}", "the report is above; post it again") from None
    if not 200 <= reply.status < 300:
        said = reply.body[:200].decode("utf-8", "replace").strip()
        raise MlwsError(
            f"not posted: the webhook of {name} answers {reply.status}: {said}",
            "the report is above; post it again",
        )
