"""`mlws ci require-approvals`."""

from __future__ import annotations

import dataclasses
import os

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import Problem
from mlws_scaffold.team import approvals, pull_request
from mlws_scaffold.team.approvals import Verdict
from mlws_scaffold.workspace.layout import CONFIG

_COLUMNS = ("who", "login", "said", "counts", "why")


@click.command(epilog="Example: mlws ci require-approvals --pr 12 --repository acme/ml --json")
@click.option(
    "--pr", type=click.IntRange(1), help="Its number (default: what the workflow runs for)."
)
@click.option("--repository", default="", metavar="OWNER/NAME", help="Default: GITHUB_REPOSITORY.")
@click.option(
    "--base",
    default="",
    metavar="REF",
    help="Take the changed files from git, since HEAD left REF.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--github", "annotate", is_flag=True, help="Print warnings as annotations.")
def require_approvals(
    pr: int | None, repository: str, base: str, as_json: bool, annotate: bool
) -> int:
    """Ask GitHub whether enough people of [team] approved a pull request.

    [review] of the base branch counts: `agents` for production agents, .github and mlws.toml;
    `experiments` for all else; none for prototypes. What does not count: the author's own, an older
    or dismissed approval, one by whoever made the last commit, by people who are not in [team]
    or are no collaborators. A team that is too small is warned, not blocked. Ends with 1 when
    approvals are missing or somebody asks for changes, with 4 when GitHub cannot be asked.

    The token is GITHUB_TOKEN or GH_TOKEN, the address GITHUB_API_URL.

    JSON: pull, author, head, ok, asked, because (a path), needed, approvals, refusals (handles),
    opinions: [login, handle, state, counts, why], warnings.
    """
    api = pull_request.connect(os.environ, repository)
    which = pr or pull_request.number(os.environ)
    verdict = approvals.judge(api, which, place.root(), base)
    if as_json:
        output.json_document(_document(verdict))
    else:
        _show(verdict, annotate=annotate)
    return int(not verdict.ok)


def _document(verdict: Verdict) -> dict[str, object]:
    return {
        "pull": verdict.pull.number,
        "author": verdict.pull.author,
        "head": verdict.pull.head,
        "ok": verdict.ok,
        "asked": verdict.asked,
        "because": verdict.because,
        "needed": verdict.needed,
        "approvals": verdict.approvals,
        "refusals": list(verdict.refusals),
        "opinions": [dataclasses.asdict(one) for one in verdict.opinions],
        "warnings": list(verdict.warnings),
    }


def _show(verdict: Verdict, *, annotate: bool) -> None:
    for warning in verdict.warnings:
        if annotate:
            output.annotation(Problem(CONFIG, warning), "require-approvals", "warning")
        else:
            output.note(f"warning: {warning}")
    rows = [
        {
            "who": one.handle,
            "login": one.login,
            "said": one.state.lower().replace("_", " "),
            "counts": "yes" if one.counts else "no",
            "why": one.why,
        }
        for one in verdict.opinions
    ]
    output.table(_COLUMNS, rows, "nobody reviewed yet")
    for handle in verdict.refusals:
        output.line(f"{handle} asks for changes")
    reason = f" ({verdict.because})" if verdict.because else ""
    output.line(f"approvals: {verdict.approvals} of {verdict.needed} needed{reason}")
