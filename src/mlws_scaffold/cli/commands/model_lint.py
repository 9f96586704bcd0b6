"""`mlws model lint`."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.models import modelfile, registry
from mlws_scaffold.models.modelfile import Finding, linting


@click.command("lint", epilog="Example: mlws model lint medical-assistant --format github")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="github: annotations on the diff.",
)
def lint_models(names: tuple[str, ...], as_json: bool, form: str) -> int:
    """Say what Ollama would refuse in the Modelfiles, and what it takes otherwise than meant.

    Of all models of the registry, or of those named by key. Asks no server. Exits with 1 on errors;
    warnings alone end with 0. docs/reference.md lists the rules.

    JSON: a list of model, code, severity (error, warning), path, line, column, field, message,
    cure.
    """
    layout = place.workspace().layout
    known = registry.load(layout)
    chosen = registry.select(known, names)
    found = list(modelfile.lint_all(layout, chosen, known))
    failed = any(one.severity == "error" for _, findings in found for one in findings)
    if as_json:
        output.json_document(
            [
                {"model": key, "code": one.code, "severity": one.severity, **asdict(one.problem)}
                for key, findings in found
                for one in findings
            ]
        )
        return int(failed)
    prefix = linting.prefix(layout) if form == "github" else ""
    for _, findings in found:
        for one in findings:
            if form == "github":
                _annotate(one, prefix)
            else:
                mark = "warning: " if one.severity == "warning" else ""
                output.line(f"{mark}{one.coded}")
    output.line(_summary(found))
    return int(failed)


def _annotate(one: Finding, prefix: str) -> None:
    problem = replace(one.problem, path=prefix + one.problem.path)
    output.annotation(problem, f"{one.code} {linting.title(one.code)}", one.severity)


def _summary(found: list[tuple[str, list[Finding]]]) -> str:
    counts = {"error": 0, "warning": 0}
    for _, findings in found:
        for one in findings:
            counts[one.severity] += 1
    shown = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items()]
    models = "1 model" if len(found) == 1 else f"{len(found)} models"
    return f"{models}: {', '.join(shown)}"
