"""Compares what a lock was made from with what `pyproject.toml` asks for, without an index.

uv writes each project's own requirements into `uv.lock` ([package.metadata]), so a lock that was
made from other requirements shows it. Markers are not compared: uv rewrites their text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ANY_SOURCE = "any"
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[(?P<extras>[^\]]*)\])?\s*(?P<rest>[^;]*)(;.*)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One requirement in a form in which equal ones are equal."""

    name: str
    extras: tuple[str, ...]
    specifiers: tuple[str, ...]
    source: str = ""

    def __str__(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        source = f" from {self.source}" if self.source else ""
        return f"{self.name}{extras}{','.join(self.specifiers)}{source}"


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(text: str, sources: Mapping[str, str]) -> Requirement | None:
    """A line of `dependencies`; None when it is none. `sources` are those of [tool.uv.sources]."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        return None
    name, rest = normal(match["name"]), match["rest"].strip()
    address = rest[1:].strip() if rest.startswith("@") else ""
    specifiers = "" if address else rest.strip("()")
    source = sources.get(name, _origin(address))
    return Requirement(name, _extras(match["extras"]), _specifiers(specifiers), source)


def wanted(project: Mapping[str, Any]) -> dict[str, set[Requirement]]:
    """Requirements of a pyproject.toml by group; the project's own are in the group ''."""
    sources = {
        normal(name): _declared(value)
        for name, value in _table(project, "tool", "uv", "sources").items()
    }
    own = [parse(line, sources) for line in _lines(_table(project, "project").get("dependencies"))]
    for lines in _table(project, "project", "optional-dependencies").values():
        own += [parse(line, sources) for line in _lines(lines)]
    groups = _table(project, "dependency-groups")
    found = {"": {item for item in own if item}}
    for group in groups:
        lines = _group(groups, group, ())
        found[normal(group)] = {item for line in lines if (item := parse(line, sources))}
    return found


def locked(package: Mapping[str, Any]) -> dict[str, set[Requirement]]:
    """The same from a project's entry in `uv.lock`."""
    found = {"": _recorded(_table(package, "metadata").get("requires-dist"))}
    for group, entries in _table(package, "metadata", "requires-dev").items():
        found[normal(group)] = _recorded(entries)
    return found


def differences(asked: set[Requirement], recorded: set[Requirement]) -> list[str]:
    """`+ x` for what the lock lacks and `- x` for what nobody asks for any more."""
    loose = {item.name for item in asked if item.source == ANY_SOURCE}

    def comparable(items: set[Requirement]) -> set[Requirement]:
        return {replace(item, source="") if item.name in loose else item for item in items}

    ours, theirs = comparable(asked), comparable(recorded)
    return [f"+ {item}" for item in sorted(ours - theirs)] + [
        f"- {item}" for item in sorted(theirs - ours)
    ]


def lower_bound(specifiers: str) -> tuple[int, ...] | None:
    """Lowest Python that a specifier allows, as (3, 11); None when it names none."""
    for part in specifiers.split(","):
        if match := re.fullmatch(r"\s*(>=|==|=|~=)\s*(\d+(?:\.\d+)*)(\.\*)?\s*", part):
            return tuple(int(number) for number in match[2].split("."))
    return None


def same_python(first: str, second: str) -> bool:
    return _specifiers(first) == _specifiers(second)


def _specifiers(text: str) -> tuple[str, ...]:
    parts = (re.sub(r"\s+", "", part) for part in text.split(","))
    return tuple(sorted(part for part in parts if part))


def _extras(text: str | None) -> tuple[str, ...]:
    return tuple(sorted(normal(part.strip()) for part in (text or "").split(",") if part.strip()))


def _lines(value: Any) -> list[str]:
    return [line for line in value if isinstance(line, str)] if isinstance(value, list) else []


def _group(groups: Mapping[str, Any], group: str, above: tuple[str, ...]) -> list[str]:
    """Lines of a dependency group with those of the groups it includes."""
    by_name = {normal(name): value for name, value in groups.items()}
    entries = by_name.get(normal(group))
    if not isinstance(entries, list) or normal(group) in above:
        return []
    lines = _lines(entries)
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("include-group"), str):
            lines += _group(groups, entry["include-group"], (*above, normal(group)))
    return lines


def _table(data: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _declared(value: Any) -> str:
    """A source of [tool.uv.sources]: its git address with the revision, else its kind."""
    if not isinstance(value, dict):  # one package from several sources, by group or marker
        return ANY_SOURCE
    if isinstance(value.get("git"), str):
        revision = next((str(value[key]) for key in ("tag", "rev", "branch") if key in value), "")
        return _origin(f"git+{value['git']}@{revision}" if revision else f"git+{value['git']}")
    return "path" if "path" in value or value.get("workspace") else ""


def _recorded(entries: Any) -> set[Requirement]:
    found = set()
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        source = ""
        if isinstance(entry.get("git"), str):
            address, _, query = entry["git"].partition("?")
            revision = re.search(r"(?:^|&)(?:tag|rev|branch)=([^&#]*)", query)
            source = _origin(f"git+{address}@{revision[1]}" if revision else f"git+{address}")
        elif {"directory", "editable", "virtual", "path"} & entry.keys():
            source = "path"
        extras = tuple(sorted(normal(name) for name in _lines(entry.get("extras"))))
        specifiers = _specifiers(str(entry.get("specifier", "")))
        found.add(Requirement(normal(entry["name"]), extras, specifiers, source))
    return found


def _origin(address: str) -> str:
    """A git address in one form: scheme, user and the ending .git do not tell two apart."""
    if not address.startswith("git+"):
        return "address" if address else ""
    plain = re.sub(r"^(ssh|https?|file|git)://([^@/]*@)?", "", address.removeprefix("git+"))
    place, at, revision = plain.rpartition("@")
    place = place if at else revision
    return f"git {place.removesuffix('/').removesuffix('.git')}" + (f" at {revision}" if at else "")
