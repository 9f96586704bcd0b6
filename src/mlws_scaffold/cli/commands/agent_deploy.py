"""`mlws agent deploy`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import click

from mlws_scaffold.cli import output, place
from mlws_scaffold.errors import UsageError

if TYPE_CHECKING:
    from mlws_scaffold.agents.deploying.deploy import Plan
    from mlws_scaffold.agents.targets.target import Site

_ENVIRONMENTS = click.Choice(["staging", "production"])


@click.command(epilog="Example: mlws agent deploy helper --version 1.4.0 --steps 10,50,100")
@click.argument("name")
@click.option("--version", default="", help="A released one (default: the one that lies here).")
@click.option("--build", is_flag=True, help="Make its image here instead of taking one.")
@click.option("--env", type=_ENVIRONMENTS, default="production", show_default=True)
@click.option("--target", metavar="NAME", default="", help="compose, kubernetes or process.")
@click.option("--steps", metavar="PERCENT,…", default="", help="Shares of the new version.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the record.")
@click.option("--researcher", default="", help="Your handle (default: by git e-mail).")
@click.option("--dry-run", "dry", is_flag=True, help="Show version, gates and steps; do nothing.")
@click.option("--resume", "how", flag_value="resume", help="Go on where a deployment was killed.")
@click.option("--abort", "how", flag_value="abort", help="Take back what is under way.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def deploy(
    name: str,
    version: str,
    build: bool,
    env: Literal["staging", "production"],
    target: str,
    steps: str,
    reason: str,
    researcher: str,
    dry: bool,
    how: str | None,
    as_json: bool,
) -> int:
    """Bring a version of the agent NAME to its users, step by step, or take it back and say why.

    Asks for evidence of exactly its commit (mlws agent test, mlws agent eval) and for a model in
    production. The new version runs beside the old one, is asked directly, then gets its share of
    the requests; each step ends when what was seen suffices for a verdict. In staging, where nobody
    asks, it gets all at once unless --steps is given. What fails, is too slow, or stays undecided
    is taken back: exit 1, the old version serves as before.

    Killed at any point, --resume goes on, and --abort takes back (0 when it did). --resume waits
    while another deployment works, and starts what should serve when it does not run.

    JSON: agent, environment, result (done, aborted, nothing), reason, stable (the version that
    serves), record (a line of deployments.jsonl, or null); with --dry-run: agent, environment,
    version, commit, digest, gates (name, ok, said, cure), stages, steps (name, about), manifests.
    """
    from mlws_scaffold.agents.deploying import deploy as deploying
    from mlws_scaffold.agents.targets import table
    from mlws_scaffold.agents.targets.target import Wish
    from mlws_scaffold.cli.commands import deploying as shared

    here = place.workspace()
    at = shared.site(here, name, env)
    where, ways = table.target(at, target), shared.ways(at, researcher)
    if how and (version or build or steps or dry):
        raise UsageError(f"--{how} takes what is under way as it is", f"leave out all but --{how}")
    with output.for_json(as_json):
        if how == "resume":
            outcome = deploying.resume(at, where, ways)
        elif how == "abort":
            outcome = deploying.abort(at, where, ways, reason or "aborted by hand")
        else:
            order = deploying.order(at, Wish(version, build), steps, reason)
            if not dry:
                outcome = deploying.deploy(at, where, ways, order)
    if dry:
        return _show_plan(at, deploying.plan(at, where, ways, order), as_json)
    return shared.show(at, outcome, as_json, wanted="aborted" if how == "abort" else "done")


def _show_plan(at: Site, plan: Plan, as_json: bool) -> int:
    """Print what would be done; 1 when a gate does not hold."""
    if as_json:
        output.json_document(
            {
                "agent": at.name,
                "environment": at.env,
                "version": plan.release.version,
                "commit": plan.release.commit,
                "digest": plan.release.digest,
                "gates": [dataclasses.asdict(gate) for gate in plan.gates],
                "stages": list(plan.stages),
                "steps": [{"name": one.name, "about": one.about} for one in plan.steps],
                "manifests": plan.manifests,
            }
        )
    else:
        release = plan.release
        output.line(f"{at.name} {release.version} to {at.env}: commit {release.commit[:12]}")
        output.line(f"  digest {release.digest}")
        for gate in plan.gates:
            word = "ok" if gate.ok else "refused"
            output.line(f"  gate   {gate.name}: {word}, {gate.said}")
        for number, step in enumerate(plan.steps, 1):
            output.line(f"  {number}. {step.name}: {step.about}")
        shares = ", ".join(f"{percent} %" for percent in plan.stages)
        output.line(f"  stages {shares or 'none: it gets all at once'}")
        if plan.manifests:
            output.line(plan.manifests.rstrip())
    return int(not all(gate.ok for gate in plan.gates))
