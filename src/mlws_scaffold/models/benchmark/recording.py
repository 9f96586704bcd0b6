"""Where a report is kept: as JSON, as a picture beside it, and by two figures in the registry."""

from __future__ import annotations

import json
from pathlib import Path

from mlws_scaffold.adapters import files, plotting
from mlws_scaffold.adapters.plotting import Bar
from mlws_scaffold.errors import InvalidFile, MlwsError, Problem
from mlws_scaffold.models import durations, registry
from mlws_scaffold.models.benchmark import report as reports
from mlws_scaffold.models.benchmark.report import Report
from mlws_scaffold.workspace.layout import Layout


def latest(layout: Layout, key: str, version: str) -> Report | None:
    """The last report of a version; None when it was never measured. Raises InvalidFile."""
    path = layout.benchmark(key, version)
    try:
        return reports.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        cure = f"measure it again: mlws model benchmark {key}"
        problem = Problem(layout.relative(path), f"is no report of a benchmark: {error}", cure)
        raise InvalidFile([problem]) from None


def record(layout: Layout, report: Report) -> tuple[Path, Path]:
    """Write JSON and SVG, and `performance` of the version that the registry works on.

    A p95 that was not measured is taken out there: both figures are of one benchmark. Raises
    MlwsError, InvalidFile.
    """
    path = layout.benchmark(report.key, report.version)
    picture = path.with_suffix(".svg")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MlwsError(f"{path.parent} cannot be made: {error.strerror}") from None
    with files.locked(path.parent):
        files.write(picture, svg(report))
        files.write(path, json.dumps(reports.document(report), indent=2) + "\n")
    model = registry.load(layout).models.get(report.key)
    if model is not None and report.version == str(model.version or "unversioned"):
        times = {"latency_p50": report.latency_p50, "latency_p95": report.latency_p95}
        shown = {name: durations.text(value) if value else None for name, value in times.items()}
        registry.update(layout, report.key, {"performance": shown})
    return path, picture


def svg(report: Report) -> str:
    """The report's times as bars."""
    bars = [
        Bar(f"{what} {rank}, {level.concurrency} at a time", value)
        for level in report.levels
        for what, rank, value in (
            ("answer", "p50", level.latency_p50),
            ("answer", "p95", level.latency_p95),
            ("first token", "p50", level.first_token_p50),
            ("first token", "p95", level.first_token_p95),
        )
        if value is not None
    ]
    title = f"{report.key} {report.version} on {report.host}, {report.at:%Y-%m-%d}"
    return plotting.bars_svg(title, "seconds", bars)
