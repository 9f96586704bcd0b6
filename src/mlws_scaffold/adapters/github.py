"""GitHub's REST API, read only: what it says about one pull request.

Shapes and paging as in GitHub's own reference (REST, version 2022-11-28): lists come 100 a page,
and the header `Link` names the next page.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from mlws_scaffold.errors import Unavailable

API = "https://api.github.com"
_VERSION = "2022-11-28"
_MOST_BYTES = 20_000_000
_MOST_PAGES = 100
_TRIES = 3
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_RIGHTS = (
    "give the job `permissions: contents: read, pull-requests: read`, and its token as GITHUB_TOKEN"
)


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `base` and `head` are commits."""

    number: int
    author: str
    base: str
    base_branch: str
    head: str


@dataclass(frozen=True, slots=True)
class Review:
    """One review. `state`: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING.

    `association` is what its author is to the repository (OWNER, MEMBER, COLLABORATOR, …);
    `commit` the head that was reviewed, empty when it is gone.
    """

    login: str
    state: str
    commit: str
    association: str


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository behind one address, asked with one token. `pause`: seconds before a retry."""

    base: str
    repository: str
    token: str = field(default="", repr=False)
    pause: float = 1.0
    timeout: float = 20.0

    def pull(self, number: int) -> Pull:
        """The pull request. Every method raises Unavailable when GitHub cannot be asked."""
        data = self._mapping(f"pulls/{number}")
        head, base = _part(data, "head"), _part(data, "base")
        author = _text(_part(data, "user"), "login")
        return Pull(number, author, _text(base, "sha"), _text(base, "ref"), _text(head, "sha"))

    def reviews(self, number: int) -> list[Review]:
        """All reviews, the oldest first. One whose author's account is gone has no login."""
        return [
            Review(
                str((one.get("user") or {}).get("login") or ""),
                _text(one, "state"),
                str(one.get("commit_id") or ""),
                str(one.get("author_association") or "NONE"),
            )
            for one in self._list(f"pulls/{number}/reviews")
        ]

    def files(self, number: int) -> list[str]:
        """Paths that the pull request changes, with the old ones of what it moves.

        GitHub lists 3000 at the most: Unavailable then, rather than a list with a hole in it.
        """
        entries = list(self._list(f"pulls/{number}/files"))
        if len(entries) >= 3000:
            cure = "compare in a clone: mlws ci require-approvals --base origin/BRANCH"
            raise Unavailable("GitHub lists 3000 changed files and keeps the others back", cure)
        names = {_text(one, "filename") for one in entries}
        before = {str(one["previous_filename"]) for one in entries if one.get("previous_filename")}
        return sorted(names | before)

    def makers(self, commit: str) -> frozenset[str]:
        """Logins of who wrote and who committed a commit, as far as GitHub knows them."""
        data = self._mapping(f"commits/{quote(commit)}")
        people = (data.get("author"), data.get("committer"))
        return frozenset(str(one["login"]) for one in people if one and one.get("login"))

    def text(self, path: str, commit: str) -> str | None:
        """A file as it is in a commit, or None when it is not there."""
        url = f"{self._root}/contents/{quote(path)}?ref={quote(commit)}"
        status, body, _ = self._ask(url, "application/vnd.github.raw+json", missing=True)
        try:
            return None if status == 404 else body.decode("utf-8")
        except UnicodeDecodeError:
            raise Unavailable(f"{path} of {commit[:12]} is not UTF-8") from None

    @property
    def _root(self) -> str:
        if not _REPOSITORY.fullmatch(self.repository):
            raise Unavailable(f"{self.repository!r} is no repository", "write OWNER/NAME")
        return f"{self.base.rstrip('/')}/repos/{self.repository}"

    def _mapping(self, path: str) -> Mapping[str, Any]:
        url = f"{self._root}/{path}"
        _, body, _ = self._ask(url)
        data = _parsed(url, body)
        if not isinstance(data, dict):
            raise Unavailable(f"{url} answers something else than an object")
        return data

    def _list(self, path: str) -> Iterator[Mapping[str, Any]]:
        url = f"{self._root}/{path}?per_page=100"
        for _ in range(_MOST_PAGES):
            _, body, link = self._ask(url)
            data = _parsed(url, body)
            if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
                raise Unavailable(f"{url} answers something else than a list")
            yield from data
            following = re.search(r'<([^>]*)>\s*;\s*rel="next"', link)
            if following is None:
                return
            # The token goes along: never to another server than the one that was named.
            if urlsplit(following[1])[:2] != urlsplit(self.base)[:2]:
                raise Unavailable(f"{url}: the next page is elsewhere: {following[1]}")
            url = following[1]
        raise Unavailable(f"{url}: more than {_MOST_PAGES} pages")

    def _ask(
        self, url: str, accept: str = "application/vnd.github+json", *, missing: bool = False
    ) -> tuple[int, bytes, str]:
        """Status, body and Link header of a good answer (or of 404, where `missing` is one)."""
        for attempt in range(_TRIES):
            status, body, link = self._once(url, accept)
            if status < 500:
                break
            if attempt < _TRIES - 1:
                time.sleep(self.pause * 2**attempt)
        if status == 200 or (status == 404 and missing):
            return status, body, link
        said = body[:200].decode("utf-8", "replace").strip()
        cure = _RIGHTS if status in (401, 403, 404) else "try again; see githubstatus.com"
        raise Unavailable(f"{url} answers {status}: {said}", cure)

    def _once(self, url: str, accept: str) -> tuple[int, bytes, str]:
        headers = {"Accept": accept, "X-GitHub-Api-Version": _VERSION, "User-Agent": "mlws"}
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the API's address
            if self.token:  # not sent on to where a redirect leads
                request.add_unredirected_header("Authorization", f"Bearer {self.token}")
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                return answer.status, answer.read(_MOST_BYTES), answer.headers.get("Link", "")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(_MOST_BYTES), ""
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{url} does not answer: {error}", "look at the network") from None


def _parsed(url: str, body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise Unavailable(f"{url} answers no JSON") from None


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = data.get(key)
    if not isinstance(part, dict):
        raise Unavailable(f"GitHub's answer has no {key!r}")
    return part


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise Unavailable(f"GitHub's answer has no {key!r}")
    return value
