"""Generated files equal what the code generates now; documented commands exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlws_scaffold.cli.app import app
from mlws_scaffold.cli.new import new
from tests.support import reference

ROOT = Path(__file__).parents[2]


def test_the_reference_page_is_current() -> None:
    assert reference.REFERENCE.read_text() == reference.reference()


def test_the_schemas_are_current() -> None:
    present = {path.name: path.read_text() for path in reference.SCHEMAS.glob("*.json")}
    assert present == reference.schemas()


def _documents() -> list[Path]:
    ours = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    rendered = sorted((ROOT / "templates").rglob("*.md")) + sorted(
        (ROOT / "templates").rglob("*.md.jinja")
    )
    return ours + rendered


def _named_commands(path: Path) -> list[str]:
    """Every `mlws …` and `mlws-new …` in code spans and code blocks."""
    text = path.read_text()
    spans = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    lines = [line for span in spans for line in span.splitlines()]
    return [
        match[0]
        for line in lines
        if (match := re.search(r"(?<![\w./-])mlws(-new)?( [a-z][a-z-]+)+", line))
    ]


@pytest.mark.parametrize("path", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_named_in_a_document_exists(path: Path) -> None:
    for words in _named_commands(path):
        program, *rest = shlex.split(words)
        command: click.Command | None = new if program == "mlws-new" else app
        for word in rest:
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, f"{path.name}: {words}"


def _commands(group: click.Group, parent: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if isinstance(command, click.Group):
            yield from _commands(command, click.Context(command, parent))
        elif command is not None:
            yield command


def test_every_command_shows_an_example_and_documents_its_json() -> None:
    for program in (app, new):
        for command in _commands(program, click.Context(program)):
            assert (command.epilog or "").startswith("Example: mlws"), command.name
            words = [option for item in command.params for option in item.opts]
            if "--json" in words or "--format" in words:
                assert "JSON: " in (command.help or ""), command.name
