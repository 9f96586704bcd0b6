"""git, through subprocess (the hot path: plumbum costs more to import than most calls take)."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from mlws_scaffold.errors import MlwsError, Unavailable

# Never wait for a password or an editor: nobody may be at the terminal.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}


class GitError(MlwsError):
    """A git command failed; the message holds what git said."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of the repository; `content` is None when it is larger than was asked for."""

    oid: str
    kind: str
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Objects:
    """One `git cat-file --batch` process, asked as often as needed."""

    stdin: IO[bytes]
    stdout: IO[bytes]

    def read(self, names: Iterable[str], most: int) -> Iterator[Found | None]:
        """The objects in the order asked for, None for each one that is not there."""
        asked = [os.fsencode(name) + b"\n" for name in names]
        while asked:
            # What is written fits into the pipe, so neither side ever waits for the other.
            taken = next((n for n in range(1, len(asked)) if n >= 300 or len(asked[n]) > 100), 0)
            part, asked = asked[: taken or len(asked)], asked[taken or len(asked) :]
            self.stdin.write(b"".join(part))
            self.stdin.flush()
            for _ in part:
                yield self._next(most)

    def _next(self, most: int) -> Found | None:
        head = self.stdout.readline()
        if not head:
            raise GitError("git cat-file ended before it had answered")
        words = head.split()
        if len(words) != 3 or not words[2].isdigit():
            return None
        oid, kind, size = words[0].decode(), words[1].decode(), int(words[2])
        content = self.stdout.read(size) if size <= most else None
        left = 0 if content is not None else size
        while left and (piece := self.stdout.read(min(left, 65536))):
            left -= len(piece)
        self.stdout.read(1)
        return Found(oid, kind, size, content)


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder. `settings` (`-c` values) and `environment` are for this use only."""

    folder: Path
    settings: tuple[str, ...] = field(default=())
    environment: tuple[tuple[str, str], ...] = field(default=())

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
                env={**os.environ, **_QUIET, **dict(self.environment)},
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

    def raw(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run without judging the exit status; nothing is decoded, no line ending is touched."""
        settings = [part for value in self.settings for part in ("-c", value)]
        return subprocess.run(
            ["git", *settings, *arguments],
            cwd=self.folder,
            env={**os.environ, **_QUIET, **dict(self.environment)},
            input=stdin,
            capture_output=True,
            check=False,
        )

    @contextlib.contextmanager
    def objects(self) -> Iterator[Objects]:
        """Read many objects by name through one process."""
        with self._pipes("cat-file", "--batch") as (stdin, stdout):
            yield Objects(stdin, stdout)

    def lines(self, *arguments: str, stdin: str = "") -> Iterator[bytes]:
        """Lines of a long output, without holding all of it. What git says of errors is lost."""
        with self._asked(stdin, *arguments) as answered:
            yield from answered

    def pieces(self, *arguments: str, stdin: str = "") -> Iterator[bytes]:
        """The same in pieces, cut anywhere: a tenth cheaper where there are megabytes of it."""
        with self._asked(stdin, *arguments) as answered:
            while piece := os.read(answered.fileno(), 1 << 16):
                yield piece

    @contextlib.contextmanager
    def _asked(self, stdin: str, *arguments: str) -> Iterator[IO[bytes]]:
        with self._pipes(*arguments) as (asked, answered):
            with contextlib.suppress(BrokenPipeError):
                asked.write(os.fsencode(stdin))
                asked.close()
            yield answered

    @contextlib.contextmanager
    def _pipes(self, *arguments: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        settings = [part for value in self.settings for part in ("-c", value)]
        try:
            process = subprocess.Popen(
                ["git", *settings, *arguments],
                cwd=self.folder,
                env={**os.environ, **_QUIET, **dict(self.environment)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise Unavailable("git is not installed", "install git 2.30 or newer") from None
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        try:
            yield stdin, stdout
        finally:
            for stream in (stdin, stdout):
                with contextlib.suppress(OSError):
                    stream.close()
            process.wait()

    def ok(self, *arguments: str) -> bool:
        return self.attempt(*arguments).returncode == 0

    def toplevel(self) -> Path | None:
        """Root of the work tree that holds the folder, or None outside of git."""
        done = self.attempt("rev-parse", "--show-toplevel")
        return Path(done.stdout.strip()) if done.returncode == 0 else None

    def setting(self, key: str) -> str:
        """A configuration value, or the empty string."""
        return self.attempt("config", "--get", key).stdout.strip()

    def settings_of(self, *keys: str) -> dict[str, str]:
        """Those of the configuration values that are set, by key, asked for at once."""
        pattern = "|".join(re.escape(key) for key in keys)
        out = self.attempt("config", "--null", "--get-regexp", f"^({pattern})$").stdout
        # Of a value that is set more than once the last counts.
        pairs = (entry.partition("\n") for entry in out.split("\0") if entry)
        return {key: value.strip() for key, _, value in pairs}

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
