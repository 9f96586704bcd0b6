"""`.github/CODEOWNERS`: the part that follows from `[team]` and from who owns which agent.

GitHub asks the owners of the last line that matches. So the generated part stands between two
marks, on top; what a team writes below it wins, and is never touched.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlws_scaffold.adapters import files
from mlws_scaffold.agents import catalog
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.config import Config, Person, Workspace
from mlws_scaffold.workspace.layout import ARCHIVE, CONFIG, EXPERIMENTS, PRODUCTION, PROTOTYPES

PATH = ".github/CODEOWNERS"
BEGIN = "# begin: written by `mlws team sync` from mlws.toml and agent.yaml"
END = "# end: lines below this one are yours, and the last line that matches wins"
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})")
# What production rests on: who works on agents looks after it too.
_BASES = ("models", "modelfiles", "shared")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the file is and should be. `new` is the whole text; `remarks` name people and gaps."""

    old: str | None
    new: str
    taken_over: bool
    remarks: tuple[str, ...]

    @property
    def drifted(self) -> bool:
        return self.old != self.new

    @property
    def difference(self) -> str:
        """The change as a unified diff, empty when there is none."""
        before = (self.old or "").splitlines(keepends=True)
        lines = difflib.unified_diff(before, self.new.splitlines(keepends=True), PATH, PATH)
        return "".join(lines)


def plan(place: Workspace) -> Plan:
    """What a sync would write. Raises InvalidFile when an agent.yaml or a name is broken."""
    found, problems = catalog.every(place.layout)
    if problems:
        raise InvalidFile(problems)
    owners = {one.folder.name: one.agent.owner for one in found if one.track == "production"}
    block = generated(place.config, owners)
    old = _read(place)
    return Plan(
        old,
        _merged(old, block),
        old is not None and not is_ours(old),
        remarks(place.config, owners),
    )


def sync(place: Workspace) -> Plan:
    """Write the generated part; what stands outside of the marks stays. Raises as `plan` does."""
    path = place.root / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.locked(path.parent):
        planned = plan(place)
        if planned.drifted:
            files.write(path, planned.new)
    return planned


def is_ours(text: str) -> bool:
    """Whether the file has the generated part."""
    lines = text.splitlines()
    return BEGIN in lines and END in lines


def generated(config: Config, owners: Mapping[str, str]) -> str:
    """The lines between the marks. `owners`: the handle that owns each production agent.

    Leads are asked about everything (all people while there is no lead); engineers and leads about
    what is in production (all people while they are fewer than two). Raises InvalidFile for a
    name that GitHub could not have: it would break the line.
    """
    people = _tokens(config.team)
    leads = _with_role(config, ("lead",)) or set(people)
    makers = _with_role(config, ("engineer", "lead"))
    makers = makers if len(makers) > 1 else set(people)
    lines = [_line("*", leads, people)]
    for handle in sorted(people):
        for folder in (EXPERIMENTS, ARCHIVE):
            lines.append(_line(f"/{folder}/{handle}/", {handle, *leads}, people))
    lines += [_line(f"/{folder}/", makers, people) for folder in (PRODUCTION, *_BASES)]
    for name, owner in sorted(owners.items()):
        if owner in people and owner not in makers:
            lines.append(_line(f"/{PRODUCTION}/{name}/", {owner, *makers}, people))
    lines += [
        "# Prototypes need no review: a line without an owner asks nobody.",
        f"/{PROTOTYPES}/",
    ]
    return "".join(f"{line}\n" for line in (BEGIN, *lines, END))


def remarks(config: Config, owners: Mapping[str, str]) -> tuple[str, ...]:
    """Who cannot be asked, or whose approval cannot be counted, and why."""
    said = []
    for handle, person in sorted(config.team.items()):
        if not person.github:
            how = "the e-mail address stands in" if person.email else "GitHub cannot ask them"
            said.append(
                f"{handle} has no github name in {CONFIG}: {how}, and approvals do not count"
            )
    for name, owner in sorted(owners.items()):
        if owner not in config.team:
            said.append(f"{name} belongs to {owner}, who is not in [team] of {CONFIG}")
    largest = max(config.review.agents, config.review.experiments)
    if len(config.team) <= largest:
        count = "1 person" if len(config.team) == 1 else f"{len(config.team)} people"
        said.append(
            f"[review] asks for {largest} approvals and [team] has {count}: nobody approves"
            " their own change, so fewer will be asked for"
        )
    return tuple(said)


def _tokens(team: Mapping[str, Person]) -> dict[str, str]:
    """What GitHub calls each person; empty for one who has neither name nor address."""
    found, problems = {}, []
    for handle, person in team.items():
        login = person.github.removeprefix("@")
        if login and not _LOGIN.fullmatch(login):
            problems.append(_bad(handle, "github", person.github, "write the login alone: octocat"))
        if person.email and (wrong := names.problem_with_email(person.email)) and not login:
            problems.append(_bad(handle, "email", person.email, wrong))
        found[handle] = f"@{login}" if login else person.email
    if problems:
        raise InvalidFile(problems)
    return found


def _bad(handle: str, key: str, value: str, cure: str) -> Problem:
    return Problem(CONFIG, f"{value!r} is none", cure, f"team.{handle}.{key}")


def _with_role(config: Config, roles: Iterable[str]) -> set[str]:
    return {handle for handle, person in config.team.items() if person.role in roles}


def _line(pattern: str, handles: Iterable[str], people: Mapping[str, str]) -> str:
    return " ".join([pattern, *(people[one] for one in sorted(handles) if people[one])])


def _read(place: Workspace) -> str | None:
    try:
        return (place.root / PATH).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MlwsError(f"{PATH} cannot be read: {error}", "mend or delete it") from None


def _merged(old: str | None, block: str) -> str:
    if old is None:
        return block
    if not is_ours(old):
        return f"{block}\n{old}" if old.strip() else block
    lines = old.splitlines(keepends=True)
    plain = [line.rstrip("\r\n") for line in lines]
    first, last = plain.index(BEGIN), plain.index(END)
    if last < first:
        raise MlwsError(
            f"{PATH}: the end mark stands before the begin mark", "delete both, sync again"
        )
    return "".join(lines[:first]) + block + "".join(lines[last + 1 :])
