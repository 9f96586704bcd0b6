"""The usual way to put a service before Ollama: FastAPI and the official AsyncClient.

Served by uvicorn as agent_proxy:app; UPSTREAM names the model server.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from ollama import AsyncClient
from pydantic import BaseModel

app = FastAPI()
client = AsyncClient(os.environ["UPSTREAM"])


class Chat(BaseModel):
    model: str
    messages: list[dict[str, str]]
    stream: bool = False


@app.post("/v1/chat/completions")
async def chat(body: Chat) -> Any:
    """Answer in OpenAI's form."""
    if not body.stream:
        text = ""
        async for part in await client.chat("m", body.messages, stream=True):
            text += part.message.content or ""
        message = {"role": "assistant", "content": text}
        return {"object": "chat.completion", "choices": [{"index": 0, "message": message}]}

    async def lines() -> AsyncIterator[str]:
        async for part in await client.chat("m", body.messages, stream=True):
            delta = {"content": part.message.content or ""}
            chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
