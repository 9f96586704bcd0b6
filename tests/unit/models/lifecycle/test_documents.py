"""What a team reads about the life of its models is what the commands do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mlws_scaffold.cli.app import app
from mlws_scaffold.models.lifecycle import cases, gates
from mlws_scaffold.workspace.layout import Layout

WORKSPACE = Path(__file__).parents[4] / "templates/workspace"
RUNBOOK = WORKSPACE / "docs/runbooks/model-lifecycle.md"
LINES = re.findall(r"^uv run mlws (model .*?)(?:\s+#.*)?$", RUNBOOK.read_text(), re.MULTILINE)


def test_the_runbook_names_every_command_of_this_page() -> None:
    named = {line.split()[1] for line in LINES}
    assert {"promote", "rollback", "history", "benchmark", "sync", "list"} <= named


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_runbook_is_one_that_the_command_takes(line: str) -> None:
    group, verb, *arguments = shlex.split(line)
    above = click.Context(app, help_option_names=["-h", "--help"])
    model = app.get_command(above, group)
    assert isinstance(model, click.Group)
    command = model.get_command(above, verb)
    assert command is not None
    command.make_context(verb, [*arguments], above)
    shown = CliRunner().invoke(app, [group, verb, "--help"])
    assert shown.exit_code == 0
    assert all(word in shown.output for word in arguments if word.startswith("--"))


def test_the_runbook_has_a_row_for_every_status_with_gates() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", RUNBOOK.read_text(), re.MULTILINE))
    guarded = {status for status, found in gates.GATES.items() if found.first or found.then}
    assert guarded <= rows


def test_the_example_of_the_cases_page_is_a_file_of_cases(tmp_path: Path) -> None:
    text = (WORKSPACE / "models/tests/README.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / cases.name_of("m")
    path.parent.mkdir(parents=True)
    path.write_text(example)
    found = cases.load(Layout(tmp_path), "m")
    assert found is not None
    assert {case.kind for case in found.cases} == {"unit", "integration"}
    for field in cases.Expectations.model_fields:
        assert f"`{field}" in text
