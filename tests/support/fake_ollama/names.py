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
    rest, tag = text.strip().rpartition("://")[2], "latest"
    # `m:8b:cloud` and `m:cloud` name the stubs `m:8b-cloud` and `m:cloud`; `:local` says nothing.
    if rest.lower().endswith(":local"):
        rest = rest[: -len(":local")]
    elif rest.lower().endswith(":cloud") and ":" in rest[: -len(":cloud")].rpartition("/")[2]:
        rest = rest[: -len(":cloud")] + "-cloud"
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    rest, _, model = rest.rpartition("/")
    host, _, namespace = rest.rpartition("/")
    return Name(host or DEFAULT_HOST, namespace or "library", model, tag)
