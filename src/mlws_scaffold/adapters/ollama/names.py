"""How servers and models are named: OLLAMA_HOST as the Go client reads it, names of models."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlws_scaffold.errors import UsageError

REGISTRY = "registry.ollama.ai"
_PORTS = {"http": "80", "https": "443"}
_LISTENING = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never bound


@dataclass(frozen=True, slots=True)
class Parts:
    """A whole name: `host/namespace/model:tag`, defaults filled in, case kept."""

    host: str
    namespace: str
    model: str
    tag: str


def address(text: str) -> str:
    """The URL behind any form that OLLAMA_HOST may have: `host`, `host:port`, `:port`, a URL.

    A port that is none becomes the default one, as in the Go client. An address to listen on
    (0.0.0.0, ::) becomes the loopback address. Raises UsageError.
    """
    plain = text.strip().strip("\"'").strip()
    if plain == "ollama.com":
        return "https://ollama.com:443"
    scheme, separator, rest = plain.partition("://")
    scheme, rest = (scheme.lower(), rest) if separator else ("http", plain)
    place, _, path = rest.partition("/")
    host, port = _split(place)
    if scheme not in _PORTS or host is None or re.search(r"[@\s?#]", rest):
        raise _no_address(text)
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        port = _PORTS[scheme] if separator else "11434"
    host = _LISTENING.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{port}" + (f"/{path.strip('/')}" if path.strip("/") else "")
    try:
        understood = urlsplit(url).hostname == host.lower()
    except ValueError:
        understood = False
    if not understood:
        raise _no_address(text)
    return url


def _no_address(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is no address of an Ollama server", "write it as http://host:11434"
    )


def _split(place: str) -> tuple[str | None, str]:
    """Host without brackets, and port; no host where the text can be neither name nor address."""
    bracketed = re.fullmatch(r"\[(.*)\](?::(.*))?", place)
    if bracketed or place.count(":") > 1:
        host, port = (bracketed[1], bracketed[2] or "") if bracketed else (place, "")
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return None, ""
        return host, port
    host, _, port = place.partition(":")
    return host, port


def is_loopback(host: str) -> bool:
    """Whether a URL leads to this machine itself."""
    name = urlsplit(host).hostname or ""
    return name in ("localhost", "::1") or name.startswith("127.")


def full_name(name: str) -> str:
    """The one spelling of a model's name that two names of the same model share."""
    short = name.lower().rpartition("://")[2].removeprefix(f"{REGISTRY}/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def is_cloud(name: str) -> bool:
    """Whether the name is one of a model without weights, which runs at somebody else's."""
    tag = name.lower().rpartition("/")[2].partition(":")[2]
    return tag == "cloud" or tag.endswith(("-cloud", ":cloud"))


def parts(name: str) -> Parts | None:
    """A name taken apart as the server does it; None when the server would refuse it."""
    rest, tag = name, "latest"
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    before, *after = rest.rsplit("/", 2)
    if not after:
        host, namespace, model = "", "library", before
    elif len(after) == 1:
        host, namespace, model = "", before, after[0]
    else:
        host, (namespace, model) = before or "!", after
        host = host.partition("://")[2] if "://" in host else host
    found = Parts(host or REGISTRY, namespace, model, tag)
    plain, dotted = r"\w[\w-]{0,79}", r"\w[\w.-]{0,79}"
    fits = (
        re.fullmatch(r"\w[\w.:-]{0,349}", found.host, re.ASCII)
        and re.fullmatch(plain, found.namespace, re.ASCII)
        and re.fullmatch(dotted, found.model, re.ASCII)
        and re.fullmatch(dotted, found.tag, re.ASCII)
    )
    return found if fits else None
