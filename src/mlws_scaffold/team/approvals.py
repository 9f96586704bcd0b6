"""Whether enough people approved a pull request, as `[review]` of its base branch asks.

The rules are read from the commit that the change would be merged into: a change cannot lower the
number that it needs itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.github import GitHub, Pull, Review
from mlws_scaffold.checks.repository import Repository
from mlws_scaffold.errors import Unavailable
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.config import Config
from mlws_scaffold.workspace.layout import CONFIG, PRODUCTION, PROTOTYPES

# What decides over everything else, itself under the stricter rule.
_RULES = (".github", CONFIG)
_MIRROR = "deployments.jsonl"
_COLLABORATORS = ("OWNER", "MEMBER", "COLLABORATOR")
_OPINIONS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person last said, whether it counts, and why it does not."""

    login: str
    handle: str
    state: str
    counts: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`asked` is what the rule says (and for which path), `needed` what this team can give."""

    pull: Pull
    asked: int
    because: str
    needed: int
    opinions: tuple[Opinion, ...]
    warnings: tuple[str, ...]

    @property
    def approvals(self) -> int:
        return sum(one.counts and one.state == "APPROVED" for one in self.opinions)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Handles of those who asked for changes."""
        wanted = (one for one in self.opinions if one.counts and one.state != "APPROVED")
        return tuple(one.handle for one in wanted)

    @property
    def ok(self) -> bool:
        return self.needed == 0 or (self.approvals >= self.needed and not self.refusals)


def judge(api: GitHub, number: int, root: Path, base: str = "") -> Verdict:
    """Ask GitHub and decide. With `base` the changed files come from git's merge base with it.

    Raises Unavailable when something cannot be asked: no verdict is not a yes.
    """
    pull = api.pull(number)
    text = api.text(CONFIG, pull.base)
    if text is None:
        cure = f"add {CONFIG} to {pull.base_branch} first"
        raise Unavailable(f"{CONFIG} is not on {pull.base_branch}: there is no rule", cure)
    rules = config.parse(text, root, {}).config
    changed = _changed(root, base) if base else api.files(number)
    asked, because = wanted(rules, changed)
    reviews = api.reviews(number)
    late = api.makers(pull.head) if reviews else frozenset()
    opinions = weighed(rules, pull, reviews, late)
    needed, warnings = _possible(rules, pull, asked)
    return Verdict(pull, asked, because, needed, opinions, warnings)


def wanted(rules: Config, changed: Iterable[str]) -> tuple[int, str]:
    """How many approvals the change asks for, and the path that asks for most of them.

    Prototypes ask for none; production agents, and the rules themselves, for `[review] agents`;
    experiments and everything else for `[review] experiments`.
    """
    most, because = 0, ""
    for path in sorted(changed):
        count = _count(rules, path)
        if count > most:
            most, because = count, path
    return most, because


def weighed(
    rules: Config, pull: Pull, reviews: Iterable[Review], late: Collection[str]
) -> tuple[Opinion, ...]:
    """The last opinion of each person, and whether it counts. `late`: who made the head commit.

    A comment is no opinion and takes none back; a review that was not sent is nobody's.
    """
    last: dict[str, Review] = {}
    for review in reviews:
        if review.state in _OPINIONS and review.login:
            last[review.login.casefold()] = review
    handles = {
        one.github.removeprefix("@").casefold(): handle
        for handle, one in rules.team.items()
        if one.github
    }
    after = {login.casefold() for login in late}
    found = []
    for login, review in sorted(last.items()):
        handle = handles.get(login, "")
        why = _objection(pull, review, handle, login in after)
        found.append(Opinion(review.login, handle, review.state, not why, why))
    return tuple(found)


def _objection(pull: Pull, review: Review, handle: str, late: bool) -> str:
    """Why an opinion does not count; empty when it does."""
    if review.state == "DISMISSED":
        return "dismissed"
    if review.login.casefold() == pull.author.casefold():
        return "the author's own"
    if not handle:
        return f"nobody in [team] has github = {review.login!r}"
    if review.association not in _COLLABORATORS:
        return f"not a collaborator of the repository ({review.association.lower()})"
    if review.state != "APPROVED":
        return ""
    if review.commit != pull.head:
        return f"of an older commit ({review.commit[:12] or 'gone'})"
    return "made the last commit themselves" if late else ""


def _count(rules: Config, path: str) -> int:
    if _below(path, PROTOTYPES):
        return 0
    mirror = path.rpartition("/")[2] == _MIRROR  # a record of what happened, not what runs
    if (_below(path, PRODUCTION) and not mirror) or any(_below(path, one) for one in _RULES):
        return max(rules.review.agents, rules.review.experiments)
    return rules.review.experiments


def _below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _possible(rules: Config, pull: Pull, asked: int) -> tuple[int, tuple[str, ...]]:
    """Never more than there are people besides the author; said, and not a reason to block."""
    logins: Mapping[str, str] = {
        handle: one.github.removeprefix("@").casefold() for handle, one in rules.team.items()
    }
    others = sum(login != pull.author.casefold() for login in logins.values())
    warnings = [
        f"{handle} has no github name in {CONFIG}: an approval of theirs does not count"
        for handle, login in sorted(logins.items())
        if not login and asked
    ]
    if others >= asked:
        return asked, tuple(warnings)
    people = "nobody" if not others else "1 person" if others == 1 else f"{others} people"
    said = f"[review] asks for {asked} approvals and [team] has {people} besides {pull.author}"
    return others, (*warnings, f"{said}: {others} will do")


def _changed(root: Path, base: str) -> list[str]:
    repository = Repository(root)
    return sorted(repository.changes(repository.merge_base(base), "HEAD"))
