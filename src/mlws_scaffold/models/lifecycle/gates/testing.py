"""The model's own cases, asked of the model itself."""

from __future__ import annotations

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models.lifecycle import cases, servers, trials
from mlws_scaffold.models.lifecycle.expectations import Judge
from mlws_scaffold.models.lifecycle.stages import Context, Verdict, failed, passed
from mlws_scaffold.models.lifecycle.trials import Tried


def unit_cases(context: Context) -> Verdict:
    """Every unit case gets as many right answers as it asks for."""
    suite = cases.load(context.layout, context.key)
    chosen = suite.of("unit") if suite else ()
    if suite is None or not chosen:
        name = cases.name_of(context.key)
        said = f"{name} is missing" if suite is None else f"{name} has no unit case"
        return failed(said, f"cure: write what {context.key} has to answer into it")
    with servers.asked(context.host):
        # What follows is timed: the weights come into memory before.
        ollama.load(context.host, context.name)
    judge = Judge(context.layout, suite.refusals)
    tried = trials.run(
        chosen, lambda case, seed: servers.ask(context.host, context.name, case, seed), judge
    )
    return verdict(list(tried))


def verdict(tried: list[Tried]) -> Verdict:
    """The lines of those that failed, and all answers as evidence."""
    wrong = [line for one in tried if not one.ok for line in one.lines()]
    right = sum(one.ok for one in tried)
    evidence = [one.evidence() for one in tried]
    say = failed if wrong else passed
    return say(f"{right} of {len(tried)} cases pass", *wrong, cases=evidence)
