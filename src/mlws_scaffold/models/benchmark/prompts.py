"""What a benchmark asks: the set that ships with the package, or a file of the team's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlws_scaffold.adapters import documents
from mlws_scaffold.adapters.schema import Strict
from mlws_scaffold.errors import InvalidFile, Problem, UsageError
from mlws_scaffold.workspace.layout import Layout

DEFAULT = "default"


class Message(Strict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = Field(min_length=1)


class Conversation(Strict):
    messages: tuple[Message, ...] = Field(min_length=1)


class PromptFile(Strict):
    prompts: tuple[str | Conversation, ...] = Field(
        min_length=1, description="a list of texts, or of `messages` with role and content"
    )


@dataclass(frozen=True, slots=True)
class Prompts:
    """Conversations, each a list of messages, and where they come from."""

    name: str
    conversations: tuple[tuple[Mapping[str, str], ...], ...]

    @property
    def sha256(self) -> str:
        """Of what is asked: how the file is laid out does not count."""
        text = json.dumps(self.conversations, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path | None = None, layout: Layout | None = None) -> Prompts:
    """The prompts of a file (.txt: one a line; .yaml: see `prompts.yaml`), or the default ones.

    A report names the file as seen from the layout's root, and one from elsewhere by its last part.

    Raises UsageError when there is no such file, InvalidFile for what it holds.
    """
    if path is None:
        return _of_yaml(Path(__file__).with_name("prompts.yaml"), DEFAULT)
    if not path.is_file():
        raise UsageError(f"there is no {path}", "name a .txt or .yaml file of prompts")
    whole = path.absolute()
    is_ours = layout is not None and whole.is_relative_to(layout.root)
    shown = layout.relative(whole) if layout and is_ours else path.name
    return _of_text(path, shown) if path.suffix == ".txt" else _of_yaml(path, shown)


def _of_yaml(path: Path, name: str) -> Prompts:
    found = documents.validate(PromptFile, documents.read(path, name))
    conversations = [
        _asking(item) if isinstance(item, str) else tuple(m.model_dump() for m in item.messages)
        for item in found.prompts
    ]
    return Prompts(name, tuple(conversations))


def _of_text(path: Path, name: str) -> Prompts:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile([Problem(name, f"cannot be read: {error}")]) from None
    found = tuple(_asking(line.strip()) for line in lines if line.strip())
    if not found:
        raise InvalidFile([Problem(name, "holds no prompt", "write one a line")])
    return Prompts(name, found)


def _asking(text: str) -> tuple[Mapping[str, str], ...]:
    return ({"role": "user", "content": text},)
