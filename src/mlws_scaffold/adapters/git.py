"""git, through subprocess (the hot path: plumbum costs more to import than most calls take)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from mlws_scaffold.errors import MlwsError, Unavailable

# Never wait for a password or an editor: nobody may be at the terminal.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}


class GitError(MlwsError):
    """A git command failed; the message holds what git said."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder. `settings` are `-c` values for this use only."""

    folder: Path
    settings: tuple[str, ...] = field(default=())

    def run(self, *arguments: str, stdin: str | None = None, timeout: float | None = None) -> str:
        """Output of `git ARGUMENTS` without the final newline. Raises GitError with git's words."""
        done = self.attempt(*arguments, stdin=stdin, timeout=timeout)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise GitError(f"git {' '.join(arguments[:3])} failed in {self.folder}: {said}")
        return done.stdout.removesuffix("\n")

    def attempt(
        self, *arguments: str, stdin: str | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run without judging the exit status."""
        settings = [part for value in self.settings for part in ("-c", value)]
        try:
            return subprocess.run(
                ["git", *settings, *arguments],
                cwd=self.folder,
                env={**os.environ, **_QUIET},
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            if error.filename != "git":
                raise GitError(f"no folder {self.folder}") from None
            raise Unavailable("git is not installed", "install git 2.30 or newer") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"git {arguments[0]} took longer than {timeout:.0f} s") from None

    def ok(self, *arguments: str) -> bool:
        return self.attempt(*arguments).returncode == 0

    def toplevel(self) -> Path | None:
        """Root of the work tree that holds the folder, or None outside of git."""
        done = self.attempt("rev-parse", "--show-toplevel")
        return Path(done.stdout.strip()) if done.returncode == 0 else None

    def setting(self, key: str) -> str:
        """A configuration value, or the empty string."""
        return self.attempt("config", "--get", key).stdout.strip()

    def has_identity(self) -> bool:
        """Whether a commit made now would know its author (configuration or environment)."""
        return self.ok("-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")

    def commit_of(self, name: str) -> str | None:
        done = self.attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return done.stdout.strip() if done.returncode == 0 else None

    def branch(self) -> str:
        """The current branch (also before its first commit), or the empty string when detached."""
        return self.attempt("symbolic-ref", "--short", "--quiet", "HEAD").stdout.strip()

    def changed(self, *paths: str) -> list[str]:
        """Paths with uncommitted or untracked changes below the given ones, from the top level."""
        out = self.run(
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--",
            *(paths or (".",)),
        )
        return [entry[3:] for entry in out.split("\0") if entry]

    def tracked(self, *patterns: str) -> list[str]:
        return [path for path in self.run("ls-files", "-z", "--", *patterns).split("\0") if path]

    def unmerged(self) -> list[str]:
        lines = self.run("ls-files", "--unmerged", "-z").split("\0")
        return sorted({line.partition("\t")[2] for line in lines if line})
