"""Puts the two together that do not know each other: runs, and the ledger of what they use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlws_scaffold.experiments.run.stages import Meter
    from mlws_scaffold.workspace.config import Workspace

SUPERVISOR = "mlws_scaffold.cli.metering"


def meter(_place: Workspace, _say: Callable[[str], None]) -> Meter:
    from mlws_scaffold.experiments.run.stages import unmetered

    return unmetered


def main(path: Path) -> int:
    """Execute a run that was handed over, and measure it."""
    from mlws_scaffold.experiments.run import supervise

    return supervise.main(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
