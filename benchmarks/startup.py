"""What starting costs: `mlws --help` against bare Python and a bare click program.

`mlws gpu list` is held against a click command that only imports sqlite3 and tomllib: 1.5 times
as much is allowed.

python benchmarks/startup.py [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measure import Case, medians, table

BIN = Path(sys.executable).parent
# What a command that reads a store in one file needs at the least.
BARE = """
import sqlite3, tomllib
import click

@click.command()
def main():
    pass

main()
"""


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
    with tempfile.TemporaryDirectory() as folder:
        print(table(medians(listing(Path(folder)), rounds), ["click, sqlite3, tomllib"]))


def listing(folder: Path) -> list[Case]:
    """`mlws gpu list` in a workspace whose store is a file."""
    (folder / "mlws.toml").write_text(
        '[workspace]\nname = "bench"\n[gpus]\nstore = "sqlite:///g.db"\n'
    )
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    return [
        Case("click, sqlite3, tomllib", [sys.executable, "-c", BARE], folder=folder),
        Case("mlws gpu list", [BIN / "mlws", "gpu", "list"], folder=folder),
    ]


if __name__ == "__main__":
    main()
