"""What Copier runs once after a copy: finds the package and hands over to its set-up steps.

Standard library only, since Copier's interpreter may hold nothing of ours. The exit status is
always 0: Copier deletes a new project whose task fails.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

LATER = "Later, in the new folder: scripts/setup-env.sh"


def say(text: str) -> None:
    """Standard error, where Copier writes its own messages."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def main(kind: str) -> None:
    """Run the steps in the current folder, or say why they cannot run."""
    if sys.version_info < (3, 11):  # noqa: UP036 - Copier's own interpreter may be older than ours
        version = ".".join(str(part) for part in sys.version_info[:2])
        say(f"skipped  set-up: Copier runs on Python {version} and this needs 3.11. {LATER}")
        return
    # A clone of the template carries the package; from a wheel, this runs where it is installed.
    source = Path(__file__).resolve().parents[1] / "src"
    if (source / "mlws_scaffold").is_dir():
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(source))
    from mlws_scaffold.models.progress import Milestones
    from mlws_scaffold.scaffold import setup

    def tell(report: setup.StepReport) -> None:
        for line in report.lines:
            say(line)

    root = Path.cwd()
    setup.after_generation(root, kind, setup.recorded_answers(root), tell, Milestones(say))


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "workspace")
    except KeyboardInterrupt:
        say(f"interrupted: the remaining steps are skipped. {LATER}")
    except Exception as error:  # noqa: BLE001 - otherwise Copier would delete the whole project
        say(f"skipped  set-up: {type(error).__name__}: {error}. {LATER}")
