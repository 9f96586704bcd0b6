"""Rules about what templates, prompts and other texts hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlws_scaffold.errors import Problem
from mlws_scaffold.models.modelfile.grammar import NEWLINE
from mlws_scaffold.models.modelfile.linting.case import Case
from mlws_scaffold.workspace import secrets

_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAMES = {
    "\u200d": "a zero-width joiner (joined emoji fall apart)",
    "\u200b": "a zero-width space",
    "\u00a0": "a no-break space",
    "\u3000": "a wide space",
    "\ufeff": "a byte order mark",
    "\x00": "NUL",
}


def without_prompt(case: Case) -> Iterator[Problem]:
    template = case.modelfile.last("template")
    if template and template.value and not re.search(r"\.(?:Prompt|Messages)\b", template.value):
        message = "the template holds neither .Prompt nor .Messages: the model is never asked"
        yield case.at(template, message, "put {{ .Prompt }} where the question belongs")


def unbalanced(case: Case) -> Iterator[Problem]:
    template = case.modelfile.last("template")
    if template is None:
        return
    at = _ACTION.sub(_blanked, template.value).find("{{")
    if at >= 0:
        below = _line_of(template.value, at)
        yield case.at(template, "a {{ of the template is never closed", "write }}", below)


def dropped(case: Case) -> Iterator[Problem]:
    for one in case.modelfile.dropped:
        what = _NAMES.get(one.character, "a character that is not printable")
        message = f"Ollama drops U+{ord(one.character):04X}, {what}, without a word"
        cure = "write a plain character instead"
        yield Problem(case.name, message, cure, "", one.line, one.column)


def undecoded(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.commands:
        at = command.value.find("\ufffd")
        if at >= 0:
            below = _line_of(command.value, at)
            message = "holds bytes that are no UTF-8 (they become U+FFFD)"
            yield case.at(command, message, "save the file as UTF-8", below)


def secret(case: Case) -> Iterator[Problem]:
    for command in case.modelfile.commands:
        for below, line in enumerate(NEWLINE.split(command.value)):
            found = secrets.found_in(line)
            if found and secrets.ALLOWED not in line:
                what, _, text = found
                message = f"looks like {what} ({text[:4]}…); whoever has the model can read it"
                yield case.at(command, message, "revoke it, then take it out", below)


def stopped(case: Case) -> Iterator[Problem]:
    template = case.modelfile.last("template")
    if template is None:
        return
    written = _ACTION.sub("\n", template.value)
    for command in case.modelfile.all("stop"):
        # Tokens such as <|eot_id|> or [INST] are there to end a turn; nobody writes them.
        marker = re.fullmatch(r"<.*>|\[.*\]", command.value, re.DOTALL)
        if command.value.strip() and not marker and command.value in written:
            message = f"the stop sequence {command.value!r} is part of the model's own template"
            cure = "it ends a turn, and also cuts off every answer that happens to write it"
            yield case.at(command, message, cure)


def _blanked(found: re.Match[str]) -> str:
    return re.sub(r"[^\r\n]", " ", found[0])


def _line_of(text: str, at: int) -> int:
    return len(NEWLINE.findall(text[:at]))
