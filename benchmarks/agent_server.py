"""What the agent's server adds to the model server behind it, against the usual proxy, in one run.

python benchmarks/agent_server.py [--rounds N] [--tokens N]

CPU is that of the server's process alone (user and system, from the kernel), so that other load on
the machine moves the wall times and not the figures that count. All arms take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlws_scaffold.agents.serving import assembly
from tests.support.rendering import ROOT, render

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LIMITS = {"AGENT_LIMITS__RUNNING": "64", "AGENT_LIMITS__QUEUED": "64"}


@dataclass
class Arm:
    """A server: its process, its address and route, and what was measured of it."""

    name: str
    pid: int
    address: str
    path: str = "/v1/chat/completions"
    first: list[float] = field(default_factory=list)
    token_cpu: list[float] = field(default_factory=list)
    paced_cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 2**20


@contextlib.contextmanager
def process(command: list[str], env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        command, env={**os.environ, **env}, cwd=cwd, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def upstream(stack: contextlib.ExitStack, tokens: int, pace: float) -> Arm:
    command = [sys.executable, str(HERE / "agent_upstream.py"), str(tokens), str(pace)]
    child = stack.enter_context(process(command, {}, HERE))
    assert child.stdout is not None
    return Arm("direct", child.pid, child.stdout.readline().strip(), "/api/chat")


def proxy(stack: contextlib.ExitStack, behind: Arm) -> Arm:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "agent_proxy:app", "--port", str(port)]
    command += ["--log-level", "error", "--no-access-log"]
    child = stack.enter_context(process(command, {"UPSTREAM": behind.address}, HERE))
    return Arm("FastAPI + AsyncClient", child.pid, f"http://127.0.0.1:{port}")


def agent(stack: contextlib.ExitStack, behind: Arm, framework: str, limits: dict[str, str]) -> Arm:
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    answers = {"prototype_name": "bench", "prototype_framework": framework}
    folder = render("prototype", answers, scratch / "bench")
    package = assembly.assemble(ROOT / "templates/agent/src/agent", folder, scratch / "served")
    port = free_port()
    env = {
        "PYTHONPATH": str(package), "AGENT_HOME": str(folder), "AGENT_PORT": str(port),
        "AGENT_ENVIRONMENT": "development", "AGENT_MODEL": "m", "OLLAMA_HOST": behind.address,
        "AGENT_LOGGING__LEVEL": "warning", **limits,
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "agent.server"]
    child = stack.enter_context(process(command, env, folder))
    return Arm(f"agent, {framework}", child.pid, f"http://127.0.0.1:{port}")


def request(arm: Arm, stream: bool) -> bytes:
    asked = {"model": "m" if arm.path != "/v1/chat/completions" else "bench", "stream": stream}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": "hi"}]}).encode()
    head = f"POST {arm.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(arm: Arm, *, stream: bool = True, leave: bool = False) -> tuple[int, float]:
    """Send one chat; gives the status and the seconds until the first byte of the body."""
    place = urlsplit(arm.address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        begin = time.perf_counter()
        writer.write(request(arm, stream))
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.read(1)
        took = time.perf_counter() - begin
        assert first or b" 204 " in head
        if not leave:
            while await reader.read(65536):
                pass
        return int(head.split(b" ", 2)[1]), took
    finally:
        writer.close()


async def ready(arm: Arm) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            status, _ = await ask(arm)
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        if status == 200:
            return
        assert time.monotonic() < deadline, f"{arm.name} does not answer"
        await asyncio.sleep(0.1)


async def many(work: Callable[[], Awaitable[object]], count: int, at_once: int) -> float:
    """Do the work so often, so many at a time; gives the seconds."""
    left, begin = iter(range(count)), time.perf_counter()

    async def worker() -> None:
        for _ in left:
            await work()

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return time.perf_counter() - begin


async def measure(arms: list[Arm], paced: list[Arm], tokens: int, rounds: int) -> None:
    for arm in [*arms, *paced]:
        await ready(arm)
        await many(lambda arm=arm: ask(arm), 30, 4)
    for _ in range(rounds):
        for arm in arms:
            arm.first.append(statistics.median([(await ask(arm))[1] for _ in range(30)]))
        for arm in arms:
            before = arm.cpu()
            await many(lambda arm=arm: ask(arm), 64, 16)
            arm.token_cpu.append((arm.cpu() - before) / (64 * tokens))
        for arm, slow in zip(arms, paced, strict=True):
            before = slow.cpu()
            await many(lambda slow=slow: ask(slow), 32, 16)
            arm.paced_cpu.append((slow.cpu() - before) / (32 * tokens))
        for arm in arms:
            if arm.path == "/v1/chat/completions":
                took = await many(lambda arm=arm: ask(arm, stream=False), 64, 16)
                arm.rate.append(64 / took)


def health(arm: Arm) -> dict[str, object]:
    from urllib.request import urlopen

    with urlopen(f"{arm.address}/health", timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
        return found


async def aborted(arm: Arm, count: int) -> tuple[object, object, float]:
    """Slots in use after so many streams were left at their first token; growth in MiB."""
    before = arm.resident()
    await many(lambda: ask(arm, leave=True), count, 16)
    for _ in range(100):
        found = await asyncio.to_thread(health, arm)
        if not found["running"] and not found["queued"]:
            break
        await asyncio.sleep(0.05)
    return found["running"], found["queued"], arm.resident() - before


async def overloaded(arm: Arm, admitted: int) -> tuple[dict[int, int], float]:
    """Statuses at ten times the admitted load, three waves; growth of memory in MiB."""
    await ready(arm)
    before = arm.resident()
    statuses: dict[int, int] = {}

    async def one() -> None:
        status, _ = await ask(arm)
        statuses[status] = statuses.get(status, 0) + 1

    for _ in range(3):
        await asyncio.gather(*(one() for _ in range(10 * admitted)))
    return statuses, arm.resident() - before


def show(arms: list[Arm]) -> None:
    direct, usual = arms[0], arms[1]
    heads = ("server", "first ms", "added", "CPU us/token", "/ usual", "paced", "/ usual",
             "JSON/s", "MiB")  # fmt: skip
    rows = [heads]
    for arm in arms:
        first = statistics.median(arm.first) * 1000
        cpu, paced = statistics.median(arm.token_cpu), statistics.median(arm.paced_cpu)
        rows.append((
            arm.name, f"{first:.2f}", f"{first - statistics.median(direct.first) * 1000:.2f}",
            f"{cpu * 1e6:.0f}", f"{cpu / statistics.median(usual.token_cpu):.2f}",
            f"{paced * 1e6:.0f}", f"{paced / statistics.median(usual.paced_cpu):.2f}",
            f"{statistics.median(arm.rate):.0f}" if arm.rate else "-", f"{arm.resident():.0f}",
        ))  # fmt: skip
    widths = [max(len(row[index]) for row in rows) for index in range(len(heads))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


async def run(stack: contextlib.ExitStack, tokens: int, rounds: int) -> None:
    fast, slow = upstream(stack, tokens, 0), upstream(stack, tokens, 0.01)
    arms, paced = [fast], [slow]
    for behind, into in ((fast, arms), (slow, paced)):
        into.append(proxy(stack, behind))
        into += [agent(stack, behind, name, LIMITS) for name in ("plain", "pydantic-ai")]
    await measure(arms, paced, tokens, rounds)
    show(arms)
    for arm in paced[2:]:
        running, queued, grown = await aborted(arm, 1000)
        print(f"{arm.name}: after 1000 aborted streams {running} running, {queued} queued,"
              f" {grown:+.1f} MiB")  # fmt: skip
    limits = {"AGENT_LIMITS__RUNNING": "4", "AGENT_LIMITS__QUEUED": "16"}
    for name in ("plain", "pydantic-ai"):
        arm = agent(stack, slow, name, limits)
        statuses, grown = await overloaded(arm, 20)
        shown = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        print(f"{arm.name}: three waves of 200 at 20 admitted: {shown}, {grown:+.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=100)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        asyncio.run(run(stack, asked.tokens, asked.rounds))


if __name__ == "__main__":
    main()
