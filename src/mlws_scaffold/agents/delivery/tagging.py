"""Tags for the versions of agents that the main branch has and no tag names yet."""

from __future__ import annotations

from dataclasses import dataclass

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents.delivery import release
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import PRODUCTION

_TAGS = "refs/tags/agents/*"
# Who made the tag when the machine has no identity of its own: GitHub's own robot.
_ROBOT = (
    "user.name=github-actions[bot]",
    "user.email=41898282+github-actions[bot]@users.noreply.github.com",
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A version of an agent. `state`: `new`, `not pushed` (made here before), `there`, `no lock`.

    Without a committed uv.lock it cannot be deployed, so it gets no tag yet.
    """

    name: str
    agent: str
    version: str
    commit: str
    state: str

    @property
    def due(self) -> bool:
        """Whether there is something to make or to push, and then to deploy."""
        return self.state in ("new", "not pushed")


def plan(place: Workspace, *, remote: str = "") -> list[Tag]:
    """The tag of each production agent's version in HEAD, and whether it has to be made.

    With a remote its tags are fetched first: a clone of a build server has none. Raises UsageError
    when HEAD is not on the main branch, MlwsError when a tag names a commit with another version.
    """
    git = Git(place.root)
    head = git.commit_of("HEAD")
    if head is None:
        raise UsageError("there is no commit to tag here", "git add . && git commit")
    _require_main(git, place.config.workspace.default_branch, remote)
    known = _fetched(git, remote) if remote else None
    above = git.run("rev-parse", "--show-prefix")
    found = []
    for agent in _agents(git):
        path = f"{above}{PRODUCTION}/{agent}/{release.PROJECT}"
        version = release.version_in(git.run("show", f"HEAD:{path}"), path)
        found.append(_judged(git, agent, version, path, known))
    return found


def make(place: Workspace, tags: list[Tag], *, remote: str = "") -> None:
    """Make what is new, and push what the remote lacks, all at once or nothing."""
    git = Git(place.root)
    if not git.has_identity():
        git = Git(place.root, _ROBOT)
    for tag in tags:
        if tag.state == "new":
            said = release.notes(_changelog(git, tag.agent), tag.version)
            text = f"{tag.agent} {tag.version}\n\n{said}".strip()
            # Lines that begin with # are a changelog's headings, no comments.
            git.run(
                "tag",
                "--annotate",
                "--cleanup=whitespace",
                "--file=-",
                tag.name,
                tag.commit,
                stdin=text,
            )
    wanted = [f"refs/tags/{tag.name}" for tag in tags if tag.due]
    if remote and wanted:
        done = git.attempt("push", "--atomic", remote, *wanted, timeout=300)
        if done.returncode:
            cure = "the job needs `permissions: contents: write`; ask again: what is made stays"
            raise MlwsError(f"the tags were not pushed: {done.stderr.strip()}", cure)


def _require_main(git: Git, branch: str, remote: str) -> None:
    places = [f"refs/remotes/{remote or 'origin'}/{branch}", f"refs/heads/{branch}"]
    present = [one for one in places if git.commit_of(one)]
    if not any(git.ok("merge-base", "--is-ancestor", "HEAD", one) for one in present):
        cure = f"tag after the merge: git switch {branch} && git pull"
        raise UsageError(f"HEAD is not on {branch}: a release is what {branch} has", cure)


def _fetched(git: Git, remote: str) -> frozenset[str]:
    """Full names of the remote's tags of agents, all of them here now. Raises MlwsError."""
    done = git.attempt("ls-remote", "--tags", "--refs", remote, _TAGS, timeout=120)
    if done.returncode:
        raise MlwsError(f"{remote} does not list its tags: {done.stderr.strip()}", "git remote -v")
    names = frozenset(line.partition("\t")[2] for line in done.stdout.splitlines())
    lacking = [name for name in sorted(names) if git.commit_of(name) is None]
    if lacking:
        git.run("fetch", "--quiet", "--no-tags", remote, *(f"{one}:{one}" for one in lacking))
    return names


def _agents(git: Git) -> list[str]:
    """Production agents of HEAD; what is only in the work tree is no release."""
    listed = git.run("ls-tree", "-z", "--name-only", "HEAD", f"{PRODUCTION}/").split("\0")
    names = [path.rpartition("/")[2] for path in listed if path]
    return [
        name
        for name in names
        if name[0] not in "._"
        and git.ok("cat-file", "-e", f"HEAD:./{PRODUCTION}/{name}/{release.PROJECT}")
    ]


def _judged(git: Git, agent: str, version: str, path: str, known: frozenset[str] | None) -> Tag:
    name = release.tag_of(agent, version)
    full = f"refs/tags/{name}"
    commit = git.commit_of(full)
    if commit is None:
        locked = git.ok("cat-file", "-e", f"HEAD:./{PRODUCTION}/{agent}/{release.LOCK}")
        return Tag(
            name, agent, version, git.run("rev-parse", "HEAD"), "new" if locked else "no lock"
        )
    tagged = git.attempt("show", f"{commit}:{path}")
    was = release.version_in(tagged.stdout, f"{path} of {name}") if not tagged.returncode else None
    if was != version:
        what = f"has version {was}" if was else "has no such agent"
        cure = (
            f"the tag is wrong: look at it, delete it, or release again: mlws agent release {agent}"
        )
        raise MlwsError(f"{name} exists at {commit[:12]}, which {what}", cure)
    pushed = known is None or full in known
    return Tag(name, agent, version, commit, "there" if pushed else "not pushed")


def _changelog(git: Git, agent: str) -> str:
    done = git.attempt("show", f"HEAD:./{PRODUCTION}/{agent}/{release.CHANGELOG}")
    return done.stdout if done.returncode == 0 else ""
