"""`models/cards/NAME.md`: the model card, in the form of Hugging Face.

What is known is written between markers and again each time; what only people know is asked once,
marked, and then left alone, as is everything else they write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from mlws_scaffold.adapters import documents, roundtrip, texts
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.models.lifecycle.cases import Cases, Kind
from mlws_scaffold.models.registry import Model
from mlws_scaffold.workspace.layout import MODEL_CARDS, Layout

_FRONT = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)

# Sections that only people can write, with what they are asked.
QUESTIONS: Mapping[str, str] = {
    "Intended use": "Who may use it for what, and what must it not be used for?",
    "Training data": "What was it trained or adapted on? Whose data is it, under which licence?",
    "Limitations and risks": "Where does it fail? Which groups or topics does it treat badly?",
    "Evaluation": "How were the figures above measured, on which data, and what do they not show?",
}


_ASKED = (
    "Which licence, as Hugging Face spells it, such as apache-2.0?",
    "Which languages, such as [en]?",
)
_ORDER = ("model_name", "version", "library_name", "base_model", "tags", "license", "language")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is written from. `figures` are those of the benchmark, as text."""

    key: str
    model: Model
    digest: str
    cases: Cases | None
    figures: Mapping[str, str]


def name_of(key: str) -> str:
    """The path of a model's card from the root."""
    return f"{MODEL_CARDS}/{key}.md"


def read(layout: Layout, key: str) -> str | None:
    """The text of a card, None when there is none. Raises InvalidFile."""
    return texts.read(layout.root / name_of(key), name_of(key))


def write(facts: Facts, old: str | None) -> str:
    """The card with what is known now; what people wrote in `old` stays as it is.

    Raises MlwsError when the front matter of `old` cannot be edited.
    """
    name = name_of(facts.key)
    text = _new(facts) if old is None else old
    front = _FRONT.match(text)
    if front is None:
        raise MlwsError(f"{name} has no front matter", "begin it with a line ---, fields, and ---")
    fields = roundtrip.merge(front[1], name, _fields(facts), lambda above: () if above else _ORDER)
    text = f"---\n{fields}---\n{text[front.end() :]}"
    for marker, block in _blocks(facts).items():
        text = _renewed(text, marker, block)
    return text


def problems(layout: Layout, key: str, version: str) -> list[Problem]:
    """What is missing in a card before this version may go live."""
    name = name_of(key)
    try:
        text = read(layout, key)
        if text is None:
            cure = f"mlws model promote {key} --to staging writes it"
            return [Problem(name, "missing", cure)]
        return [*texts.unfilled(text, name), *_wrong_front(text, name, version)]
    except InvalidFile as error:
        return list(error.problems)


def _wrong_front(text: str, name: str, version: str) -> list[Problem]:
    front = _FRONT.match(text)
    if front is None:
        cure = "begin it with a line ---, fields, and ---"
        return [Problem(name, "has no front matter", cure, "", 1, 1)]
    data = documents.parse(f"\n{front[1]}".encode(), name).data
    fields = data if isinstance(data, dict) else {}
    found = []
    if not fields.get("license"):
        cure = "write an identifier of Hugging Face, such as apache-2.0"
        found.append(Problem(name, "missing", cure, "license", 1, 1))
    if str(fields.get("version", "")) != version:
        said = f"is of version {fields.get('version')!r}, not {version}"
        cure = "go through it again, and name the version"
        found.append(Problem(name, said, cure, "version", 1, 1))
    return found


def _renewed(text: str, marker: str, block: str) -> str:
    """The text with another block between its markers; a person may have taken them out."""
    pattern = rf"(<!-- mlws:{marker} -->\n).*?(^<!-- /mlws:{marker} -->)"
    found = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    if found is None:
        return text
    return f"{text[: found.end(1)]}{block}\n{text[found.start(2) :]}"


def _new(facts: Facts) -> str:
    license, language = (f"{texts.UNFILLED} {question} -->" for question in _ASKED)
    parts = [
        f"---\nlicense:  # {license}\nlanguage:  # {language}\n---",
        f"# {facts.key}",
        facts.model.purpose or f"{texts.UNFILLED} What is it for? -->",
        _empty("facts"),
    ]
    for title, question in QUESTIONS.items():
        parts += [f"## {title}", *([_empty("figures")] if title == "Evaluation" else [])]
        parts.append(f"{texts.UNFILLED} {question} -->")
    return "\n\n".join(parts) + "\n"


def _empty(marker: str) -> str:
    return f"<!-- mlws:{marker} -->\n<!-- /mlws:{marker} -->"


def _fields(facts: Facts) -> dict[str, Any]:
    """The fields of the front matter that are ours."""
    fields: dict[str, Any] = {
        "model_name": facts.key,
        "version": str(facts.model.version),
        "library_name": "ollama",
    }
    if facts.model.base_model or facts.model.source == "ollama":
        fields["base_model"] = facts.model.base_model or facts.model.model_name
    if facts.model.tags:
        fields["tags"] = list(facts.model.tags)
    if facts.model.performance and facts.model.performance.accuracy is not None:
        metric = {"type": "accuracy", "value": facts.model.performance.accuracy}
        result = {
            "task": {"type": "text-generation"},
            "dataset": {"name": f"cases of {facts.key}", "type": "internal"},
            "metrics": [metric],
        }
        fields["model-index"] = [{"name": facts.key, "results": [result]}]
    return fields


def _blocks(facts: Facts) -> dict[str, str]:
    model, cases = facts.model, facts.cases
    rows = {
        "Version": str(model.version),
        "Owners": ", ".join(model.owners),
        "Made from": model.base_model or model.model_name or "",
        "Modelfile": model.modelfile or "",
        "Digest": f"sha256:{facts.digest}",
        "Created": str(model.created or ""),
    }
    counted = {
        f"Cases, {kind}": str(len(cases.of(kind))) if cases else "0" for kind in get_args(Kind)
    }
    return {"facts": _table(rows), "figures": _table({**counted, **facts.figures})}


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {_one_line(value)} |" for name, value in rows.items() if value]
    return "\n".join(["| | |", "|---|---|", *lines])


def _one_line(text: str) -> str:
    """A text as it fits into a cell."""
    return " ".join(text.split()).replace("|", "&#124;")
