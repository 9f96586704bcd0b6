"""Bytes of a Modelfile to text: UTF-8, or UTF-16 behind a byte order mark; nothing is refused."""

from __future__ import annotations

import codecs
import re

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SURROGATES = re.compile("[\ud800-\udfff]")
# Go's decoder takes a low surrogate and the one behind it for one mistake.
_SURROGATES_OF_UTF16 = re.compile("[\udc00-\udfff]{2}|[\ud800-\udfff]")
_INVALID = "\ufffd"


def decode(data: bytes | str) -> str:
    """The text. What is invalid becomes U+FFFD, in the number that Ollama makes of it.

    That is one for each cut-off sequence, behind a mark for UTF-8 one for each byte, and in UTF-16
    one for each unit.
    """
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data.startswith(codecs.BOM_UTF8):
        text = data[3:].decode("utf-8", "surrogateescape")
        return _SURROGATES.sub(_INVALID, text)
    if encoding := _UTF16.get(data[:2]):
        whole = len(data) // 2 * 2
        text = data[2:whole].decode(encoding, "surrogatepass")
        return _SURROGATES_OF_UTF16.sub(_INVALID, text) + _INVALID * (len(data) % 2)
    return data.decode("utf-8", "replace")
