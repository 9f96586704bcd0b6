"""A model server that costs next to nothing: both of Ollama's chat routes, paced or not.

python benchmarks/agent_upstream.py TOKENS SECONDS_A_TOKEN: prints its address, serves until ended.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
WORD = "word "


def _chunk(data: str) -> bytes:
    raw = data.encode()
    return b"%x\r\n%s\r\n" % (len(raw), raw)


def _ollama(tokens: int) -> list[bytes]:
    line = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": False}
    word = _chunk(json.dumps({**line, "message": {"role": "assistant", "content": WORD}}) + "\n")
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": tokens}
    last = json.dumps({**line, "message": {"role": "assistant", "content": ""}, **end}) + "\n"
    return [*[word] * tokens, _chunk(last)]


def _openai(tokens: int) -> list[bytes]:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(choices: list[object], **more: object) -> bytes:
        return _chunk(f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n")

    delta = {"role": "assistant", "content": WORD}
    word = chunk([{"index": 0, "delta": delta, "finish_reason": None}])
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    stop = chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return [*[word] * tokens, stop, chunk([], usage=usage), _chunk("data: [DONE]\n\n")]


async def serve(tokens: int, pace: float) -> None:
    """Serve on a free loopback port."""
    routes = {
        b"/api/chat": (b"application/x-ndjson", _ollama(tokens)),
        b"/v1/chat/completions": (b"text/event-stream", _openai(tokens)),
    }
    listed = json.dumps({"models": [{"name": "m:latest", "model": "m:latest"}]}).encode()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            size = next((int(ln[15:]) for ln in lines if ln.startswith(b"content-length:")), 0)
            await reader.readexactly(size)
            path = head.split(b" ", 2)[1]
            if path not in routes:
                kind = b"Content-Type: application/json"
                writer.write(
                    b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n" % (kind, len(listed))
                    + listed
                )
                continue
            kind, pieces = routes[path]
            writer.write(HEAD % kind)
            if pace:
                for piece in pieces:
                    await asyncio.sleep(pace)
                    writer.write(piece)
            else:
                # One write per token: a reader sees them as they would come from a fast GPU.
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            if b"connection: close" in lines:
                return

    async def safely(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(safely, "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
