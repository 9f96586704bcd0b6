"""What a model on the server is made of, from the two texts of `show`.

Over `wire`: the client drops `system`, `messages`, `renderer`, `parser` and `requires`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlws_scaffold.adapters.ollama import failures, wire
from mlws_scaffold.adapters.ollama.wire import Target
from mlws_scaffold.errors import Unavailable

_BLOB = re.compile(r"(FROM|ADAPTER|DRAFT) .*?sha256[-:]([0-9a-f]{64})$")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as the server tells it. Texts are empty where it says nothing.

    parameters: name -> values as text without Go's quotes (`0.3`, `1e+06`, `<END>`).
    licenses: one item, because the server joins several with a newline: compare them joined.
    weights, adapters: sha256 (64 hex digits) of the blobs, in the server's order.
    """

    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    messages: tuple[tuple[str, str], ...] = ()
    licenses: tuple[str, ...] = ()
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    parent: str = ""
    weights: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


def show(host: str, name: str, timeout: float = 30.0) -> Shown | None:
    """A model of the server; None when it has none of that name.

    Raises ServerError for a name that it refuses, Unavailable when it does not answer as Ollama.
    """
    target = Target(host, name, timeout)
    try:
        data = wire.ask(target, wire.posting("/api/show", {"model": name}))
    except failures.ServerError as error:
        if error.status == 404:
            return None
        if error.status == 400:
            raise
        raise Unavailable(error.message, error.cure) from None
    if not isinstance(data, dict) or not isinstance(data.get("modelfile"), str):
        raise failures.not_ollama(host, f"{name}: its answer shows no model")
    return _shown(data)


def _shown(data: Mapping[str, Any]) -> Shown:
    texts = {key: _text(data, key) for key in ("template", "system", "license", "modelfile")}
    modelfile = texts["modelfile"]
    blobs = list(_blobs(modelfile))
    details = data.get("details")
    return Shown(
        parameters=parameters(_text(data, "parameters")),
        template=texts["template"],
        system=texts["system"],
        messages=tuple(_messages(data.get("messages"))),
        licenses=(texts["license"],) if texts["license"] else (),
        renderer=_text(data, "renderer") or _command(modelfile, "RENDERER", texts),
        parser=_text(data, "parser") or _command(modelfile, "PARSER", texts),
        requires=_text(data, "requires"),
        parent=_text(details, "parent_model") if isinstance(details, dict) else "",
        weights=tuple(digest for kind, digest in blobs if kind == "FROM"),
        adapters=tuple(digest for kind, digest in blobs if kind == "ADAPTER"),
        capabilities=tuple(str(one) for one in data.get("capabilities") or ()),
    )


def parameters(text: str) -> dict[str, tuple[str, ...]]:
    """The `parameters` text: one `name value` a line, Go's `%#v` values, lists as repeated lines.

    The server's order of names is random; that of the values of a list is kept.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, _, value = line.partition(" ")
        if name:
            found[name] = (*found.get(name, ()), _unquoted(value.strip(" ")))
    return found


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value[0] == value[-1] == '"'):
        return value
    # \x stands for a single byte of a text that is not UTF-8.
    return _ESCAPE.sub(_unescaped, value[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    return chr(int(code, 16)) if code else _LETTERS.get(match[4], match[4])


def _blobs(modelfile: str) -> Iterator[tuple[str, str]]:
    """The files of a model: only those before the first text, which may hold such lines too."""
    for line in modelfile.splitlines():
        if match := _BLOB.match(line):
            yield match[1], match[2]
        elif line and not line.startswith(("#", "FROM ")):
            return


def _command(modelfile: str, word: str, texts: Mapping[str, str]) -> str:
    # Servers leave these two out of the JSON. The texts before them could hold such a line.
    for key in ("template", "system"):
        if texts[key]:
            modelfile = modelfile.replace(texts[key], "", 1)
    match = re.search(rf"^{word} (.+)$", modelfile, re.MULTILINE)
    return match[1] if match else ""


def _messages(found: object) -> Iterator[tuple[str, str]]:
    for message in found if isinstance(found, list) else []:
        if isinstance(message, dict):
            yield _text(message, "role"), _text(message, "content")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
