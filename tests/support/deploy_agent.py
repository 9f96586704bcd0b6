"""The stand-in agent: streams some tokens; the file `fault` beside it says how it fails.

Faults: `500 SHARE`, `slow FACTOR`, `dies AFTER` (requests), `never` ready, `exits` at its start.
"""

import asyncio
import json
import os
import sys
import tomllib
from pathlib import Path

HOME = Path(os.environ["AGENT_HOME"])
VERSION = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["version"]
FAULT, _, MEASURE = (HOME / "fault").read_text().strip().partition(" ")
FIRST, TOKENS, PAUSE = 0.02, 3, 0.01
count = 0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await answer(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    global count
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, path, *_ = head.split()
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            await reader.readexactly(int(line.split(":")[1]))
    if method == "GET":
        ready = FAULT != "never" or path != "/readyz"
        whole(writer, 200 if ready else 503, {"version": VERSION, "agent": "helper"})
        await writer.drain()
        return
    count += 1
    if FAULT == "500" and count % round(1 / float(MEASURE)) == 0:
        whole(writer, 500, {})
        await writer.drain()
        return
    await asyncio.sleep(FIRST * (float(MEASURE) if FAULT == "slow" else 1))
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
        + f"X-Version: {VERSION}\r\n\r\n".encode()
    )
    for _ in range(TOKENS):
        writer.write(b"data: token\n\n")
        await writer.drain()
        if FAULT == "dies" and count >= int(MEASURE):
            os._exit(1)
        await asyncio.sleep(PAUSE)
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()


def whole(writer: asyncio.StreamWriter, status: int, body: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    writer.write(
        f"HTTP/1.1 {status} x\r\nContent-Length: {len(data)}\r\nConnection: close\r\n"
        f"X-Version: {VERSION}\r\n\r\n".encode()
        + data
    )


async def main() -> None:
    if FAULT == "exits":
        sys.exit("the configuration is wrong")
    port = int(os.environ["AGENT_PORT"])
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


asyncio.run(main())
