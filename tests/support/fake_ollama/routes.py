"""What each route does. A handler takes the server, the path, the body and a fault's name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.fake_ollama import answering, building, showing
from tests.support.fake_ollama.library import digest_of
from tests.support.fake_ollama.names import Name, parse, reference
from tests.support.fake_ollama.pulling import Refusal
from tests.support.fake_ollama.store import DIGEST, DiskFull

if TYPE_CHECKING:
    from tests.support.fake_ollama.fake import FakeOllama


@dataclass(frozen=True)
class Text:
    """An answer that is no JSON object."""

    text: str = ""
    status: int = 200
    kind: str = "text/plain"


@dataclass(frozen=True)
class Stream:
    """NDJSON, or (`events`) server-sent events."""

    lines: Iterator[dict[str, Any]]
    events: bool = False

    @property
    def kind(self) -> str:
        return "text/event-stream" if self.events else "application/x-ndjson"

    def encoded(self) -> Generator[bytes]:
        for line in self.lines:
            data = json.dumps(line).encode()
            yield b"data: " + data + b"\n\n" if self.events else data + b"\n"
        if self.events:
            yield b"data: [DONE]\n\n"

    def error(self, words: str) -> bytes:
        return json.dumps({"error": words}).encode() + b"\n"


def _root(fake: FakeOllama, path: str, body: Any, fault: str) -> Text:
    return Text("Ollama is running")


def _version(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    return {"version": fake.version}


def _tags(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    return {"models": showing.listed(fake.store)}


def _ps(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    return {"models": showing.in_memory(fake.store, dict(fake.engine.loaded))}


def _show(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    asked = body.get("model") or body.get("name")
    if not asked:
        raise Refusal("model is required", 400)
    name = fake.store.known(_valid(asked))
    with fake.store.lock:
        if fake.store.manifest(name) is None:
            raise Refusal(f"model '{name}' not found", 404)
        return showing.shown(fake.store, name, fake.shuffle)


def _pull(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    name = fake.store.known(_valid(str(body.get("model") or body.get("name") or "")))
    return _told(body, fake.downloads.pull(name, fault))


def _create(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    if fake.number < (0, 5, 5):
        raise Refusal("path or Modelfile are required", 400)
    old = {field for field, since in building.SINCE.items() if fake.number < since}
    known = {key: value for key, value in body.items() if key not in old}
    building.check(known)
    return _told(body, _full(building.Build(fake.store, known, fake.downloads.pull).run()))


def _full(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from lines
    except DiskFull as error:
        raise Refusal(str(error)) from None


def _told(body: Any, lines: Iterator[dict[str, Any]]) -> Any:
    """A stream, or with `stream: false` its last line."""
    if body.get("stream", True):
        return Stream(lines)
    return list(lines)[-1]


def _copy(fake: FakeOllama, path: str, body: Any, fault: str) -> Text:
    names = {}
    for key in ("source", "destination"):
        names[key] = parse(str(body.get(key) or ""))
        if not names[key].valid:
            raise Refusal(f"{key} {json.dumps(body.get(key) or '')} is invalid", 400)
    with fake.store.lock:
        data = fake.store.manifests.get(fake.store.known(names["source"]))
        if data is None:
            raise Refusal(f"model {json.dumps(body['source'])} not found", 404)
        fake.store.put_manifest(names["destination"], data)
    return Text()


def _delete(fake: FakeOllama, path: str, body: Any, fault: str) -> Text:
    asked = str(body.get("model") or body.get("name") or "")
    name = _valid(asked)
    with fake.store.lock:
        if fake.store.manifest(name) is None:
            raise Refusal(f"model '{asked}' not found", 404)
        fake.engine.unload(fake.store.known(name))
        fake.store.remove(name)
    return Text()


def _has_blob(fake: FakeOllama, path: str, body: Any, fault: str) -> Text:
    return Text(status=200 if _digest(path) in fake.store.blobs else 404)


def _put_blob(fake: FakeOllama, path: str, body: bytes, fault: str) -> Text:
    digest = _digest(path)
    if digest in fake.store.blobs:
        return Text(status=200)
    found = digest_of(body)
    if found != digest:
        raise Refusal(f'digest mismatch, expected "{digest}", got "{found}"', 400)
    try:
        fake.store.put_blob(body)
    except DiskFull as error:
        raise Refusal(str(error)) from None
    return Text(status=201)


def _digest(path: str) -> str:
    digest = path.rpartition("/")[2]
    if not DIGEST.fullmatch(digest):
        raise Refusal("invalid digest format", 400)
    return digest.replace("-", ":", 1)


def _chat(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    asked = str(body.get("model") or "")
    name = _there(fake, asked)
    if not body.get("messages"):
        return _memory(fake, name, body, answering.chat_line)
    said = fake.engine.speak(name, asked, body)
    if not body.get("stream", True):
        return answering.whole(asked, body, list(said))
    return Stream(answering.chat_line(asked, piece, last) for piece, last in said)


def _generate(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    asked = str(body.get("model") or "")
    name = _there(fake, asked)
    if not body.get("prompt"):
        return _memory(fake, name, body, answering.generate_line)
    request = {**body, "messages": [{"role": "user", "content": body["prompt"]}]}
    said = fake.engine.speak(name, asked, request)
    if not body.get("stream", True):
        return answering.whole(asked, body, list(said))
    return Stream(answering.generate_line(asked, piece, last) for piece, last in said)


def _memory(fake: FakeOllama, name: Name, body: Any, line: Callable[..., Any]) -> Any:
    """Nothing to answer: the model is loaded, or with `keep_alive: 0` unloaded."""
    asked = str(body["model"])
    if "keep_alive" in body and showing.keep(body["keep_alive"]) == 0:
        fake.engine.unload(name)
        return line(asked, "", {"done_reason": "unload"})
    fake.engine.load(name, body)
    return line(asked, "", {"done_reason": "load"})


def _completions(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    asked = str(body.get("model") or "")
    name = _there(fake, asked)
    if not body.get("messages"):
        raise Refusal("[] is too short - 'messages'", 400)
    keys = ("temperature", "seed", "top_p", "stop", "frequency_penalty", "presence_penalty")
    options = {key: body[key] for key in keys if body.get(key) is not None}
    if body.get("max_tokens"):
        options["num_predict"] = body["max_tokens"]
    wanted = (body.get("response_format") or {}).get("type", "")
    request = {**body, "options": options, "format": "json" if "json" in wanted else None}
    said = fake.engine.speak(name, asked, request)
    if not body.get("stream", False):
        return answering.completion(asked, list(said))
    return Stream(answering.chunks(asked, said, body), events=True)


def _v1_models(fake: FakeOllama, path: str, body: Any, fault: str) -> Any:
    now = int(time.time())
    listed = [
        {"id": str(name), "object": "model", "created": now, "owned_by": "library"}
        for name in fake.store.manifests
    ]
    return {"object": "list", "data": listed}


def _valid(asked: str) -> Name:
    name = reference(asked)
    if not name.valid:
        raise Refusal("invalid model name", 400)
    return name


def _there(fake: FakeOllama, asked: str) -> Name:
    if not asked:
        raise Refusal("model is required", 400)
    name = fake.store.known(reference(asked))
    if fake.store.manifest(name) is None:
        raise Refusal(f"model '{asked}' not found", 404)
    return name


Route = Callable[["FakeOllama", str, Any, str], Any]
ROUTES: tuple[tuple[str, dict[str, Route]], ...] = (
    ("/", {"GET": _root, "HEAD": _root}),
    ("/api/version", {"GET": _version, "HEAD": _version}),
    ("/api/tags", {"GET": _tags, "HEAD": _tags}),
    ("/api/ps", {"GET": _ps}),
    ("/api/show", {"POST": _show}),
    ("/api/pull", {"POST": _pull}),
    ("/api/create", {"POST": _create}),
    ("/api/copy", {"POST": _copy}),
    ("/api/delete", {"DELETE": _delete}),
    ("/api/blobs/", {"HEAD": _has_blob, "POST": _put_blob}),
    ("/api/chat", {"POST": _chat}),
    ("/api/generate", {"POST": _generate}),
    ("/v1/chat/completions", {"POST": _completions}),
    ("/v1/models", {"GET": _v1_models}),
)
