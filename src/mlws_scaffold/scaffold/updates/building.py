"""From the projects of a workspace to the three trees of each, ready to be merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.scaffold.merging import patterns, private, sides
from mlws_scaffold.scaffold.merging.blobs import ATTRIBUTES, Blobs
from mlws_scaffold.scaffold.merging.patterns import Matcher
from mlws_scaffold.scaffold.merging.private import Entry
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.scaffold.updates import readiness
from mlws_scaffold.scaffold.updates.readiness import Repository
from mlws_scaffold.scaffold.updates.rendering import Both
from mlws_scaffold.workspace.layout import ANSWERS


@dataclass(frozen=True, slots=True)
class Ground:
    """A repository as its last commit has it, and the private one beside it, in scratch `home`."""

    repository: Repository
    listing: Mapping[str, Entry]
    blobs: Blobs
    home: Path


def ground(repository: Repository, home: Path) -> Ground:
    """Look at the last commit and make the private repository in `home`."""
    alone = private.create(home, repository.objects, repository.form)
    listing = readiness.listing(repository)
    rules = [path for path in listing if path.rpartition("/")[2] == ATTRIBUTES]
    contents = alone.contents(listing[path][1] for path in rules) if rules else []
    found = dict(zip(rules, contents, strict=True))
    blobs = Blobs(alone, repository.folder, found, repository.objects)
    return Ground(repository, listing, blobs, home)


def build(ground: Ground, rendered: Sequence[Both], owned: Matcher) -> list[Sides]:
    """The sides of each rendered project, after the rules. `owned` takes paths from the root."""
    inside = ground.repository.inside
    prefixes = _prefixes(ground.listing, inside, rendered)
    heads = dict(zip(prefixes, sides.split(ground.listing, prefixes), strict=True))
    found = []
    for number, both in enumerate(rendered):
        prefix = sides.prefix_of(inside, both.project)
        lead = f"{prefix}/" if prefix else ""
        nested = [one.removeprefix(lead) for one in prefixes
                  if one != prefix and one.startswith(lead)]  # fmt: skip
        base, theirs = (
            ground.blobs.entries(prefix, files, ground.home / f"{name}-{number}")
            for name, files in (("base", both.base.files), ("theirs", both.theirs.files))
        )
        one = Sides(both.project, prefix, heads[prefix], base, theirs)
        found.append(sides.ruled(one, patterns.matcher(both.seeds), owned, nested))
    absent = [path for one in found for path in sides.absent(one)]
    ignored = readiness.ignored(ground.repository, absent)
    return [sides.without(one, ignored) for one in found]


def _prefixes(listing: Mapping[str, Entry], inside: str, rendered: Sequence[Both]) -> list[str]:
    """The folders of all projects of the workspace, from the top of the repository."""
    lead = f"{inside}/" if inside else ""
    found = [path.rpartition("/")[0] for path in listing
             if path.rpartition("/")[2] == ANSWERS and path.startswith(lead)]  # fmt: skip
    # A folder that is only becoming a project has no answers file yet.
    found += [sides.prefix_of(inside, both.project) for both in rendered]
    return list(dict.fromkeys(found))
