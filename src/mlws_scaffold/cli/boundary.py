"""The one error boundary of both commands: every way to end, with its message and exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from mlws_scaffold import __version__
from mlws_scaffold.cli import output
from mlws_scaffold.errors import MlwsError

DONE, FAILED, ASKED_WRONGLY, BUG, UNJUDGED, INTERRUPTED = 0, 1, 2, 3, 4, 130


def run(command: click.Command, program: str) -> NoReturn:
    """Run the command and leave the process with the exit code of the table."""
    signal.signal(signal.SIGTERM, _stop)
    status = _status(command, program, debug="--debug" in sys.argv[1:])
    # The work is done and said: a Ctrl-C while Python leaves must not change how it ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Python would look for garbage in all that is left, which costs more than most commands do.
    gc.freeze()
    sys.exit(status)


def _status(command: click.Command, program: str, *, debug: bool) -> int:
    try:
        result = command.main(prog_name=program, standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        output.note("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ASKED_WRONGLY
    except MlwsError as error:
        if debug:
            raise
        output.failure(error)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        output.note(f"error: a bug in {program} {__version__}: {type(error).__name__}: {error}")
        output.note(f"  cure: please report it with {_report(error)}")
        return BUG
    return result if isinstance(result, int) else DONE


def _report(error: Exception) -> Path:
    """Write what a bug report needs into a file and return its path."""
    # Imported here: every start of every command would pay for what only a bug needs.
    import platform
    import tempfile
    import time
    import traceback

    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    folder = state / "mlws/reports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    path = folder / f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    lines = [
        f"mlws-scaffold {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {sys.argv}",
        "",
        *traceback.format_exception(error),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _stop(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM unwinds like Ctrl-C, so that scratch folders are removed."""
    raise KeyboardInterrupt
