"""The configuration of the proxy as text. Measured line by line; the whys travel with it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, process
from mlws_scaffold.errors import MlwsError, Unavailable

BACKEND = "agent"
RING = "requests"
MOST_WEIGHT = 256
MISSING = "install it (Debian: apt-get install haproxy)"
# What starts where a word may: nothing typed by somebody becomes a second line or an option.
_WORD = re.compile(r"[A-Za-z0-9*][A-Za-z0-9_.:-]*")
_CHECK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """One slot. `weight` is 0 to 256; one that is not `enabled` is in maintenance at weight 0."""

    slot: str
    host: str
    port: int
    weight: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. `resolvers` is a name server such as `127.0.0.11:53` where hosts are names.

    `ops_port` serves the exporter and the statistics page on `ops_host`: never to the public.
    """

    listen_host: str
    listen_port: int
    ops_port: int | None
    socket: Path
    servers: tuple[Server, ...]
    resolvers: str | None = None
    ops_host: str = "127.0.0.1"
    socket_mode: int = 0o600


def text(proxy: Proxy) -> str:
    """The whole `haproxy.cfg`. Raises MlwsError on a value that the file cannot hold."""
    _examine(proxy)
    parts = [
        _GLOBAL.format(socket=proxy.socket, mode=f"{proxy.socket_mode:o}"),
        _RESOLVERS.format(address=proxy.resolvers) if proxy.resolvers else "",
        _DEFAULTS,
        _FRONTEND.format(host=proxy.listen_host, port=proxy.listen_port, log=_LOG),
        _backend(proxy),
        _OPS.format(host=proxy.ops_host, port=proxy.ops_port) if proxy.ops_port else "",
    ]
    return "\n".join(part for part in parts if part)


def check(configuration: str, command: Sequence[str] = ()) -> None:
    """Let HAProxy judge the text; `command` is one to use instead of the machine's own.

    Raises MlwsError with what HAProxy said, Unavailable without HAProxy.
    """
    asked = [*(command or [executable()]), "-c", "-f", "/dev/stdin"]
    done = children.ask(asked, Path("/"), os.environ, timeout=_CHECK_SECONDS, words=configuration)
    if done.status != 0:
        raise MlwsError(
            f"HAProxy refuses the configuration: {done.said}", "nothing was changed; report it"
        )


def executable() -> str:
    """Where HAProxy is; Debian keeps it out of a person's PATH. Raises Unavailable."""
    found = process.find("haproxy")
    if not found and os.access("/usr/sbin/haproxy", os.X_OK):
        found = "/usr/sbin/haproxy"
    if not found:
        raise Unavailable("haproxy is not installed", MISSING)
    return found


def word(value: str, what: str) -> str:
    """The value, when it is one plain word for HAProxy. Raises MlwsError."""
    if not _WORD.fullmatch(value):
        raise MlwsError(
            f"{what} {value!r} cannot be given to HAProxy", "use letters, digits, . _ -"
        )
    return value


def weight(value: int) -> int:
    """The value, when HAProxy can take it as a weight. Raises MlwsError."""
    if not 0 <= value <= MOST_WEIGHT:
        raise MlwsError(f"a weight of {value} is none", f"give 0 to {MOST_WEIGHT}")
    return value


def port(value: int) -> int:
    """The value, when it is a TCP port. Raises MlwsError."""
    if not 0 < value < 65536:
        raise MlwsError(f"{value} is no port", "give 1 to 65535")
    return value


def _examine(proxy: Proxy) -> None:
    word(proxy.listen_host, "the address")
    word(proxy.ops_host, "the address")
    port(proxy.listen_port)
    if proxy.ops_port is not None:
        port(proxy.ops_port)
    if proxy.resolvers is not None:
        word(proxy.resolvers, "the name server")
    if re.search(r"[\s\"'\\#]", str(proxy.socket)):
        raise MlwsError(
            f"the socket {str(proxy.socket)!r} cannot be given to HAProxy",
            "choose a folder without blanks and quotes",
        )
    slots = [word(server.slot, "the slot") for server in proxy.servers]
    if len(set(slots)) != len(slots):
        raise MlwsError(f"slots are named twice: {', '.join(slots)}", "give each its own name")
    for server in proxy.servers:
        word(server.host, f"the host of slot {server.slot}")
        port(server.port)
        weight(server.weight)


def _backend(proxy: Proxy) -> str:
    names = "resolvers names init-addr last,libc,none resolve-prefer ipv4 "
    lines = [_BACKEND.format(name=BACKEND, names=names if proxy.resolvers else "")]
    for server in proxy.servers:
        state = f"weight {server.weight}" if server.enabled else "weight 0 disabled"
        lines.append(f"    server {server.slot} {server.host}:{server.port} {state}\n")
    return "".join(lines)


# n counts the requests of one process, p names the process: together they make a line unique.
_LOG = (
    '{"n":%rt,"p":%pid,"t":%Ts,"s":"%s","st":%ST,"Tc":%Tc,"Tr":%Tr,"Ta":%Ta,'
    '"ts":"%ts","rc":"%rc","m":"%HM"}'
)

_GLOBAL = """\
# Written by mlws before each command to the running proxy, so that a restart keeps what users see.
global
    log ring@requests len 1024 local0
    # Weights and states need the level admin, which may do everything: for the deployer alone.
    stats socket {socket} mode {mode} level admin expose-fd listeners
    stats timeout 1h
    # The longest answer that a reload lets end.
    hard-stop-after 15m
    maxconn 2000

# The last requests, in memory: the evidence of a canary, read through the socket.
ring requests
    format raw
    maxlen 1024
    size 1048576
"""
_RESOLVERS = """\
# Addresses of containers change when they are made again; names stay.
resolvers names
    nameserver dns {address}
    hold valid 2s
"""
_DEFAULTS = """\
defaults
    mode http
    log global
    option dontlognull
    # Without it a streamed answer begins 200 ms late, and no timer of HAProxy shows that.
    option http-no-delay
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 30s
    timeout queue 5s
    timeout client 1h
    # The longest silence between two tokens.
    timeout server 5m
    timeout client-fin 10s
    timeout server-fin 10s
    timeout tunnel 1h
    retries 3
    # The first retry goes to the other version at once.
    option redispatch 1
    # Nothing was sent yet, so no POST runs twice; an agent killed before it answered is a 502.
    retry-on conn-failure
"""
_FRONTEND = """\
frontend public
    bind {host}:{port}
    log-format '{log}'
    acl streams res.hdr(content-type) -m beg text/event-stream
    http-response set-header X-Accel-Buffering no if streams
    default_backend agent
"""
_BACKEND = """\
backend {name}
    # Counts requests: leastconn would send a slow version less and so hide it. No slowstart either.
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host agent
    http-check expect status 200
    # A killed version is out within a second; connections it refuses meanwhile go to the other.
    default-server {names}check inter 1s fastinter 200ms downinter 1s rise 2 fall 2 \
observe layer4 error-limit 3 on-error fastinter
"""
_OPS = """\
# For Prometheus and the person on duty, not for the public. Its averages are no evidence.
frontend ops
    bind {host}:{port}
    no log
    http-request use-service prometheus-exporter if {{ path /metrics }}
    stats enable
    stats uri /stats
"""
