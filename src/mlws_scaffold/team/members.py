"""The people of a workspace: who they are, and a new one written into `mlws.toml`."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass

from mlws_scaffold.adapters import files
from mlws_scaffold.agents import catalog
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.scaffold.knowledge import memory
from mlws_scaffold.workspace import config, names
from mlws_scaffold.workspace.config import Person, Workspace
from mlws_scaffold.workspace.layout import CONFIG, MEMORY

ROLES = ("researcher", "engineer", "lead")
_HEADER = re.compile(r"\s*\[")
_TEAM = re.compile(r"\s*\[\s*team\s*\.")


@dataclass(frozen=True, slots=True)
class Member:
    """A person, and how much of the working tree is theirs. `agents` counts production agents."""

    handle: str
    person: Person
    experiments: int
    agents: int


def listing(place: Workspace) -> list[Member]:
    """Everybody in `[team]`, in its order. A broken file of a project counts for nobody."""
    metadata = [one.metadata for one in entries.of_working_tree(place.layout).entries]
    agents = [one.agent for one in catalog.every(place.layout)[0] if one.track == "production"]
    return [
        Member(
            handle,
            person,
            sum(one.responsible == handle for one in metadata),
            sum(one.owner == handle for one in agents),
        )
        for handle, person in place.config.team.items()
    ]


def add(place: Workspace, handle: str, person: Person) -> str:
    """Write a new `[team.HANDLE]` table after the last one, and a page of memory for the person.

    Returns the text of the table.

    All other bytes of `mlws.toml` stay. Raises UsageError for a bad or taken name or address,
    MlwsError when the file is laid out so that a table cannot be added.
    """
    with files.locked(place.root):
        now = config.load(place.root, {})
        _refuse(now, handle, person)
        path = place.layout.config
        text = path.read_bytes().decode("utf-8")
        table = _table(handle, person, "\r\n" if "\r\n" in text else "\n")
        new = _inserted(text, table)
        wanted = dataclasses.replace(now.config, team={**now.config.team, handle: person})
        try:
            right = config.parse(new, place.root, {}).config == wanted
        except MlwsError:
            right = False
        if not right:
            cure = f"write it yourself:\n{table}"
            raise MlwsError(f"{CONFIG} has its people in a form that cannot be added to", cure)
        files.write(path, new)
    if (place.root / MEMORY).is_dir():
        memory.person(place.layout, handle)
    return table


def _refuse(place: Workspace, handle: str, person: Person) -> None:
    if wrong := names.problem_with_name(handle):
        raise UsageError(f"bad handle {handle!r}", wrong)
    if handle in place.config.team:
        raise UsageError(f"{handle} is in [team] already", f"edit [team.{handle}] in {CONFIG}")
    if person.email and (wrong := names.problem_with_email(person.email)):
        raise UsageError(f"bad e-mail address {person.email!r}", wrong)
    if person.github and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", person.github):
        raise UsageError(f"bad github name {person.github!r}", "write the login alone: octocat")
    if wrong := names.problem_with_text(person.name) if person.name else None:
        raise UsageError(f"bad name {person.name!r}", wrong)
    for other, known in place.config.team.items():
        for what in ("email", "github"):
            mine, theirs = getattr(person, what), getattr(known, what)
            if mine and mine.casefold() == theirs.casefold():
                raise UsageError(
                    f"{mine} is {other}'s {what} already", "give each person their own"
                )


def _table(handle: str, person: Person, end: str) -> str:
    lines = [f"[team.{handle}]"]
    for key in ("name", "email", "github", "role"):
        if value := getattr(person, key):
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return end.join(lines) + end


def _inserted(text: str, table: str) -> str:
    """The table after the last of its kind, before what introduces the next; else at the end."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    last = max((number for number, line in enumerate(lines) if _TEAM.match(line)), default=-1)
    headers = (number for number, line in enumerate(lines) if number > last and _HEADER.match(line))
    after = next(headers, len(lines)) if last >= 0 else len(lines)
    if after < len(lines):
        while after > last + 1 and lines[after - 1].lstrip().startswith("#"):
            after -= 1  # the comment above the next table is about that one
    while after > last + 1 and not lines[after - 1].strip():
        after -= 1
    before, rest = "".join(lines[:after]), "".join(lines[after:])
    return before + ("" if before.endswith("\n") else end) + end + table + rest
