"""Who is who: the members named in `[team]` of `mlws.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlws_scaffold.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from mlws_scaffold.workspace.config import Config


def by_email(config: Config, email: str) -> str | None:
    """The handle of the member with this address (case does not count), or None."""
    for handle, person in config.team.items():
        if person.email and person.email.casefold() == email.casefold():
            return handle
    return None


def acting(config: Config, email: str, named: str = "") -> tuple[str, str]:
    """Who acts: the named member, else the owner of the git e-mail, else the only member there is.

    Returns the handle and a remark (empty when nothing is doubtful). Raises UsageError otherwise.
    """
    if named:
        if named not in config.team:
            cure = f"{did_you_mean(named, config.team)}; or add [team.{named}] to mlws.toml"
            raise UsageError(f"--researcher: {named!r} is not in [team] of mlws.toml", cure)
        return named, ""
    if email and (handle := by_email(config, email)):
        return handle, ""
    who = f"git's user.email {email}" if email else "no git user.email is set, so nobody"
    if len(config.team) == 1:
        only = next(iter(config.team))
        return only, f"{who} is not in [team] of mlws.toml: acting as its only member, {only}"
    raise UsageError(
        f"{who} is not in [team] of mlws.toml",
        f"name yourself with --researcher ({', '.join(sorted(config.team)) or 'nobody yet'})"
        " or add your e-mail to your [team] table",
    )
