"""What kind of content the first bytes of a file promise, as far as Ollama asks.

It asks Go's `http.DetectContentType`, which follows the WHATWG's MIME Sniffing Standard
(section 7.1): this keeps apart what that can tell of weights, JSON and archives.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

Kind = Literal["text", "zip", "binary", "other"]

_LOOK = 512
_MARKS_OF_TEXT = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# Pictures, sound, video, fonts, documents and other archives: none of them is a model.
_SIGNATURES = (
    b"%PDF-", b"%!PS-Adobe-", b"\x00\x00\x01\x00", b"\x00\x00\x02\x00", b"BM", b"GIF87a",
    b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b".snd", b"ID3", b"OggS\x00",
    b"MThd\x00\x00\x00\x06", b"\x1aE\xdf\xa3", b"\x00\x01\x00\x00", b"OTTO", b"ttcf", b"wOFF",
    b"wOF2", b"\x1f\x8b\x08", b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"\x00asm",
)  # fmt: skip
_RIFF = re.compile(rb"(?:RIFF....(?:WEBPVP|AVI |WAVE)|FORM....AIFF)", re.DOTALL)
_MARKUP = re.compile(
    rb"<(?:!--|(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR"
    rb"|P)[ >]|\?xml)",
    re.IGNORECASE,
)
_BINARY = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])


def kind(path: Path) -> Kind:
    """The kind of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return kind_of(file.read(_LOOK))


def kind_of(start: bytes) -> Kind:
    """The kind of content that begins like this."""
    if start.startswith(_MARKS_OF_TEXT):
        return "text"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start.startswith(_SIGNATURES) or _RIFF.match(start) or _is_mp4(start):
        return "other"
    if start[34:36] == b"LP" or _MARKUP.match(start.lstrip(b"\t\n\x0c\r ")):
        return "other"
    return "binary" if _BINARY & frozenset(start) else "text"


def _is_mp4(start: bytes) -> bool:
    size = int.from_bytes(start[:4], "big")
    if len(start) < 12 or len(start) < size or size % 4 or start[4:8] != b"ftyp":
        return False
    brands = range(8, size, 4)
    return any(start[at : at + 3] == b"mp4" for at in brands if at != 12)
