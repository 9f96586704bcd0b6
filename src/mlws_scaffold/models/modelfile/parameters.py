"""Names and types of the parameters that Ollama knows, and how it reads their values."""

from __future__ import annotations

import contextlib
import math
import re
import struct

INTEGERS = frozenset({
    "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "num_keep",
    "seed", "num_predict", "top_k", "repeat_last_n",
})  # fmt: skip
FLOATS = frozenset({
    "top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty",
    "frequency_penalty",
})  # fmt: skip
BOOLEANS = frozenset({"use_mmap"})
LISTS = frozenset({"stop"})
KNOWN = INTEGERS | FLOATS | BOOLEANS | LISTS
# Ollama says so on its console and leaves them out.
IGNORED = frozenset({
    "penalize_newline", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mlock", "mirostat",
    "mirostat_tau", "mirostat_eta",
})  # fmt: skip

Value = int | float | bool | list[str]

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+")
# An underscore stands between digits, or behind the 0x.
_LONE = re.compile(r"(?<![0-9])_|_(?![0-9])")
_LONE_IN_HEX = re.compile(r"(?<![0-9a-fA-FxX])_|_(?![0-9a-fA-F])")


def typed(name: str, text: str) -> Value:
    """The value of one `PARAMETER name text`. Raises ValueError with the words of Ollama."""
    if name in INTEGERS:
        return _integer(text)
    if name in FLOATS:
        return _float(text)
    if name in BOOLEANS:
        if text not in _TRUE | _FALSE:
            raise ValueError(f"invalid bool value [{text}]")
        return text in _TRUE
    if name in LISTS:
        return [text]
    raise ValueError(f"unknown parameter '{name}'")


def kind(name: str) -> str:
    """How people call the type of a known parameter."""
    if name in INTEGERS:
        return "a whole number"
    if name in FLOATS:
        return "a number"
    return "true or false" if name in BOOLEANS else "text"


def _integer(text: str) -> int:
    found = re.fullmatch(r"([+-]?)0*([0-9]{1,19})", text)
    value = int(found[1] + found[2]) if found else 2**63
    if -(2**63) <= value < 2**63:
        return value
    raise ValueError(f"invalid int value [{text}]")


def _float(text: str) -> float:
    plain, value = text.replace("_", ""), math.inf
    if _DECIMAL.fullmatch(plain) and not _LONE.search(text):
        value = float(plain)
    elif _HEX.fullmatch(plain) and not _LONE_IN_HEX.search(text):
        with contextlib.suppress(OverflowError):
            value = float.fromhex(plain)
    single = _as_single(value)
    if single is None:  # Ollama takes inf and NaN, and then cannot send them
        raise ValueError(f"invalid float value [{text}]")
    return single


def _as_single(value: float) -> float | None:
    """The shortest number that is the same in 32 bits: Ollama keeps no more of it."""
    packed = _packed(value)
    if packed is None:
        return None
    exact = float(struct.unpack("<f", packed)[0])
    shorter = (float(f"{exact:.{digits}g}") for digits in range(1, 10))
    return next((short for short in shorter if _packed(short) == packed), exact)


def _packed(value: float) -> bytes | None:
    try:
        return struct.pack("<f", value) if math.isfinite(value) else None
    except OverflowError:
        return None
