"""A clone without old files (`git clone --filter=blob:none`): git would fetch each one that is read
by a process and a request of its own. What the index needs is fetched by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlws_scaffold.adapters.git import Found, Objects
from mlws_scaffold.experiments.index.refs import Repository

_SECONDS = 600.0


def read(
    repository: Repository, objects: Objects, oids: Sequence[str], most: int
) -> Iterator[Found | None]:
    """The objects in the order asked for, as `Objects.read` gives them. Where they cannot be
    fetched, None for each one that is not here.
    """
    is_partial = any((repository.common / "objects/pack").glob("*.promisor"))
    if not oids or not is_partial or _fetch(repository, oids):
        yield from objects.read(oids, most)
        return
    # Asked for one that it cannot fetch, git gives up altogether.
    every = ("--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
    here = {line.decode().strip() for line in repository.git.lines("cat-file", *every)}
    found = objects.read([oid for oid in oids if oid in here], most)
    for oid in oids:
        yield next(found) if oid in here else None


def _fetch(repository: Repository, oids: Sequence[str]) -> bool:
    """The very request that git makes for a single one."""
    git = repository.git
    found = git.attempt("config", "--get-regexp", r"^remote\..*\.promisor$", "true").stdout
    name = found.partition("\n")[0].removeprefix("remote.").partition(".promisor ")[0]
    done = git.attempt(
        "-c",
        "fetch.negotiationAlgorithm=noop",
        "fetch",
        name or "origin",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--recurse-submodules=no",
        "--filter=blob:none",
        "--stdin",
        stdin="\n".join(oids),
        timeout=_SECONDS,
    )
    return done.returncode == 0
