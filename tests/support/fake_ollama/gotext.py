"""Values as Go prints them: its JSON, `%v` and `%#v` of what JSON decodes to, quoted strings."""

from __future__ import annotations

import json
import re
from decimal import Decimal

_SHORT = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def encode(data: object) -> bytes:
    """json.Encoder: no blanks, HTML-safe, a newline at the end. Sorted keys are the caller's."""
    text = _json(data)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode() + b"\n"


def _json(data: object) -> str:
    if isinstance(data, dict):
        return "{" + ",".join(f"{_json(key)}:{_json(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ",".join(map(_json, data)) + "]"
    if isinstance(data, float):
        # Positional between 1e-6 and 1e21, else with an exponent without leading zeros.
        if data == 0 or 1e-6 <= abs(data) < 1e21:
            return format(Decimal(repr(data)), "f").removesuffix(".0")
        return re.sub(r"e([+-])0*", r"e\1", repr(data))
    return json.dumps(data, ensure_ascii=False)


def bare(value: object) -> str:
    """`%v`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(float(value))
    return "<nil>" if value is None else str(value)


def sharp(value: object) -> str:
    """`%#v`."""
    return quoted(value) if isinstance(value, str) else bare(value)


def quoted(text: str) -> str:
    """strconv.Quote."""
    signs = []
    for sign in text:
        if sign in '"\\':
            signs.append("\\" + sign)
        elif sign in _SHORT:
            signs.append(_SHORT[sign])
        elif sign.isprintable():
            signs.append(sign)
        elif ord(sign) < 0x80:
            signs.append(f"\\x{ord(sign):02x}")
        else:
            signs.append(f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}")
    return '"' + "".join(signs) + '"'


def _number(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 64): shortest digits, an exponent from 1e+06 upwards."""
    for digits in range(17):
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    power = int(exponent)
    if -4 <= power < 6 or value == 0:
        return f"{value:.{max(0, digits - power)}f}"
    return f"{mantissa}e{exponent[0]}{abs(power):02d}"


def argument(text: str) -> str:
    """An argument in the text of a Modelfile that `show` prints: it cannot always be read back."""
    if "\n" in text or text.startswith(" ") or text.endswith(" "):
        return f'"""{text}"""' if '"' in text else f'"{text}"'
    return text
