"""Commands to a running HAProxy through its admin socket, wherever that is."""

from __future__ import annotations

import csv
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlws_scaffold.adapters import children
from mlws_scaffold.adapters.haproxy.config import BACKEND, port, weight, word
from mlws_scaffold.errors import MlwsError, Unavailable

# A successful `set` is silent, but for these (3.0 says `nothing changed` where 2.6 is silent).
_DONE = re.compile(r"changed from|no need to change|nothing changed|changed its FQDN")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*")
# Relayed by a machine that has Python and the socket; the standard library is all it needs.
RELAY = (
    "import socket,sys\n"
    "s=socket.socket(socket.AF_UNIX)\n"
    "s.settimeout(float(sys.argv[2]))\n"
    "s.connect(sys.argv[1])\n"
    "s.sendall(sys.stdin.buffer.read())\n"
    "while True:\n"
    "    d=s.recv(65536)\n"
    "    if not d:break\n"
    "    sys.stdout.buffer.write(d)\n"
)


class Transport(Protocol):
    """A way to the admin socket."""

    def ask(self, words: str) -> str:
        """Send one line of commands, return all that comes back. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class LocalSocket:
    """The socket is a file of this machine."""

    path: Path
    timeout: float = 10.0

    def ask(self, words: str) -> str:
        """Raises Unavailable when HAProxy does not answer."""
        pieces: list[bytes] = []
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(self.timeout)
                line.connect(str(self.path))
                line.sendall(words.encode() + b"\n")
                while piece := line.recv(65536):
                    pieces.append(piece)
        except OSError as error:
            raise Unavailable(
                f"HAProxy does not answer at {self.path}: {error.strerror or error}",
                "is it running, and is the socket this user's?",
            ) from None
        return b"".join(pieces).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Relayed:
    """The socket is elsewhere: `python` is a command that runs Python there and passes stdin on.

    Such as `("docker", "exec", "-i", "NAME", "python3")`.
    """

    python: Sequence[str]
    path: str
    timeout: float = 20.0

    def ask(self, words: str) -> str:
        """Raises Unavailable when the command or HAProxy does not answer."""
        command = [*self.python, "-c", RELAY, self.path, str(self.timeout)]
        done = children.ask(
            command, Path("/"), os.environ, timeout=self.timeout + 10, words=words + "\n"
        )
        if done.status != 0:
            last = done.said.splitlines()[-1:] or ["no reason given"]
            raise Unavailable(
                f"HAProxy does not answer at {self.path} by {' '.join(self.python)}: {last[0]}",
                "is it running, and is the socket that user's?",
            )
        return done.output


@dataclass(frozen=True, slots=True)
class ServerState:
    """What HAProxy knows of a slot now. Counters begin with the process.

    `status` is UP, DOWN, MAINT, DRAIN or such a word with a check's progress (`UP 1/2`);
    `weight` is what is in effect, 0 in maintenance and while drained.
    """

    slot: str
    address: str
    status: str
    weight: int
    current: int
    total: int
    server_errors: int
    cut: int
    refused: int
    redispatched: int
    check: str

    @property
    def up(self) -> bool:
        """Whether new requests may reach it."""
        return self.status == "UP" or self.status.startswith("UP ")


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in the life of one HAProxy process: how many requests had begun."""

    process: int
    count: int


class Runtime:
    """The running proxy. Calls take one connection or two; without an answer: Unavailable."""

    def __init__(self, way: Path | Transport) -> None:
        self._way = LocalSocket(way) if isinstance(way, Path) else way

    def weights(self, wanted: Mapping[str, int]) -> None:
        """Set the weights, those that grow first, so that somebody always serves."""
        now = {state.slot: state.weight for state in self.servers()}
        order = sorted(wanted, key=lambda slot: now.get(slot, 0) - wanted[slot])
        self._set(*(f"{_at(slot)} weight {weight(wanted[slot])}" for slot in order))

    def point(self, slot: str, host: str, number: int) -> None:
        """Close the slot, then let it mean another address or, with resolvers, another name."""
        word(host, "the host")
        port(number)
        if _ADDRESS.fullmatch(host):
            where = f"{_at(slot)} addr {host} port {number}"
        else:
            if self._port(slot) != number:
                raise MlwsError(
                    f"slot {slot} is not on port {number}, and a name changes no port",
                    "let every version listen on one port",
                )
            where = f"{_at(slot)} fqdn {host}"
        self._set(f"{_at(slot)} state maint", where)

    def ready(self, slot: str) -> None:
        """Let the slot take requests as soon as its check passes."""
        self._set(f"{_at(slot)} state ready")

    def drain(self, slot: str) -> None:
        """No new requests; running ones end. It is empty when `current` is 0."""
        self._set(f"{_at(slot)} state drain")

    def maintain(self, slot: str) -> None:
        """Close the slot: no requests and no checks."""
        self._set(f"{_at(slot)} state maint")

    def servers(self) -> tuple[ServerState, ...]:
        """All slots, in the order of the configuration."""
        said = self._way.ask("show stat -1 4 -1")
        lines = [line for line in said.removeprefix("# ").splitlines() if line.strip()]
        if not lines or not lines[0].startswith("pxname,"):
            raise Unavailable(f"HAProxy says no statistics: {said.strip()[:200]!r}")
        rows = csv.DictReader(lines)
        return tuple(_state(row) for row in rows if row["pxname"] == BACKEND)

    def mark(self) -> Mark:
        """This moment. Later requests have this process and at least this number."""
        said = self._way.ask("show info")
        facts = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
        if not (facts.get("Pid", "").isdigit() and facts.get("CumReq", "").isdigit()):
            raise Unavailable(f"HAProxy says no facts of itself: {said.strip()[:200]!r}")
        return Mark(int(facts["Pid"]), int(facts["CumReq"]))

    def events(self, ring: str) -> str:
        """What a ring buffer holds, oldest first."""
        return self._way.ask(f"show events {word(ring, 'the ring')}")

    def _port(self, slot: str) -> int:
        said = self._way.ask(f"show servers state {BACKEND}")
        lines = [line for line in said.splitlines() if line.strip()]
        rows = csv.DictReader(lines[1:], delimiter=" ") if len(lines) > 1 else []
        # The heading begins with a sign of its own: each name stands one place further.
        for row in rows:
            values = dict(zip([*row][1:], [*row.values()], strict=False))
            if values["srv_name"] == slot:
                return int(values["srv_port"])
        raise MlwsError(f"HAProxy has no slot {slot}", "write its configuration and restart it")

    def _set(self, *commands: str) -> None:
        """Raises MlwsError when HAProxy refuses one; those before it are done."""
        said = self._way.ask(";".join(f"set server {command}" for command in commands))
        wrong = [line for line in said.splitlines() if line.strip() and not _DONE.search(line)]
        if wrong:
            raise MlwsError(
                f"HAProxy refused `{'; '.join(commands)}`: {' '.join(wrong)}",
                "its file holds what is wanted: mlws agent deploy --resume repeats it",
            )


def _at(slot: str) -> str:
    return f"{BACKEND}/{word(slot, 'the slot')}"


def _state(row: Mapping[str, str]) -> ServerState:
    def count(name: str) -> int:
        return int(row.get(name) or 0)

    return ServerState(
        slot=row["svname"],
        address=row.get("addr", ""),
        status=row["status"],
        weight=count("weight"),
        current=count("scur"),
        total=count("stot"),
        server_errors=count("hrsp_5xx"),
        cut=count("srv_abrt"),
        refused=count("econ"),
        redispatched=count("wredis"),
        check=" ".join(filter(None, (row.get("check_status"), row.get("last_chk")))),
    )
