"""Every way to end has its exit code and its words."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from mlws_scaffold.cli import boundary, output
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem, Unavailable, UsageError


def _ends(action: Callable[[], object]) -> int:
    @click.command()
    def command() -> None:
        action()

    return boundary._status(command, "mlws", debug=False)


def _raise(error: BaseException) -> Callable[[], object]:
    def action() -> None:
        raise error

    return action


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mlws"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MlwsError("failed"), 1),
        (InvalidFile([Problem("a.yaml", "is wrong")]), 1),
        (UsageError("no"), 2),
        (click.UsageError("no"), 2),
        (Unavailable("no server"), 4),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (RuntimeError("bug"), 3),
    ],
)
def test_each_failure_has_its_exit_code(error: BaseException, status: int) -> None:
    assert _ends(_raise(error)) == status


def test_success_is_zero() -> None:
    assert _ends(lambda: None) == 0


def test_an_expected_failure_shows_message_and_cure_and_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _ends(_raise(MlwsError("the disk is full", "free space")))
    assert capsys.readouterr().err == "error: the disk is full\n  cure: free space\n"


def test_a_bug_writes_a_report_with_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    _ends(_raise(RuntimeError("that was not thought of")))
    said = capsys.readouterr().err
    report = Path(said.rsplit("report it with ", 1)[1].strip())
    assert "Traceback" not in said
    assert "RuntimeError: that was not thought of" in report.read_text()


def test_sigterm_unwinds_like_ctrl_c(tmp_path: Path) -> None:
    code = (
        "import click, time\nfrom mlws_scaffold.cli import boundary\n"
        "@click.command()\ndef wait():\n"
        "    try:\n        print('ready', flush=True); time.sleep(30)\n"
        "    finally:\n        print('cleaned', flush=True)\n"
        "boundary.run(wait, 'mlws')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "cleaned\n"
    assert process.returncode == 130


def test_a_closed_pipe_ends_quietly() -> None:
    code = (
        "import click\nfrom mlws_scaffold.cli import boundary, output\n"
        "@click.command()\ndef many():\n    for _ in range(100000): output.line('x' * 50)\n"
        "boundary.run(many, 'mlws')\n"
    )
    done = subprocess.run(
        f'{sys.executable} -c "{code}" | head -1',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("x" * 50 + "\n", "")


def test_control_characters_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.line("a\x1b[31mred\x07")
    assert capsys.readouterr().out == "a?[31mred?\n"


def test_a_table_stays_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name", "tags"], [{"name": "a\nb", "tags": ["x", "y"]}, {"name": None}], "none")
    assert capsys.readouterr().out.splitlines() == ["NAME  TAGS", "a b   x, y", "-     -"]


def test_an_annotation_escapes_what_github_would_read_as_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.annotation(Problem("a,b.yaml", "bad\n::error::", "", "goal", 3, 1), "EXP002")
    said = capsys.readouterr().out
    assert said == "::error file=a%2Cb.yaml,line=3,col=1,title=EXP002::goal: bad%0A::error::\n"


@pytest.mark.parametrize("wanted", [True, False])
def test_what_a_started_program_prints_is_no_part_of_the_json(wanted: bool) -> None:
    code = (
        "import os; from mlws_scaffold.cli import output\n"
        f"with output.for_json({wanted}): os.system('echo from the program')\n"
        "output.json_document({'a': 1})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ("from the program" in done.stdout) is not wanted
    assert ("from the program" in done.stderr) is wanted
    assert done.stdout.endswith('{\n  "a": 1\n}\n')
