"""Texts and numbers as the page shows them. What people typed must neither run nor mislead."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

# Control characters, and the marks that turn the direction of what follows or split surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_DIGITS = 6


def clean(value: Any, most: int = 300) -> str:
    """The text on one line, no longer than `most`; what a reader cannot see becomes �."""
    # Most texts are plain; of ten thousand experiments there are two hundred thousand.
    if type(value) is str and len(value) <= most and value.isascii() and value.isprintable():
        return value
    if value is None or value == "":
        return ""
    text = str(value)
    if len(text) > most:
        text = text[: most - 1] + "…"
    if not text.isprintable() or not text.isascii():
        text = _UNSAFE.sub("�", " ".join(text.split()))
    return text


def block(text: Any, most: int = 4_000) -> str:
    """A text of several lines, each as `clean` leaves it, with its indentation."""
    lines = str(text or "")[:most].splitlines()
    indents = [line[: len(line) - len(line.lstrip(" "))] for line in lines]
    return "\n".join(
        f"{indent}{clean(line, 300) if line.strip() else ''}"
        for indent, line in zip(indents, lines, strict=True)
    )


def number(value: Any) -> float | int | None:
    """A finite number to six digits, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return value
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def amount(value: Any, unit: str = "") -> str:
    """A number for people: thousands apart, at most two decimals; a dash where there is none."""
    known = number(value)
    if known is None:
        return "–"
    digits = 0 if isinstance(known, int) or abs(known) >= 1000 else 2
    said = f"{known:,.{digits}f}" if abs(known) >= 0.01 or known == 0 else f"{known:.2g}"
    return f"{said} {unit}".rstrip()


def costs(value: Any) -> str:
    """Amounts by currency, such as `12.50 USD`; a dash where none was measured."""
    if not isinstance(value, dict) or not value:
        return "–"
    return ", ".join(amount(one, clean(name, 8)) for name, one in sorted(value.items()))


def percent(value: Any) -> str:
    """A share as a percentage; a dash where it was not measured."""
    known = number(value)
    return "–" if known is None else f"{known * 100:.1f}".removesuffix(".0") + " %"


def seconds(value: Any) -> int | None:
    """Seconds since 1970 of an instant as the snapshot writes it, or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def day(value: Any) -> str:
    """The day and minute of an instant, in UTC."""
    when = seconds(value)
    return "–" if when is None else f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M}"


def address(value: Any) -> str:
    """The text when it is a web address, else nothing: no link runs a script."""
    text = str(value or "").strip()
    return text if re.match(r"https?://[^\s\"'<>\\]+\Z", text) and len(text) < 2000 else ""
