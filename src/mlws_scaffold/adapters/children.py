"""A child process that is started, watched and ended, and whether a process still lives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mlws_scaffold.adapters.process import Finished
from mlws_scaffold.errors import Unavailable

# How long a child may take to leave by itself, and then after SIGTERM, before it is killed.
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Departed:
    """How a child ended. `status` is the shell's: 128 + signal for a signal."""

    status: int
    seconds: float
    peak_bytes: int
    interrupted: bool


class TooSlow(Unavailable):
    """A child did not end in its time and was killed."""


class _Interrupted(KeyboardInterrupt):
    """SIGTERM reached the parent; unlike Ctrl-C on a terminal the child has not heard of it."""


@dataclass(slots=True)
class Child:
    """A running child of this process. `stopped`: somebody asked it to end."""

    process: subprocess.Popen[bytes]
    began: float
    leads: bool = False  # a process group of its own, which is ended with it
    stopped: bool = False

    @property
    def identity(self) -> str:
        return identity(self.process.pid)


def start(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    log: Path | None = None,
    *,
    leads: bool = False,
) -> Child:
    """Start the command without a shell; its streams are ours, or all it says goes to `log`.

    `leads`: it gets a process group of its own, for a server whose workers may outlive it.
    """
    try:
        with log.open("ab") if log else contextlib.nullcontext() as output:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL if output else None,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=leads,
            )
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from None
    return Child(process, time.monotonic(), leads)


def stop(child: Child, *, hard: bool = False) -> None:
    """Ask the child to end (`hard`: kill it) from any thread; whoever waits for it sees the end."""
    child.stopped = True
    if child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.process.pid, signal.SIGKILL if hard else signal.SIGTERM)


def ask(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    timeout: float,
    words: str = "",
) -> Finished:
    """Run a short command that reads `words` to its end.

    Raises Unavailable when it is missing, TooSlow after `timeout` seconds.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=dict(env),
            input=words,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TooSlow(f"{command[0]} took longer than {timeout:.0f} s") from None
    return Finished(done.returncode, done.stdout, done.stderr)


def detach(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    keep: tuple[int, ...] = (),
) -> int:
    """Start a process that outlives this one and the terminal; returns its id.

    `keep`: open files that it holds too.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep,
        )
    process.returncode = 0  # never waited for: it is not ours any more
    return process.pid


def wait(child: Child) -> Departed:
    """Wait for the end. Ctrl-C and SIGTERM end the child too, politely first."""
    gone = threading.Event()
    result: list[tuple[int, int]] = []

    def reap() -> None:
        try:
            _, status, usage = os.wait4(child.process.pid, 0)
            result.append((os.waitstatus_to_exitcode(status), usage.ru_maxrss))
        except ChildProcessError:
            result.append((child.process.returncode or 0, 0))
        gone.set()

    threading.Thread(target=reap, daemon=True).start()
    before = on_terminate(_stop)
    interrupted = False
    try:
        gone.wait()
    except KeyboardInterrupt as stop:
        interrupted = True
        on_terminate(signal.SIG_IGN)
        # A terminal's Ctrl-C reaches our own group alone.
        heard = not isinstance(stop, _Interrupted) and not child.leads
        _end(child, gone, heard=heard)
    finally:
        if child.leads:
            _end_group(child.process.pid)
        on_terminate(before)
    code, peak = result[0]
    child.process.returncode = code
    status = 128 - code if code < 0 else code
    # Linux counts kilobytes, macOS bytes.
    scale = 1 if sys.platform == "darwin" else 1024
    ended = interrupted or child.stopped
    return Departed(status, time.monotonic() - child.began, peak * scale, ended)


def _end(child: Child, gone: threading.Event, *, heard: bool) -> None:
    """Ask, insist, then kill. `heard`: a terminal's Ctrl-C may have reached the child already."""
    steps = [(signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)]
    if heard and not gone.wait(1.0):
        steps.insert(0, (signal.SIGINT, GRACE_SECONDS))
    for number, seconds in steps:
        if gone.is_set():
            return
        try:
            (os.killpg if child.leads else os.kill)(child.process.pid, number)
            gone.wait(seconds)
        except ProcessLookupError:
            gone.wait()
        except KeyboardInterrupt:
            continue  # a second Ctrl-C: the next, harder step at once


def _end_group(leader: int) -> None:
    """End what is left of the group of a process that is gone."""
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 1.0)):
        if not _members(leader):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, number)
        end = time.monotonic() + seconds
        while _members(leader) and time.monotonic() < end:
            time.sleep(0.05)


def _members(leader: int) -> bool:
    """Whether a process of the group lives. Zombies, which some containers keep, do not."""
    if not Path("/proc/self").exists():
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return False
        return True
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, group = (
                stat.read_text("ascii", "replace").rpartition(")")[2].split()[:3]
            )
            if int(group) == leader and state != "Z":
                return True
    return False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Interrupted


def on_terminate(handler: Any) -> Any:
    """Set the handler of SIGTERM where that is allowed, in the main thread; the one before it."""
    if threading.current_thread() is not threading.main_thread():
        return signal.SIG_DFL
    return signal.signal(signal.SIGTERM, handler)


def identity(pid: int) -> str:
    """`pid@start`: an id that no later process can have. The start is empty where it is unknown."""
    return f"{pid}@{_started(pid)}"


def alive(text: str) -> bool | None:
    """Whether the process of an `identity` lives; None where that cannot be told."""
    number, _, started = text.partition("@")
    if not number.isdigit() or int(number) <= 0:
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = _started(int(number))
    if not started:
        return None
    return now == started


def terminate(text: str) -> None:
    """Send SIGTERM to the process of an `identity`, if it still is that one."""
    if alive(text):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(text.partition("@")[0]), signal.SIGTERM)


def _started(pid: int) -> str:
    """When the process began, in the system's own words; empty when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
        asked = ["ps", "-o", "lstart=", "-p", str(pid)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        return "-".join(done.stdout.split())
    # The name in brackets may hold blanks and brackets of its own.
    fields = text.rpartition(")")[2].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    return "" if fields[0] == "Z" else f"{boot}-{fields[19]}"
