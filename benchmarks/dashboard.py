"""What the team's page costs: experiment index and page, and the whole command, against the usual
script (every metadata.yaml through PyYAML's own parser, a table by pandas `to_html`), all warm and
in turn; and with --browser what a person waits for. pandas has to be installed for this alone.

python benchmarks/dashboard.py [--experiments N …] [--rounds N] [--browser]
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from index import generate
from measure import Case, environment, medians

BIN = Path(sys.executable).parent
USUAL = """\
import sys, yaml, pandas
from pathlib import Path
rows = []
for path in Path(sys.argv[1]).glob("experiments/active/*/*/metadata.yaml"):
    with path.open() as file:
        data = yaml.load(file, yaml.SafeLoader)
    rows.append({**data, "best_metric": (data.get("results") or {}).get("best_metric")})
table = pandas.DataFrame(rows).sort_values("experiment_id")
Path(sys.argv[2]).write_text("<html><body>" + table.to_html(index=False) + "</body></html>")
"""
INDEX_AND_PAGE = """\
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from mlws_scaffold.adapters import files
from mlws_scaffold.team.dashboard import render
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import load
now = datetime.now(UTC)
period = Period(now - timedelta(days=30), now)
found = collect.build(load(Path(sys.argv[1])), period, ("experiments",))
files.write(Path(sys.argv[2]), render.render(found))
"""
BROWSER = """async () => {
  const wait = () => new Promise((done) => setTimeout(done, 300));
  const taken = { filter: [], sort: [] };
  const q = document.getElementById("q");
  await wait(); await wait(); await wait();
  for (const words of ["chunk", "chunk legal", "chunk legal planned", "none such", ""]) {
    await wait();
    const began = performance.now();
    q.value = words;
    q.dispatchEvent(new Event("input", { bubbles: true }));
    taken.filter.push(performance.now() - began);
  }
  for (const key of ["id", "best", "state", "owner", "last"]) {
    await wait();
    const began = performance.now();
    document.querySelector(`[data-sort=${key}]`).click();
    taken.sort.push(performance.now() - began);
  }
  const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  return { paint, ...taken };
}"""


def cases(root: Path, work: Path) -> list[Case]:
    """The usual script, ours of the same extent, the whole command, and the scan by itself."""
    python = sys.executable
    whole = [BIN / "mlws", "--root", root, "report", "dashboard", "--output", work / "whole.html"]
    return [
        Case("usual script", [python, "-c", USUAL, root, work / "usual.html"]),
        Case("index and page", [python, "-c", INDEX_AND_PAGE, root, work / "page.html"]),
        Case("mlws report dashboard", whole),
        Case("scan", [BIN / "mlws", "--root", root, "experiment", "list", "--json"]),
    ]


def peak(case: Case) -> float:
    """MiB of the largest process of a command."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL,"
        " check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", code, *map(str, case.command)]
    done = subprocess.run(
        command, cwd=case.folder, env=environment(), capture_output=True, check=True
    )
    return float(done.stdout)


def browsed(page: Path) -> str:
    """First paint, filter and sort in headless Chromium, medians in milliseconds."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.support import browser

    with browser.page(viewport={"width": 1280, "height": 900}) as opened:
        opened.goto(page.as_uri())
        found = opened.evaluate(BROWSER)
    filtered, sorted_ = statistics.median(found["filter"]), statistics.median(found["sort"])
    return f"paint {found['paint']:.0f} ms, filter {filtered:.0f} ms, sort {sorted_:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", action="store_true")
    asked = parser.parse_args()
    print("experiments  case                     CPU ms  usual / it  peak MiB")
    with tempfile.TemporaryDirectory(prefix="mlws-benchmark-") as name:
        os.environ["XDG_STATE_HOME"] = str(Path(name) / "state")
        for count in asked.experiments:
            work = Path(name) / str(count)
            root = work / "ws"
            root.mkdir(parents=True)
            generate(root, count)
            listed = cases(root, work)
            # The usual script takes half a minute at 10,000; its one round varies by a few percent.
            taken = medians(listed[:1], 1 if count >= 5000 else asked.rounds)
            taken |= medians(listed[1:], asked.rounds)
            for case in listed:
                ratio = taken["usual script"] / taken[case.name]
                print(
                    f"{count:11}  {case.name:22}  {taken[case.name] * 1000:7.0f}  {ratio:10.1f}"
                    f"  {peak(case):8.0f}",
                    flush=True,
                )
            size = len(gzip.compress((work / "page.html").read_bytes()))
            print(f"{count:11}  the page: {size / 1e6:.2f} MB gzip", flush=True)
            if asked.browser:
                print(f"{count:11}  {browsed(work / 'page.html')}", flush=True)


if __name__ == "__main__":
    main()
