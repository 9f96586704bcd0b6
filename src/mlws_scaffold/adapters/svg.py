"""The pieces of an SVG picture: its frame, its style in light and dark, text that is safe in it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

WIDTH = 760
# Width of a letter of 12 px, rather too much than too little; of the heading's.
_LETTER, _LARGE = 7.7, 9.6

# Each at least 3:1 against its background, and told apart with the usual colour blindnesses.
LIGHT = ("#0b63c5", "#c2410c", "#0f7b5a", "#9333a8", "#8a6100", "#0e7490", "#be185d", "#57575f")
DARK = ("#6cb6ff", "#ff9d5c", "#4fd1a5", "#d9a0f5", "#e3b341", "#5fd0e4", "#ff8fb8", "#b5b5c0")
# Background, text, grid, axis.
ON_LIGHT = ("#ffffff", "#1f2328", "#e3e6ea", "#6b7480")
ON_DARK = ("#15181d", "#e6e8eb", "#30353d", "#8b939e")


def picture(title: str, desc: str, parts: Iterable[str], note: str, height: int) -> str:
    """The whole picture. `desc` is read out; `note` stands in small at the bottom."""
    heading = clean(title)
    body = "\n".join(parts)
    # Several plots may stand in one page: their ids must differ, and be the same each time.
    key = hashlib.sha256(f"{heading}\0{desc}\0{body}".encode()).hexdigest()[:10]
    shown = fitting(heading, WIDTH - 20, _LARGE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mlws-plot" role="img"'
        f' aria-labelledby="t{key} d{key}" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}">\n'
        f'<title id="t{key}">{escape(heading)}</title>\n'
        f'<desc id="d{key}">{escape(desc.strip())}</desc>\n'
        f"<style>{_style()}</style>\n"
        f'<rect class="back" width="{WIDTH}" height="{height}"/>\n'
        f'<text class="head" x="10" y="20">{escape(shown)}</text>\n'
        f"{body}\n{text(note, 10, height - 6) if note else ''}</svg>\n"
    )


def _style() -> str:
    base = (
        ".mlws-plot text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif}"
        ".mlws-plot text.head{font-size:14px;font-weight:600}"
        ".mlws-plot path{fill:none}.mlws-plot .line{fill:none;stroke-width:2;stroke-linejoin:round}"
        ".mlws-plot .mark,.mlws-plot .bar{stroke:none}.mlws-plot .spread{stroke-width:1.5}"
    )
    light, dark = _colours(LIGHT, ON_LIGHT), _colours(DARK, ON_DARK)
    return f"{base}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _colours(palette: Sequence[str], grounds: tuple[str, str, str, str]) -> str:
    back, ink, grid, line = grounds
    rules = [
        f".mlws-plot .back{{fill:{back}}}.mlws-plot text{{fill:{ink}}}"
        f".mlws-plot .grid{{stroke:{grid}}}.mlws-plot .axis{{stroke:{line}}}"
        f".mlws-plot .spread{{stroke:{ink}}}"
    ]
    for number, colour in enumerate(palette):
        name = f".mlws-plot .c{number}"
        rules.append(f"{name}.line{{stroke:{colour}}}{name}.mark,{name}.bar{{fill:{colour}}}")
    return "".join(rules)


def text(words: str, x: float, y: float, anchor: str = "", tip: str = "") -> str:
    """Words at a place; `tip` appears under the pointer where it says more."""
    placed = f' text-anchor="{anchor}"' if anchor else ""
    said = f"<title>{escape(tip)}</title>" if tip and tip != words else ""
    return f'<text x="{px(x)}" y="{px(y)}"{placed}>{escape(words)}{said}</text>'


def px(value: float) -> str:
    """One decimal; never -0.0."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else "0"


def clean(text: str) -> str:
    """One line of what XML may hold, without signs that nobody sees: control, direction, halves."""
    plain = "".join(
        " " if sign.isspace() else sign
        for sign in text
        if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Cn")
    )
    return " ".join(plain.split())[:400]


def fitting(text: str, room: float, letter: float = _LETTER) -> str:
    """The text, cut with an ellipsis where it is wider than the room."""
    if width(text, letter) <= room:
        return text
    while text and width(text, letter) + letter > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def width(text: str, letter: float = _LETTER) -> float:
    """Width in pixels, estimated: the reader's font is not known."""
    return sum(letter * (1.8 if unicodedata.east_asian_width(s) in "WF" else 1) for s in text)


def widest(texts: Iterable[str]) -> float:
    """Width of the widest text in pixels."""
    return max((width(text) for text in texts), default=0.0)
