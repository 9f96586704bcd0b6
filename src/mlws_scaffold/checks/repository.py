"""What git says about the folder that is checked: one call per question, each asked at most
once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import Unavailable, UsageError

# A person's own settings must not change what git prints for us.
_SETTINGS = (
    "core.quotePath=false",
    "grep.fullName=false",
    "grep.column=false",
    "diff.noprefix=false",
    "log.showSignature=false",
)


@dataclass(frozen=True, slots=True)
class Match:
    """A line that git grep found; `line` counts from 1."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Who changed what: the author's address, and the letter (A, M, D) of each path."""

    name: str
    email: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class Repository:
    """The git repository around `root`. All paths are relative to `root` and lie below it."""

    root: Path

    @cached_property
    def git(self) -> Git:
        return Git(self.root, _SETTINGS)

    @cached_property
    def tracked(self) -> frozenset[str]:
        return frozenset(self._names("ls-files", "-z"))

    @cached_property
    def untracked(self) -> frozenset[str]:
        """Neither tracked nor ignored."""
        return frozenset(self._names("ls-files", "-z", "--others", "--exclude-standard"))

    @cached_property
    def files(self) -> frozenset[str]:
        return self.tracked | self.untracked

    @cached_property
    def ignored_but_tracked(self) -> list[str]:
        # Only the .gitignore files count: what one person ignores elsewhere binds nobody else.
        return sorted(self._names("ls-files", "-z", "-ci", "--exclude-per-directory=.gitignore"))

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes of each file in the index. What Git LFS keeps counts as its pointer."""
        entries: dict[str, str] = {}
        for entry in self.git.run("ls-files", "-s", "-z").split("\0"):
            place, _, path = entry.partition("\t")
            mode, _, rest = place.partition(" ")
            if path and mode.startswith("100"):
                entries[path] = rest.split(" ")[0]
        asked = "".join(f"{name}\n" for name in sorted(set(entries.values())))
        answer = self.git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)
        pairs = (line.split(" ") for line in answer.splitlines())
        sizes = {name: int(size) for name, size in pairs if size.isdigit()}
        return {path: sizes.get(name, 0) for path, name in entries.items()}

    @cached_property
    def branch(self) -> str:
        """The current branch, or the empty string when HEAD is detached."""
        return self.git.branch()

    @cached_property
    def email(self) -> str:
        return self.git.setting("user.email")

    @cached_property
    def shallow(self) -> bool:
        return self.git.run("rev-parse", "--is-shallow-repository") == "true"

    @cached_property
    def prefix(self) -> str:
        """The way from the top of the repository to `root`, ending with / unless empty."""
        return self.git.run("rev-parse", "--show-prefix")

    @cached_property
    def references(self) -> dict[str, str]:
        """Commit of each local and remote branch, by full name."""
        lines = self.git.run(
            "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes"
        )
        pairs = (line.split(" ", 1) for line in lines.splitlines())
        return {name: commit for commit, name in pairs}

    def branch_references(self, branch: str) -> list[str]:
        """Full names of a branch here and on every remote."""
        return [
            name
            for name in self.references
            if name == f"refs/heads/{branch}"
            or (name.startswith("refs/remotes/") and name.split("/", 3)[3:] == [branch])
        ]

    def changes(self, *what: str) -> dict[str, str]:
        """Letter (A, M, D) of each path that differs: `--cached`, or between the tree and a
        commit."""
        out = self._names("diff", "--name-status", "-z", "--relative", "--no-renames", *what, "--")
        return dict(zip(out[1::2], out[::2], strict=True))

    def commits(self, *what: str) -> list[Commit]:
        """Commits of the range that changed something below the root, without merges."""
        form = "--format=%x01%H%x02%aE"
        out = self.git.run(
            "log", "--no-merges", "--no-renames", "--name-status", "--relative", form, *what
        )
        found = []
        for part in out.split("\x01")[1:]:
            head, *lines = part.splitlines()
            name, _, email = head.partition("\x02")
            pairs = (line.split("\t", 1) for line in lines if "\t" in line)
            found.append(Commit(name, email, {path: letter for letter, path in pairs}))
        return found

    def merged(self, reference: str) -> frozenset[str]:
        """Full names of the branches whose tip is an ancestor of the reference."""
        out = self.git.run(
            "for-each-ref",
            f"--merged={reference}",
            "--format=%(refname)",
            "refs/heads",
            "refs/remotes",
        )
        return frozenset(out.splitlines())

    def brings_nothing(self, branch: str, into: str) -> bool:
        """Whether merging the branch would change no file: its work arrived by squash or
        cherry-pick.

        False as well where git is older than 2.38 and cannot tell.
        """
        done = self.git.attempt("merge-tree", "--write-tree", "--no-messages", into, branch)
        tree = self.git.attempt(
            "rev-parse", "--verify", "--quiet", f"{into}^{{tree}}"
        ).stdout.strip()
        return done.returncode == 0 and done.stdout.strip() == tree != ""

    def merge_base(self, reference: str) -> str:
        """The commit where HEAD left `reference`. Raises UsageError or Unavailable."""
        if self.git.commit_of(reference) is None:
            raise UsageError(
                f"git knows no commit {reference!r}", "name a branch, tag or commit; fetch it first"
            )
        done = self.git.attempt("merge-base", reference, "HEAD")
        if done.returncode:
            raise Unavailable(
                f"{reference} and HEAD have no commit in common here",
                "fetch the whole history (fetch-depth: 0)",
            )
        return done.stdout.strip()

    def changed_since(self, commit: str) -> frozenset[str]:
        """Paths that differ between a commit and the working tree, untracked ones included."""
        return frozenset(self.changes(commit)) | self.untracked

    def grep(self, pattern: str, *paths: str, revision: str = "") -> list[Match]:
        """Lines that match the extended expression, in text files or in those of a revision."""
        if revision:
            return self._grep(pattern, revision, "--", *paths)
        found = self._grep(pattern, "--", *paths)
        if self.untracked:
            # `--untracked` alone would leave out files that are tracked and ignored at once.
            more = self._grep(pattern, "--untracked", "--", *paths)
            found += [match for match in more if match.path in self.untracked]
        return found

    def _grep(self, pattern: str, *rest: str) -> list[Match]:
        options = ["grep", "-I", "-n", "-z", "--no-color", "-E", "-e", pattern, *rest]
        done = self.git.attempt(*options)
        if done.returncode > 1:
            self.git.run(*options)  # raises with git's words
        skip = (
            0 if rest[0].startswith("-") else len(rest[0]) + 1
        )  # a revision stands before each path
        found = []
        for line in done.stdout.split("\n"):
            path, number, text = (*line.split("\0", 2), "", "")[:3]
            if number.isdigit():
                found.append(Match(path[skip:], int(number), text))
        return found

    def _names(self, *arguments: str) -> list[str]:
        return [name for name in self.git.run(*arguments).split("\0") if name]
