"""The one place that decides which names and texts are allowed.

The template's validators (`templates/shared/rules.jinja`) state the same rules for plain Copier;
a test holds both against each other.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}[a-z0-9]")
_DOTTED_NAME = re.compile(r"[a-z][a-z0-9.-]{0,39}[a-z0-9]")
_RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_EXPERIMENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


def problem_with_name(value: str, *, dots: bool = False) -> str | None:
    """Say what is wrong with a researcher, experiment, agent or (with `dots`) model name."""
    if not (_DOTTED_NAME if dots else _NAME).fullmatch(value) or ".." in value:
        allowed = 'a-z, 0-9, "." and -' if dots else "a-z, 0-9 and -"
        last = '"." or -' if dots else "-"
        return f"use 2 to 41 of {allowed}, starting with a letter, not ending with {last}"
    if _RESERVED.fullmatch(value.partition(".")[0]):
        return f"{value} is a reserved name on Windows: choose another"
    return None


def problem_with_experiment_id(value: str) -> str | None:
    """Say what is wrong with an `experiment_id` (wider than a name: older ids hold dots and _)."""
    if not _EXPERIMENT_ID.fullmatch(value) or ".." in value:
        return "use 2 to 64 of a-z, 0-9, '.', '_' and -, starting with a letter or digit"
    return None


def problem_with_version(value: str) -> str | None:
    """Say what is wrong with a model's version: it names files, and tags on an Ollama server."""
    if not _VERSION.fullmatch(value) or ".." in value or value.endswith("."):
        return "use 1 to 64 of letters, digits, '.', '_' and -, starting with a letter or digit"
    if _RESERVED.fullmatch(value.partition(".")[0].lower()):
        return f"{value} is a reserved name on Windows: choose another"
    return None


def problem_with_text(value: str, *, least: int = 0, most: int = 300) -> str | None:
    """Say what is wrong with one line of free text; `least` counts without surrounding blanks."""
    if _CONTROL.search(value):
        return "no line breaks and no control characters"
    if len(value) > most:
        return f"{len(value)} characters: use at most {most}"
    if len(value.strip()) < least:
        return f"{len(value.strip())} characters: use at least {least}"
    return None


def problem_with_email(value: str) -> str | None:
    """Say what is wrong with an e-mail address."""
    return None if _EMAIL.fullmatch(value) else "write an address such as ann@example.org"


def registry_key(ollama_name: str) -> str:
    """The key in `models/registry.yaml` of a model of Ollama: `t/llama3.1:8b` -> `llama3.1-8b`."""
    return re.sub(r"[^a-z0-9.-]", "-", ollama_name.lower().rpartition("/")[2])
