"""What starting costs: `mlws --help` against bare Python and a bare click program.

python benchmarks/startup.py [--rounds N]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from measure import Case, medians, table

BIN = Path(sys.executable).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    cases = [
        Case("bare python", [sys.executable, "-c", "pass"]),
        Case("import click", [sys.executable, "-c", "import click"]),
        Case("mlws --help", [BIN / "mlws", "--help"]),
        Case("mlws check --help", [BIN / "mlws", "check", "--help"]),
        Case("mlws-new --help", [BIN / "mlws-new", "--help"]),
        Case("copier --help", [BIN / "copier", "--help"]),
    ]
    print(table(medians(cases, rounds), ["bare python", "import click"]))


if __name__ == "__main__":
    main()
