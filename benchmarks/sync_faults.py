"""Where a sync can be disturbed, and after how many of these points the next one converged.

Run `PYTHONPATH=. python benchmarks/sync_faults.py`. Kinds are those of tests/support/sync_faults:
each request of a sync is reset, left without an answer, answered with 500, with a proxy's HTML, or
half; each line of a pull or build is cut, left out with all that follows, made an error, repeated
for ever; and the process is killed when each request arrives and at each line of a pull. Exits
with 1 when a point did not converge.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support import sync_faults
from tests.support.sync_faults import SCENARIOS, STREAMED, WHOLE, Scenario, Tally


def main() -> int:
    began, tally = time.monotonic(), Tally()
    print(f"{'registry':10}{'kind':12}{'tried':>6}{'converged':>11}")
    with tempfile.TemporaryDirectory(prefix="mlws-faults-") as folder:
        for name in SCENARIOS:
            scenario = Scenario(name, Path(folder, name))
            for kind in (*WHOLE, *STREAMED, "kill -9"):
                part = Tally()
                if kind == "kill -9":
                    sync_faults.kills(scenario, part)
                else:
                    sync_faults.faults(scenario, (kind,), part)
                tried, converged = part.tried.total(), part.converged.total()
                print(f"{name:10}{kind:12}{tried:>6}{converged:>11}", flush=True)
                tally.tried += part.tried
                tally.converged += part.converged
                tally.wrong += part.wrong
    print(f"{tally} in {time.monotonic() - began:.0f} s")
    for text in tally.wrong:
        print(f"  {text}")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
