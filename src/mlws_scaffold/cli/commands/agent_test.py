"""`mlws agent test`."""

from __future__ import annotations

import click

from mlws_scaffold.cli import output, place

_COLUMNS = ("step", "result", "seconds")


@click.command(epilog="Example: mlws agent test helper --only tests --only types")
@click.argument("name")
@click.option("--only", multiple=True, metavar="STEP", help="Only this step; more than once.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def test(name: str, only: tuple[str, ...], as_json: bool) -> int:
    """Test the agent NAME: lint, format, types, security, tests with coverage, behaviour.

    A production agent is tested in its own environment; uv.lock is made when it is missing. A whole
    test of a committed agent is kept as evidence for its commit, which deploying asks for. Exits
    with 1 when a step fails.

    JSON: agent, ok, evidence (a path, or why none was kept), steps: [name, ok, seconds, output].
    """
    from mlws_scaffold.agents import catalog, evidence, testing

    here = place.workspace()
    found = catalog.find(here.layout, name)
    commit, why = evidence.commit_of(here, found)
    verdicts = []
    for verdict in testing.run(here.root, found, testing.steps(found, only), output.note):
        verdicts.append(verdict)
        word = "ok" if verdict.ok else "failed"
        output.note(f"{verdict.name:<14} {word:<7} {verdict.seconds:.1f} s")
        if not verdict.ok:
            output.note(verdict.output)
    ok = all(verdict.ok for verdict in verdicts)
    steps = [
        {"name": one.name, "ok": one.ok, "seconds": round(one.seconds, 3), "output": one.output}
        for one in verdicts
    ]
    if only:
        why = "only some steps were asked for"
    elif commit and evidence.commit_of(here, found)[0] != commit:
        why = "the agent changed while it was tested"
    kept = why
    if not why:
        kept = here.layout.relative(
            evidence.record(here, found, "test", commit, {"ok": ok, "steps": steps})
        )
    if as_json:
        output.json_document({"agent": name, "ok": ok, "evidence": kept, "steps": steps})
    else:
        done = sum(verdict.ok for verdict in verdicts)
        output.line(f"{name}: {done} of {len(verdicts)} steps passed")
        output.line(f"evidence: {kept}" if not why else f"no evidence is kept: {why}")
    return int(not ok)
