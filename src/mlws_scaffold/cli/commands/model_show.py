"""`mlws model show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mlws_scaffold.cli import output, place

if TYPE_CHECKING:
    from mlws_scaffold.models.benchmark import Report
    from mlws_scaffold.models.details import Details, Summary
    from mlws_scaffold.models.registry import Model
    from mlws_scaffold.models.weights.showing import Shown
    from mlws_scaffold.workspace.layout import Layout

_HERE = {
    "yes": "here, and exactly what is described",
    "no": "not here: mlws model pull {key} --version {version}",
    "differs": "what is here differs: mlws model pull {key} --version {version}",
    "unreadable": "what is here cannot be read",
}


@click.command("show", epilog="Example: mlws model show ranker")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> int:
    """Show what the files of the workspace say about one model: its entry, its Modelfile, what is
    live, the last benchmark, and where its trained weights are. Weights that are here are hashed.

    JSON: key, entry (the registry's fields), ollama, modelfile: {path, base, adapters, system,
    parameters, messages, sets}, benchmark (see mlws model benchmark), weights: [version, uri,
    sha256, size, run, experiment, commit, licence, by, at, path, here (yes, no, differs,
    unreadable)], problems. What there is not is null.
    """
    from mlws_scaffold.models import details

    layout = place.workspace().layout
    found = details.of(layout, name)
    if as_json:
        output.json_document(_document(layout, found))
    else:
        _print(layout, found)
    for problem in found.problems:
        output.note(f"error: {problem}")
    return int(bool(found.problems))


def _document(layout: Layout, found: Details) -> dict[str, Any]:
    from mlws_scaffold.models import benchmark

    model = found.model
    return {
        "key": found.key,
        "entry": model.model_dump(mode="json", exclude_none=True) if model else None,
        "ollama": model.name_in_ollama(found.key) if model else None,
        "modelfile": asdict(found.modelfile) if found.modelfile else None,
        "benchmark": benchmark.document(found.report) if found.report else None,
        "weights": [
            {
                "version": one.weights.version,
                **one.weights.manifest.model_dump(mode="json"),
                "path": layout.relative(one.weights.path),
                "here": one.here,
            }
            for one in found.weights
        ],
        "problems": [str(problem) for problem in found.problems],
    }


def _print(layout: Layout, found: Details) -> None:
    output.line(found.key)
    if found.model is None:
        output.line("  has no entry in models/registry.yaml")
    else:
        _rows(_entry(found.key, found.model))
    if found.modelfile:
        output.line(f"Modelfile {found.modelfile.path}")
        _rows(_of_modelfile(found.modelfile))
    if found.report:
        output.line(f"benchmark of {found.report.at:%Y-%m-%d}")
        _rows(_of_report(found.report))
    elif found.model:
        output.line(f"benchmark: none of this version: mlws model benchmark {found.key}")
    for one in found.weights:
        output.line(f"weights {one.weights.version}")
        _rows(_of_weights(layout, one))
    if not found.weights:
        output.line("weights: none are described")


def _rows(rows: dict[str, object]) -> None:
    for name, value in rows.items():
        if value not in (None, "", ()):
            output.line(f"  {name:<12}{value}")


def _entry(key: str, model: Model) -> dict[str, object]:
    live = model.live
    since = f" since {live.since:%Y-%m-%d}" if live and live.since else ""
    measured = model.performance.model_dump(exclude_none=True) if model.performance else {}
    return {
        "ollama": f"{model.name_in_ollama(key)} ({model.source})",
        "version": model.version,
        "status": model.status,
        "live": f"{live.version}{since}" if live else "not recorded",
        "purpose": model.purpose,
        "owners": ", ".join(model.owners),
        "tags": ", ".join(model.tags),
        "performance": ", ".join(f"{name} {value}" for name, value in measured.items()),
        "digest": model.digest,
    }


def _of_modelfile(found: Summary) -> dict[str, object]:
    values = [f"{name} {' '.join(value)}" for name, value in found.parameters.items()]
    first = found.system.strip().partition("\n")[0]
    return {
        "from": found.base,
        "adapter": ", ".join(found.adapters),
        "system": first if len(first) <= 70 else f"{first[:67]}...",
        "parameters": ", ".join(values),
        "messages": found.messages or None,
        "also sets": ", ".join(found.sets),
    }


def _of_report(report: Report) -> dict[str, object]:
    from mlws_scaffold.models import durations

    times = {
        "latency p50": report.latency_p50,
        "p95": report.latency_p95,
        "first token p50": report.first_token_p50,
    }
    shown = [f"{name} {durations.text(value)}" for name, value in times.items() if value]
    if report.tokens_per_second:
        shown.append(f"{report.tokens_per_second:.1f} tokens/s")
    return {"measured": ", ".join(shown), "on": f"{report.host}, {report.digest[:19]}"}


def _of_weights(layout: Layout, one: Shown) -> dict[str, object]:
    weights, known = one.weights, one.weights.manifest
    by = known.by or ""
    return {
        "kept at": known.uri,
        "sha256": known.sha256,
        "bytes": known.size,
        "run": known.run,
        "experiment": known.experiment,
        "commit": known.commit,
        "licence": known.licence,
        "added": f"{by} {known.at:%Y-%m-%d}".strip() if known.at else by,
        "file": layout.relative(weights.path),
        "is": _HERE[one.here].format(key=weights.key, version=weights.version),
    }
