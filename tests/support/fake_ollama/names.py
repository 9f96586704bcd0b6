"""Names of models as the server reads, completes and shows them."""

from __future__ import annotations

import re
from typing import NamedTuple

_PLAIN = re.compile(r"\w[\w-]{0,79}", re.ASCII)
_DOTTED = re.compile(r"\w[\w.-]{0,79}", re.ASCII)
_HOST = re.compile(r"\w[\w.:-]{0,349}", re.ASCII)
DEFAULT_HOST = "registry.ollama.ai"


class Name(NamedTuple):
    host: str
    namespace: str
    model: str
    tag: str

    @property
    def folded(self) -> tuple[str, ...]:
        return tuple(part.lower() for part in self)

    @property
    def valid(self) -> bool:
        fits = zip((_HOST, _PLAIN, _DOTTED, _DOTTED), self, strict=True)
        return all(pattern.fullmatch(part) for pattern, part in fits)

    def __str__(self) -> str:
        """The shortest form, which always has a tag."""
        short = f"{self.model}:{self.tag}"
        if self.host.lower() != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{short}"
        return short if self.namespace.lower() == "library" else f"{self.namespace}/{short}"


def parse(text: str) -> Name:
    """With the defaults filled in; it may be invalid."""
    rest, tag = text, "latest"
    if rest.rfind(":") > rest.rfind("/"):
        rest, tag = _cut(rest, ":")
    rest, model = _cut(rest, "/") if "/" in rest else ("", rest)
    host, namespace = _cut(rest, "/") if "/" in rest else ("", rest)
    host = host.partition("://")[2] if "://" in host else host
    return Name(host or DEFAULT_HOST, namespace or "library", model, tag)


def _cut(text: str, sign: str) -> tuple[str, str]:
    """Around the last sign; a part that is missing there is no good name."""
    before, _, after = text.rpartition(sign)
    return before or "!", after or "!"


def reference(text: str) -> Name:
    """The name behind the form in which most requests may give it.

    `m:8b:cloud` and `m:cloud` mean the stubs `m:8b-cloud` and `m:cloud`; `:local` says nothing.
    """
    rest = text.strip()
    if rest.lower().endswith(":local"):
        rest = rest[: -len(":local")]
    elif rest.lower().endswith(":cloud") and ":" in rest[: -len(":cloud")].rpartition("/")[2]:
        rest = rest[: -len(":cloud")] + "-cloud"
    return parse(rest)
