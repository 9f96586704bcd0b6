"""`/api/create`: a model from another one or from files, by the rules of what is inherited."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support.fake_ollama import gotext
from tests.support.fake_ollama.library import LAYER, config, manifest
from tests.support.fake_ollama.names import Name, parse, reference
from tests.support.fake_ollama.pulling import Line, Refusal
from tests.support.fake_ollama.store import DIGEST, Store

Layer = dict[str, Any]
# Since which version a field of the request is known; an older server ignores it.
SINCE = {
    "renderer": (0, 12, 0),
    "parser": (0, 12, 0),
    "requires": (0, 14, 0),
    "draft_files": (0, 30, 0),
}
_INHERITED = ("renderer", "parser", "requires", "model_format", "capabilities")
_FIRST = 400
_DEPTH = {"if": 1, "range": 1, "with": 1, "define": 1, "block": 1, "end": -1}


def check(body: Mapping[str, Any]) -> None:
    """What is refused before anything is streamed."""
    for field in ("files", "draft_files", "adapters"):
        for path, digest in (body.get(field) or {}).items():
            if field != "adapters" and not _is_relative(path):
                raise Refusal("file path must be relative", _FIRST)
            if not digest:
                raise Refusal("invalid digest format", _FIRST)
    if not parse(str(body.get("model") or body.get("name") or "")).valid:
        raise Refusal("invalid model name", _FIRST)


def _is_relative(path: str) -> bool:
    parts = path.split("/")
    return bool(path) and (path == "." or not any(part in ("", ".", "..") for part in parts))


class Build:
    """One request. `pull` brings a base that is not there."""

    def __init__(
        self, store: Store, body: Mapping[str, Any], pull: Callable[[Name], Iterator[Line]]
    ) -> None:
        self._store = store
        self._body = body
        self._pull = pull
        self._name = store.known(parse(str(body.get("model") or body.get("name"))))
        self._about: dict[str, Any] = {
            key: body.get(key) or "" for key in ("renderer", "parser", "requires")
        }
        self._layers: list[Layer] = []

    def run(self) -> Iterator[Line]:
        before = self._store.manifest(self._name)
        if self._body.get("from"):
            yield from self._from_model(reference(self._body["from"]))
        elif self._body.get("files") is not None:
            yield from self._from_files("files", "model")
        else:
            raise Refusal("neither 'from' or 'files' was specified", _FIRST)
        for field, kind in (("draft_files", "draft"), ("adapters", "adapter")):
            if self._body.get(field):
                yield from self._from_files(field, kind)
        self._overlay()
        for layer in self._layers:
            yield {"status": layer.pop("status")}
        about = config(**self._about)
        yield {"status": "writing manifest"}
        with self._store.lock:
            self._store.put_blob(about)
            self._store.put_manifest(self._name, manifest(about, self._layers))
            if before is not None:
                self._store.prune([one["digest"] for one in [*before["layers"], before["config"]]])
        yield {"status": "success"}

    def _from_model(self, base: Name) -> Iterator[Line]:
        if not base.valid:
            raise Refusal("invalid model name", _FIRST)
        host = self._body.get("remote_host")
        if host or base.tag.lower() == "cloud" or base.tag.lower().endswith("-cloud"):
            stub = {"remote_host": host or "https://ollama.com:443", "remote_model": str(base)}
            self._about.update(stub, model_format="", model_family="", model_families=None)
            return
        if self._store.manifest(base) is None:
            for line in self._pull(base):
                if line["status"] != "success":
                    yield line
        found = self._store.manifest(base) or {}
        about = self._store.config(base)
        self._about.update(
            {key: self._about.get(key) or about[key] for key in _INHERITED if about.get(key)}
        )
        for key in ("model_family", "model_families", "model_type", "file_type"):
            self._about[key] = about[key]
        for layer in found["layers"]:
            status = f"using existing layer {layer['digest']}"
            size = len(self._store.blobs[layer["digest"]])
            self._layers.append({**layer, "size": size, "from": str(base), "status": status})

    def _from_files(self, field: str, kind: str) -> Iterator[Line]:
        files: dict[str, str] = self._body[field] or {}
        contents = {path: self._file(digest) for path, digest in files.items()}
        if not contents:
            raise Refusal("no files provided to convert", _FIRST)
        if any(path.endswith(".safetensors") for path in contents):
            yield {"status": "converting model"}
            both = b"".join(path.encode() + contents[path] for path in sorted(contents))
            self._add(kind, b"GGUF" + hashlib.sha256(both).digest() * 8)
            return
        named = any(path.endswith(".gguf") for path in contents)
        if not named and not all(data.startswith(b"GGUF") for data in contents.values()):
            raise Refusal("unknown type", _FIRST)
        if kind == "adapter" and len(contents) > 1:
            raise Refusal("only one adapter is currently supported", _FIRST)
        for path in sorted(contents):
            yield {"status": "parsing GGUF"}
            if not contents[path].startswith(b"GGUF"):
                raise Refusal("supplied file was not in GGUF format", _FIRST)
            self._add(kind, contents[path])

    def _file(self, digest: str) -> bytes:
        if not DIGEST.fullmatch(digest):
            raise Refusal("invalid digest format", 500)
        data = self._store.blobs.get(digest.replace("-", ":", 1))
        if data is None:
            path = digest.replace(":", "-")
            raise Refusal(f"open /models/blobs/{path}: no such file or directory", 500)
        return data

    def _overlay(self) -> None:
        body = self._body
        if template := body.get("template"):
            _judge_template(template)
            self._replace("template", template.encode())
        if system := body.get("system"):
            self._replace("system", system.encode())
        licenses = body.get("license") or []
        for text in [licenses] if isinstance(licenses, str) else licenses:
            self._add("license", text.encode())
        self._parameters(dict(body.get("parameters") or {}))
        if messages := body.get("messages"):
            self._replace("messages", gotext.encode(list(messages)))

    def _parameters(self, given: dict[str, Any]) -> None:
        for layer in self._layers:
            if layer["mediaType"] == LAYER + "params":
                base = json.loads(self._store.blobs[layer["digest"]])
                given = {**base, **given}
        if given:
            self._replace("params", gotext.encode(dict(sorted(given.items()))))

    def _replace(self, kind: str, data: bytes) -> None:
        self._layers = [one for one in self._layers if one["mediaType"] != LAYER + kind]
        self._add(kind, data)

    def _add(self, kind: str, data: bytes) -> None:
        digest, is_new = self._store.put_blob(data)
        status = f"{'creating new' if is_new else 'using existing'} layer {digest}"
        self._layers.append(
            {"mediaType": LAYER + kind, "digest": digest, "size": len(data), "status": status}
        )


def _judge_template(text: str) -> None:
    """The commonest mistakes of a Go template: braces and blocks left open."""
    depth = 0
    rest = text
    while "{{" in rest:
        _, _, rest = rest.partition("{{")
        action, closed, rest = rest.partition("}}")
        if not closed:
            raise Refusal("template error: template: :1: unclosed action", _FIRST)
        word = re.match(r"-?\s*(\w*)", action)
        depth += _DEPTH.get(word[1] if word else "", 0)
        if depth < 0:
            raise Refusal("template error: template: :1: unexpected {{end}}", _FIRST)
    if depth:
        raise Refusal("template error: template: :1: unexpected EOF", _FIRST)
